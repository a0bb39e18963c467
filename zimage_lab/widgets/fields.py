"""Small building blocks of the form: escaped text, a row of fields with its sentence, a part that folds."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab.widgets.plain import HTML, Box, Button, HBox, VBox, is_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def text(content: str, kind: str = "note") -> str:
    """Give text as HTML in which nothing of it can act; empty text gives empty HTML.

    Parameters
    ----------
    content
        Anything a person or a model wrote.
    kind
        `note`, `warn` or `error`: how it looks; errors are read aloud at once.
    """
    role = ' role="alert"' if kind == "error" else ""
    return f'<div class="zl-text zl-{kind}"{role}>{html.escape(content)}</div>' if content else ""


def classed(widget: Any, *names: str) -> Any:  # noqa: ANN401 - ipywidgets have no types
    """Give the widget with CSS classes added."""
    for name in names:
        widget.add_class(name)
    return widget


def toggle_class(widget: Any, name: str, *, on: bool) -> None:  # noqa: ANN401 - ipywidgets have no types
    """Add or remove a CSS class, sending nothing where it is already so."""
    if (name in widget._dom_classes) != on:  # noqa: SLF001 - ipywidgets offer no question for it
        (widget.add_class if on else widget.remove_class)(name)


def refill(box: Any, children: Sequence[Any]) -> None:  # noqa: ANN401 - ipywidgets have no types
    """Put other children into a box, and close the old ones with all that they hold: the kernel keeps open ones."""
    old, box.children = box.children, tuple(children)
    for child in old:
        close(child)


def close(widget: Any) -> None:  # noqa: ANN401 - ipywidgets have no types
    """Close a widget, the parts inside it, and its layout and style, which are widgets too, where they are its own."""
    for child in getattr(widget, "children", ()):
        close(child)
    widget.close()
    for part in (widget.layout, getattr(widget, "style", None)):
        if part is not None and not is_shared(part):
            part.close()


class Row:
    """Fields side by side and, under them, the sentences about them.

    Parameters
    ----------
    controls
        The fields' widgets by the request's names.
    extra
        Further widgets of the row, after the fields.
    """

    def __init__(self, controls: Mapping[str, Any], extra: Sequence[Any] = ()) -> None:
        self.controls = dict(controls)
        self._sentences: dict[str, str] = {}
        self._rest = ""
        self.under = classed(HTML(), "zl-under")
        for control in controls.values():
            classed(control, "zl-field")
        self.widget = VBox([classed(HBox([*controls.values(), *extra]), "zl-row"), self.under])

    def complain(self, name: str, sentence: str = "") -> None:
        """Put a sentence beside a field; without one, take it away."""
        self._sentences.pop(name, None)
        if sentence:
            self._sentences[name] = sentence
        toggle_class(self.controls[name], "zl-wrong", on=bool(sentence))
        self._write()

    def say(self, rest: str) -> None:
        """Put HTML where the sentences stand, for as long as nothing is wrong."""
        self._rest = rest
        self._write()

    def _write(self) -> None:
        wrong = "".join(text(each, "error") for each in self._sentences.values())
        self.under.value = wrong or self._rest

    @property
    def sentences(self) -> dict[str, str]:
        """What is wrong now, by field."""
        return dict(self._sentences)


class Fold:
    """A part of the form under a heading that opens and closes it.

    Parameters
    ----------
    title
        The heading.
    children
        What it holds.
    opened
        Whether it begins open.
    opening
        Called each time before it opens: what many widgets show is made when somebody wants to see it.
    """

    def __init__(
        self,
        title: str,
        children: Sequence[Any],
        *,
        opened: bool = False,
        opening: Callable[[], None] | None = None,
    ) -> None:
        self.title, self._opening = title, opening
        self._children = tuple(children)
        self.head = classed(Button(description=title), "zl-fold-head")
        self.body = classed(VBox(), "zl-fold-body")
        self.widget = classed(VBox([self.head, self.body]), "zl-fold")
        self.head.on_click(lambda _: self.open(opened=not self.opened))
        self.open(opened=opened)

    @property
    def opened(self) -> bool:
        """Whether the part is open."""
        return "zl-shut" not in self.widget._dom_classes  # noqa: SLF001 - ipywidgets offer no question for it

    def open(self, *, opened: bool) -> None:
        """Open the part or close it."""
        if opened:
            self.fill()
        toggle_class(self.widget, "zl-shut", on=not opened)
        self.head.icon = "caret-down" if opened else "caret-right"

    def fill(self) -> None:
        """Put into it what it holds; a part that was never opened costs the page nothing."""
        if self._opening is not None:
            self._opening()
        if not self.body.children:
            self.body.children = self._children

    def add(self, child: Any) -> None:  # noqa: ANN401 - ipywidgets have no types
        """Put something at its end."""
        self._children += (child,)
        if self.body.children:
            self.body.children = self._children

    def say(self, addition: str = "") -> None:
        """Put a few words behind the heading."""
        self.head.description = f"{self.title} · {addition}" if addition else self.title


def chips(labels: Sequence[str], tooltip: str, *kinds: str) -> tuple[Any, list[Any]]:
    """Make a box of small buttons.

    Parameters
    ----------
    labels
        Their texts.
    tooltip
        What a click does.
    kinds
        Further CSS classes of the box.

    Returns
    -------
    The box, and its buttons in order.
    """
    buttons = [classed(Button(description=label, tooltip=tooltip), "zl-chip") for label in labels]
    return classed(Box(buttons), "zl-chips", *kinds), buttons
