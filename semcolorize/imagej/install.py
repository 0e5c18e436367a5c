"""Macros into a Fiji or ImageJ, and out again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from semcolorize._version import __version__
from semcolorize.errors import BridgeError
from semcolorize.imagej.jobfolder import spell, unspell
from semcolorize.imagej.setup_macro import SETUP_MACRO
from semcolorize.micrograph.atomic import write_bytes_atomic

__all__ = ["Change", "install", "installed_python", "macro_folder", "uninstall"]

_FOLDER = Path("plugins") / "SemColorize"
_TOOLSETS = Path("macros") / "toolsets"
_TOOLSET = "SEM Colorize.ijm"
_MANIFEST = _FOLDER / "installed.json"
_SIGNS = ("plugins", "ij.jar", "jars", "ImageJ.app", "ImageJ-linux64", "ImageJ-win64.exe", "fiji", "fiji.bat")


@dataclass(frozen=True)
class Change:
    """One thing done to a file.

    Parameters
    ----------
    what : str
        ``written``, ``unchanged``, ``removed``, ``kept``, or ``set aside``.
    path : Path
    """

    what: str
    path: Path

    def __str__(self) -> str:
        why = "  (changed since it was installed)" if self.what == "kept" else ""
        return f"{self.what:<9}  {self.path}{why}"


def install(folder: Path, *, python: str | None = None) -> list[Change]:
    """Copy the macros into an ImageJ and tell them which Python to use.

    Parameters
    ----------
    folder : Path
        That holds ``plugins`` and ``macros``: ``Fiji.app``, ``Fiji``, ``ImageJ``.
    python : str, optional
        Interpreter with semcolorize; this one by default.

    Returns
    -------
    changes : list of Change

    Raises
    ------
    BridgeError
        If the folder is no ImageJ, or nothing can be written there.
    """
    home = _imagej(folder)
    interpreter = python or sys.executable
    if not interpreter or not Path(interpreter).is_file():
        raise BridgeError(f"The Python interpreter {interpreter!r} does not exist; give another with --python.")
    contents = dict(_macros())
    contents[_FOLDER / "python.txt"] = f"{spell(interpreter)}\n".encode("ascii")
    before = _manifest(home)
    changes = []
    written = {}
    for place, content in contents.items():
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        written[place.as_posix()] = _digest(content)
        found = path.read_bytes() if path.exists() else None
        if found == content:
            changes.append(Change("unchanged", path))
            continue
        if found is not None and _digest(found) != before.get(place.as_posix()) and place.suffix == ".ijm":
            # Somebody changed it: that is theirs.
            changes.append(Change("set aside", _set_aside(path, found)))
        write_bytes_atomic(path, content, overwrite=True)
        changes.append(Change("written", path))
    gone = [home / place for place in before if place not in written]
    changes += [change for path in gone for change in _remove(path, before[path.relative_to(home).as_posix()])]
    manifest = {"version": __version__, "files": written}
    write_bytes_atomic(home / _MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n", overwrite=True)
    return changes


def uninstall(folder: Path) -> list[Change]:
    """Remove what `install` wrote; files that somebody changed are kept.

    Raises
    ------
    BridgeError
        If nothing is installed there.
    """
    home = _imagej(folder)
    before = _manifest(home)
    if not before:
        raise BridgeError("SemColorize is not installed there: nothing to remove.", path=home)
    changes = [change for place, digest in before.items() for change in _remove(home / place, digest)]
    with contextlib.suppress(OSError):
        (home / _MANIFEST).unlink()
    for place in (_FOLDER, _TOOLSETS):
        # What holds other files stays.
        with contextlib.suppress(OSError):
            (home / place).rmdir()
    return changes


def installed_python(folder: Path) -> str | None:
    """The interpreter that the macros in an ImageJ call; None if there are none."""
    try:
        return unspell((folder / _FOLDER / "python.txt").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def _imagej(folder: Path) -> Path:
    if not folder.is_dir():
        raise BridgeError("There is no such folder; give the one that holds ImageJ's plugins.", path=folder)
    if any((folder / sign).exists() for sign in _SIGNS):
        return folder.absolute()
    inside = [path.name for path in sorted(folder.iterdir()) if (path / "plugins").is_dir()]
    near = f" Did you mean {str(folder / inside[0])!r}?" if inside else ""
    raise BridgeError(
        f"This is no ImageJ or Fiji: it has no plugins folder.{near} In ImageJ, Plugins > Utilities > ImageJ "
        "Properties shows the folder as 'ImageJ home'.",
        path=folder,
    )


def macro_folder() -> Traversable:
    """Return where the macros lie: installed beside the package, in a checkout at its top."""
    try:
        return files("semcolorize.fiji_macros")
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "fiji_macros"


def _macros() -> Iterator[tuple[Path, bytes]]:
    for source in sorted(macro_folder().iterdir(), key=lambda entry: entry.name):
        if source.name.endswith(".ijm") and source.name != SETUP_MACRO:
            yield (_TOOLSETS if source.name == _TOOLSET else _FOLDER) / source.name, source.read_bytes()


def _manifest(home: Path) -> dict[str, str]:
    try:
        stored = json.loads((home / _MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(stored, dict):
        return {}
    # Only what install can have written: a manifest leads nowhere else.
    parents = (_FOLDER.as_posix(), _TOOLSETS.as_posix())
    return {str(k): str(v) for k, v in stored.items() if Path(k).parent.as_posix() in parents}


def _remove(path: Path, digest: str) -> list[Change]:
    if not path.exists():
        return []
    if _digest(path.read_bytes()) != digest:
        return [Change("kept", path)]
    path.unlink()
    return [Change("removed", path)]


def _set_aside(path: Path, content: bytes) -> Path:
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.yours{number if number > 1 else ''}")
        if not aside.exists():
            return write_bytes_atomic(aside, content)
    raise BridgeError("There are too many copies of this macro; remove some.", path=path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
