"""The package as a house: what imports what, what importing costs, what is public."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import semcolorize

ROOT = Path(semcolorize.__file__).parent
REPOSITORY = Path(__file__).resolve().parents[2]

# design.md: imports point down this list only, that is, a room imports rooms before it.
ROOMS = [
    "_version", "errors", "parallel", "color", "diffusion", "hints", "micrograph", "hintfiles", "propagation",
    "network", "model", "inference", "results", "result", "pipeline", "scenes", "training", "evaluation", "batch",
    "imagej", "app", "cli", "__init__", "__main__",
]  # fmt: skip

# Sources of scenes and training stand beside the pipeline, not on it.
SIDE = {"scenes", "training"}


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "semcolorize" and len(parts) > 1:
                yield parts[1]


MODULES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(ROOT)) for p in MODULES])
def test_imports_point_down(path):
    mine = room(path)
    assert mine in ROOMS
    for other in imported_rooms(path):
        assert other == mine or ROOMS.index(other) < ROOMS.index(mine), f"{mine} imports {other}"
        if mine in {"pipeline", "result"}:
            assert other not in SIDE


def test_modules_stay_short():
    long = {
        str(p.relative_to(ROOT)): n for p in MODULES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def loaded_by(statement):
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import semcolorize", "import semcolorize; dir(semcolorize); semcolorize.__version__"]
)
def test_importing_loads_nothing_heavy(statement):
    assert not loaded_by(statement) & {"torch", "scyjava", "jpype", "click", "numpy", "matplotlib", "scipy"}


def test_help_loads_no_torch():
    statement = "from semcolorize.cli.main import cli; cli.main(['--help'], standalone_mode=False)"
    assert not loaded_by(statement) & {"torch", "numpy", "scipy", "matplotlib", "rich", "pydantic"}


def test_training_needs_only_what_a_bare_cluster_has():
    loaded = loaded_by("import semcolorize.training.loop, semcolorize.training.recipe")
    assert not loaded & {"pydantic", "roifile", "matplotlib", "skimage", "scyjava"}


def test_loading_the_model_does_not_load_the_compiler_of_torch():
    # It is some 800 modules, more than torch itself, for nothing.
    loaded = loaded_by("import semcolorize; semcolorize.Colorizer.load('default', device='cpu')")
    assert "torch" in loaded and "torch._dynamo" not in loaded


@pytest.mark.parametrize("name", semcolorize.__all__)
def test_public_names_exist_and_are_documented(name):
    value = getattr(semcolorize, name)
    assert name == "__version__" or value.__doc__


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'colorise'"):
        semcolorize.colorise  # noqa: B018


COMMANDS = [
    "", "demo", "colorize", "views", "check", "palette", "doctor", "evaluate", "benchmark", "train", "batch", "app",
    "imagej", "imagej install", "imagej worker",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    words = [sys.executable, "-m", "semcolorize", *command.split(), "--help"]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "Example" in answer.stdout and "semcolorize " + command in answer.stdout


def test_every_room_is_packaged():
    listed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = {".".join(["semcolorize", *path.parent.relative_to(REPOSITORY / "semcolorize").parts])
             for path in (REPOSITORY / "semcolorize").rglob("__init__.py")}  # fmt: skip
    assert set(listed) == rooms | {"semcolorize.fiji_macros"}
