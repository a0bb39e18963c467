"""A ComfyUI workflow in the panel: its nodes as a list, their values as fields, and a button that runs it.

Made when somebody opens a workflow's file; the graph itself is not changed here, only what stands in its nodes.
"""

from __future__ import annotations

import base64
import html
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.widgets.fields import Fold, classed, refill, text
from zimage_lab.widgets.plain import HTML, Button, Dropdown, FloatText, HBox, Text, Textarea, VBox
from zimage_lab.widgets.sentences import translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.desk import Desk
    from zimage_lab.widgets.words import Words
    from zimage_lab.workflow import Workflow
    from zimage_lab.workflow.node import Input

MOST = 60
"""Most nodes that are listed: each is several widgets."""

MOST_CHOICES = 200


class WorkflowPart:
    """The list of a workflow's nodes.

    Parameters
    ----------
    words
        The panel's texts.
    engine
        Gives the engine, or None.
    changed
        Called when something was queued.
    """

    def __init__(self, words: Words, engine: Callable[[], Desk | None], changed: Callable[[], None]) -> None:
        self._words, self._engine, self._changed = words, engine, changed
        self.workflow: Workflow | None = None
        self.fields: dict[str, Any] = {}
        self.under: dict[str, Any] = {}
        self.note, self.told, self.saved, self.list = HTML(), HTML(), HTML(), VBox()
        self.run = classed(Button(description=words("workflow_run"), icon="play"), "zl-workflow-run")
        self.save = Button(description=words("workflow_save"), tooltip=words("workflow_save_tip"), icon="download")
        actions = classed(HBox([self.run, self.save]), "zl-actions")
        self.fold = Fold("", [self.note, self.list, actions, self.told, self.saved], opened=True)
        self.widget = classed(self.fold.widget, "zl-workflow")
        self.run.on_click(lambda _: self._run())
        self.save.on_click(lambda _: self._save())

    def open(self, name: str, source: bytes | Path) -> None:
        """Show a workflow's file; what cannot be read becomes a sentence.

        Parameters
        ----------
        name
            How the heading calls it.
        source
            The file, or what is in it.
        """
        from zimage_lab.workflow import Workflow

        self.fold.head.description = self._words("workflow", name=name)
        self.workflow, self.fields, self.under = None, {}, {}
        self.told.value = self.saved.value = self.note.value = ""
        refill(self.list, [])
        try:
            self.workflow = Workflow.load(source)
        except InvalidRequest as error:
            self.told.value = text(translated(str(error), self._words), "error")
        else:
            self._show(self.workflow)
        self.run.disabled = self.save.disabled = self.workflow is None
        self.fold.open(opened=True)

    def _show(self, workflow: Workflow) -> None:
        from zimage_lab.workflow.registry import nodes

        known, order = nodes(), _order(workflow.graph)
        rows = []
        for number in order[:MOST]:
            one = workflow.graph[number]
            kind = str(one["class_type"])
            title = one.get("_meta", {}).get("title")
            named = f" · {html.escape(title)}" if isinstance(title, str) and title != kind else ""
            head = f'<div class="zl-caption">{html.escape(number)} · {html.escape(kind)}{named}</div>'
            parts: list[Any] = [HTML(head)]
            if kind in known:
                parts += [self._field(number, given, one["inputs"].get(given.name)) for given in known[kind].inputs]
            self.under[number] = HTML("" if kind in known else text(self._words("workflow_unknown"), "error"))
            rows.append(classed(VBox([*parts, self.under[number]]), "zl-node"))
        refill(self.list, rows)
        more = self._words("workflow_more", number=len(order) - MOST) if len(order) > MOST else ""
        self.note.value = text(f"{self._words('workflow_nodes', number=len(order))} {more}".strip())

    def _field(self, number: str, given: Input, value: Any) -> Any:  # noqa: ANN401 - ipywidgets have no types
        """Give a field for a value, or a line for a link."""
        if isinstance(value, list) or not given.literal:
            graph = {} if self.workflow is None else self.workflow.graph
            source = str(value[0]) if isinstance(value, list) and value else "?"
            kind = f" {graph[source]['class_type']}" if source in graph else ""
            return HTML(f'<div class="zl-text zl-note">{html.escape(f"{given.name} ← {source}{kind}")}</div>')
        name, shown = f"{number}.{given.name}", given.default if value is None else value
        field = _control(given, shown, self._home())
        field.observe(lambda change: self._set(name, given, change["new"]), "value")
        self.fields[name] = classed(field, "zl-field")
        return field

    def _home(self) -> Path | None:
        engine = self._engine()
        return None if engine is None else engine.home

    def _set(self, name: str, given: Input, value: object) -> None:
        """Put a value into the graph; a number that is none stays text, and the check says so."""
        if self.workflow is None:
            return
        if given.type == "INT" and isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 40:  # noqa: PLR2004 - no seed is longer
            value = int(value)
        self.workflow.set(name, value)
        self.saved.value = ""

    def _run(self) -> None:
        """Queue it, or say below its nodes what is wrong."""
        engine = self._engine()
        if self.workflow is None or engine is None:
            return
        for line in self.under.values():
            line.value = ""
        try:
            errors = self.workflow.validate(engine.home)
            if errors:
                self._complain(errors.node_errors, str(errors))
                return
            self.workflow.submit(engine, source="panel")
        except ZImageError as error:
            self.told.value = text(translated(str(error), self._words), "error")
            return
        lines = [text(translated(one, self._words), "warn") for one in errors.warnings]
        self.told.value = text(self._words("workflow_queued")) + "".join(lines)
        self._changed()

    def _complain(self, wrong: dict[str, dict[str, Any]], sentence: str) -> None:
        self.told.value = text(sentence, "error")
        for number, told in wrong.items():
            if number in self.under:
                lines = [f"{one['message']}: {one['details']}" for one in told["errors"]]
                self.under[number].value = "".join(text(line, "error") for line in lines)

    def _save(self) -> None:
        if self.workflow is not None:
            self.saved.value = link(self.workflow, "workflow.json", self._words)


def link(workflow: Workflow, name: str, words: Words) -> str:
    """Give a link from which the browser saves a workflow: the kernel may be on another machine."""
    data = workflow.to_json().encode()
    inside = base64.b64encode(data).decode("ascii")
    line = html.escape(words("export_ready", name=name, size=words.size(len(data))))
    href = f"data:application/json;base64,{inside}"
    return f'<a class="zl-save" download="{html.escape(name)}" href="{href}">{line}</a>'


def _control(given: Input, value: Any, home: Path | None) -> Any:  # noqa: ANN401 - ipywidgets have no types
    label = given.name
    if given.type in {"COMBO", "BOOLEAN"}:
        options = ["true", "false"] if given.type == "BOOLEAN" else given.options(home)[:MOST_CHOICES]
        told = str(value).lower() if given.type == "BOOLEAN" else str(value)
        return Dropdown(options=list(dict.fromkeys([told, *options])), value=told, description=label)
    if given.type == "FLOAT" and isinstance(value, int | float):
        return FloatText(value=float(value), description=label)
    # Whole numbers as text: a browser would round a seed above 2**53.
    kind = Textarea if given.multiline else Text
    return kind(value="" if value is None else str(value)[:20_000], description=label, continuous_update=False)


def _order(graph: dict[str, dict[str, Any]]) -> list[str]:
    """List nodes so that each comes after what it hangs on; in the file's order where that is a circle."""
    links = {
        number: [str(value[0]) for value in one["inputs"].values() if isinstance(value, list) and value]
        for number, one in graph.items()
    }
    try:
        return [number for number in TopologicalSorter(links).static_order() if number in graph]
    except CycleError:
        return list(graph)
