#!/usr/bin/env bash
# Installs what the tests need (a virtual environment, and Debian's ImageJ and chromium where apt-get is at hand) and runs
# them all.
# Arguments go to pytest:  bash tests/run.sh -k databar
set -euo pipefail
cd "$(dirname "$0")/.."

if ! [ -e /usr/share/java/ij.jar ] || ! command -v xvfb-run >/dev/null || ! command -v xdotool >/dev/null \
  || ! command -v openbox >/dev/null || ! command -v import >/dev/null || ! command -v chromium >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      imagej libij-java xvfb xauth openjdk-17-jre openbox xdotool imagemagick chromium fonts-dejavu-core \
      libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 >/dev/null
  else
    echo "ImageJ or chromium is missing, their tests are skipped; on Debian: sudo apt-get install imagej libij-java" \
      "xvfb xauth openjdk-17-jre openbox xdotool imagemagick chromium fonts-dejavu-core" >&2
  fi
fi

environment=${SEMCOLORIZE_TEST_ENV:-.venv}
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check ".[test,imagej,napari]"

"$environment/bin/ruff" check .
"$environment/bin/mypy"
# Not "python -m pytest", which would test the checkout instead of what was installed.
exec "$environment/bin/pytest" -q "$@"
