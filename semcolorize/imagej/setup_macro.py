"""``Set up SemColorize.ijm``: one file that carries `semcolorize.imagej.bootstrap` in it.

::

    python -m semcolorize.imagej.setup_macro        writes the script into the macro of this checkout
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["SETUP_MACRO", "embedded", "with_bootstrap"]

SETUP_MACRO = "Set up SemColorize.ijm"
_BEGIN = "// ---- the script, from semcolorize/imagej/bootstrap.py; written by semcolorize.imagej.setup_macro\n"
_END = "// ---- end of the script\n"


def embedded(script: str) -> str:
    """Spell a Python script as a macro's function that returns it."""
    lines = [line.replace("\\", "\\\\").replace('"', '\\"') for line in script.splitlines()]
    body = "".join(f'    t += "{line}\\n";\n' for line in lines)
    return f'function script() {{\n    t = "";\n{body}    return t;\n}}\n'


def with_bootstrap(macro: str) -> str:
    """Put the script, as it is now, into the text of the macro."""
    script = files("semcolorize.imagej").joinpath("bootstrap.py").read_text(encoding="ascii")
    before, _, rest = macro.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{embedded(script)}{_END}{after}"


def main() -> None:
    """Write it."""
    path = Path(__file__).parents[2] / "fiji_macros" / SETUP_MACRO
    path.write_text(with_bootstrap(path.read_text(encoding="ascii")), encoding="ascii")
    print(path)


if __name__ == "__main__":
    main()
