"""The rooms of the design keep to their doors: who may import whom, and what `import zimage_lab` may cost."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import zimage_lab

PACKAGE = Path(zimage_lab.__file__).parent
HEAVY = {"torch", "diffusers", "transformers"}

# Room -> the rooms that it may import. A module at the top of the package is a room, and so is a folder.
DATA = {"errors", "lazy", "values", "request", "recipe"}
STORE = DATA | {"home", "graph", "store", "labels", "result", "runs"}
MODELS = STORE | {"models", "options", "picture_recipe"}
ENGINE = MODELS | {"engine"}
FACE = ENGINE | {"metrics", "miniature", "prompts", "batch", "sweeps", "compare", "workflow"}
FACE |= {"hooks", "rules", "schedules", "lora_training"}
MAY = {
    "errors": set(),
    "lazy": set(),
    "values": DATA,
    "request": DATA,
    "recipe": DATA,
    "home": DATA,
    # What a training shows, whoever trains.
    "diary": set(),
    "graph": {"errors", "values", "request"},
    "store": STORE,
    # A label is put into bytes: whoever has them, whatever a store is.
    "labels": DATA | {"home", "labels"},
    "result": STORE,
    "runs": STORE,
    "picture_recipe": STORE,
    "options": MODELS,
    "models": MODELS,
    # engine.batch, engine.sweep, engine.compare and a job that holds a graph are doors; an engine that serves everybody
    # tells the hooks.
    "engine": ENGINE | {"batch", "sweeps", "compare", "hooks", "workflow"},
    "metrics": {"errors", "values", "request", "metrics"},
    "miniature": DATA | {"metrics", "models", "miniature", "diary"},
    "lora_training": ENGINE | {"lora_training", "diary"},
    # Templates and tables know no engine; only `enhance` asks one, for a prompt.
    "prompts": DATA | {"home", "options", "prompts", "engine", "store"},
    "batch": ENGINE | {"prompts", "batch"},
    # The miniature says whether a picture shows what its prompt asked for.
    "sweeps": ENGINE | {"prompts", "metrics", "miniature", "sweeps"},
    # The miniature's judge, and what a picture must cost.
    "compare": ENGINE | {"metrics", "miniature", "compare"},
    # Hooks hear an engine's events and read the store; they know no engine.
    "hooks": STORE | {"hooks"},
    "rules": ENGINE,
    "workflow": ENGINE | {"workflow"},
    # A scheduled command is a process of its own: schedules know the shell's words, not what they do.
    "schedules": STORE | {"schedules"},
    "widgets": FACE | {"widgets"},
    "api": FACE | {"api"},
    "magics": FACE,
    # The shell trains and evaluates the miniature, serves HTTP, and a bare `zimage-lab` starts the studio.
    "cli": FACE | {"cli", "start", "api"},
    # Starting is no face: it opens JupyterLab, and asks only where pictures go and what weights there are.
    "start": {"errors", "home", "models", "start"},
}
# Rooms in which no line imports torch, or only inside of functions.
WITHOUT_TORCH = {"errors", "values", "request", "recipe", "home", "store", "result", "options", "widgets", "magics"}
WITHOUT_TORCH |= {"graph", "runs", "picture_recipe", "prompts", "batch", "sweeps", "labels", "hooks", "rules"}
WITHOUT_TORCH |= {"schedules", "compare", "api"}
TORCH_IN_FUNCTIONS = {"models", "metrics", "cli", "lora_training", "workflow"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    paths = (path for path in PACKAGE.rglob("*.py") if "labextension" not in path.parts)
    return sorted(path for path in paths if path != PACKAGE / "__init__.py")


def imports(path: Path, *, top: bool = False) -> set[str]:
    """List the modules that a file imports; with ``top`` only those that importing it imports, too."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += [] if top else node.body
            waiting += node.orelse
        elif not (top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return found


def roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_below_it(path: Path) -> None:
    own = [name.split(".")[1] for name in imports(path) if name.startswith("zimage_lab.")]
    # `from zimage_lab import load` reaches a room by the package's lazy attributes.
    reached = {zimage_lab._HOMES.get(name, name) for name in own} - {"__version__"}
    assert room(path) in MAY, f"{room(path)} is a new room: say in this test what it may import"
    strangers = reached - MAY[room(path)] - {room(path)}
    assert not strangers, f"{path.relative_to(PACKAGE)} must not import {sorted(strangers)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    if room(path) in WITHOUT_TORCH:
        assert not roots(imports(path)) & HEAVY
    elif room(path) in TORCH_IN_FUNCTIONS:
        assert not roots(imports(path, top=True)) & HEAVY


def test_import_of_the_package_is_light() -> None:
    code = """
import sys, time
begin = time.perf_counter()
import zimage_lab
zimage_lab.__dir__()
print(time.perf_counter() - begin)
heavy = {"torch", "diffusers", "transformers", "ipywidgets", "IPython", "pydantic", "PIL", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 0.3


def test_every_public_name_is_there() -> None:
    for name in zimage_lab.__all__:
        assert getattr(zimage_lab, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = zimage_lab.nothing
