#!/usr/bin/env bash
# Trains the label model further on a machine with a GPU within a few minutes:
#
#     bash tests/benchmarks/gpu_drill.sh DATA OUT [MINUTES] [DEVICE]
#
# DATA holds emps, spheres, fibres, axons and coatings_superalloys (natural, too, if it is to lend textures); OUT gets
# weights.safetensors as training goes on, and the log. MINUTES (6) are those of training alone, making scenes takes less than one.
# With TINY=1 it tries the whole way on a CPU in two minutes.
set -euo pipefail
data=$1 out=$2 minutes=${3:-6} device=${4:-cuda}
cd "$(dirname "$0")/../.."
mkdir -p "$out"
work=$(mktemp -d)
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} OMP_NUM_THREADS=1
settings=(--set "optimizer.minutes=$minutes" --set workers=14 --set "init=${INIT:-semcolorize/weights/labels.safetensors}")
if [ "${TINY:-}" = 1 ]; then
  settings=("${settings[@]}" --set workers=1 --set data.pool=24 --set data.pool_size=128
    --set 'stages=[{steps: 6, size: 64, batch: 4, sizes: [96, 128]}]')
fi
[ -d "$data/natural" ] || settings+=(--set data.photographs=null)

# What comes back is small: weights and log, copied as they appear, for the machine may go at any time.
keep() { cp "$work"/run/weights.safetensors "$work"/run/log.jsonl "$out" 2>/dev/null || true; }
(while sleep 20; do keep; done) &
keeper=$!
trap 'kill $keeper 2>/dev/null; keep' EXIT

python3 -m semcolorize train labels_gpu --data "$data" --out "$work/run" --device "$device" --max-minutes "$minutes" \
  "${settings[@]}"
