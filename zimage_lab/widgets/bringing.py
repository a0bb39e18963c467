"""Files that come to the panel from JupyterLab: out of the file browser, or dropped on it."""

from __future__ import annotations

import base64
from pathlib import Path
from weakref import WeakKeyDictionary

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.widgets.panel import Panel, newest
from zimage_lab.widgets.workflow import WorkflowPart

_workflows: WeakKeyDictionary[Panel, WorkflowPart] = WeakKeyDictionary()
"""The list of nodes of each panel in which somebody opened a workflow; other panels have none."""


def bring(path: str, use: str = "recipe") -> None:
    """Hand a picture's file to the panel that was made last.

    Parameters
    ----------
    path
        The file, as the kernel finds it.
    use
        "recipe" shows how it was made, "init_image" begins with it, "workflow" lists a ComfyUI graph's nodes.

    Raises
    ------
    InvalidRequest
        When there is no such use, no panel, or no such file.
    """
    field = "use"
    if use not in {"recipe", "init_image", "workflow"}:
        fix = "Use 'recipe', 'init_image' or 'workflow'."
        raise InvalidRequest(field, use, f"{shown(use)} is not known", fix)
    field, panel, file = "path", newest(), Path(path)
    if not file.is_file():
        raise InvalidRequest(field, path, f"there is no file {shown(path)} here", "Choose a picture of this machine.")
    if use == "recipe":
        _show_recipe(panel, file.name, file.read_bytes())
    elif use == "workflow":
        _show_workflow(panel, file)
    else:
        panel.tabs.turn("create")
        panel.create.form.beginning.picture.choose(file)
        panel.create.form.beginning.fold.open(opened=True)


def drop(name: str, content: str) -> None:
    """Show the recipe of a picture that was dropped on the panel: the browser has the file, and knows no path.

    Parameters
    ----------
    name
        The file's name, for the sentences.
    content
        What is in it, as base64.

    Raises
    ------
    InvalidRequest
        When there is no panel.
    """
    _show_recipe(newest(), name, base64.b64decode(content))


def _show_recipe(panel: Panel, name: str, data: bytes) -> None:
    """Read a picture's recipe where the form shows it; what cannot be read becomes a sentence there."""
    panel.tabs.turn("create")
    panel.create.form.settings.open(opened=True)
    panel.create.found.fold.open(opened=True)
    panel.create.found.read(name, data)


def _show_workflow(panel: Panel, file: Path) -> None:
    """Show a workflow's nodes in the form, in a part that is there from the first one on."""
    part = _workflows.get(panel)
    if part is None:
        part = _workflows[panel] = WorkflowPart(panel.words, lambda: panel.engine, panel.publisher.mark)
        panel.create.form.settings.add(part.widget)
    panel.tabs.turn("create")
    panel.create.form.settings.open(opened=True)
    part.open(file.name, file)
