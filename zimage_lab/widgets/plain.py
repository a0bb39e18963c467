"""ipywidgets' own widgets, made cheaper: one layout and one style for all of them, and no word to the page too early.

A widget of ipywidgets tells the front end of itself, of its layout and of its style as soon as it is made, and of each
change afterwards. A panel has hundreds, most of them in parts that are folded. These here are told of when something on
the screen first names them: in one message each, as they are by then.
"""

from __future__ import annotations

from typing import Any

import ipywidgets

_shared: dict[type, Any] = {}


def shared(kind: type) -> Any:  # noqa: ANN401 - ipywidgets have no types
    """Give the one layout, or the one style of its kind, that lays nothing out and colours nothing."""
    if kind not in _shared or _shared[kind].comm is None:  # somebody may have closed all widgets of the process
        _shared[kind] = kind()
    return _shared[kind]


def is_shared(part: object) -> bool:
    """Tell whether a layout or a style belongs to many widgets, and is not to be closed with one."""
    return _shared.get(type(part)) is part


class Plain:
    """What is added to a widget's class."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - those of the widget
        settings.setdefault("layout", shared(ipywidgets.Layout))
        style = type(self).class_traits().get("style")  # type: ignore[attr-defined] # a widget's
        if style is not None:
            settings.setdefault("style", shared(style.klass))
        super().__init__(*arguments, **settings)

    def open(self) -> None:
        """Wait: `model_id` opens it."""

    @property
    def model_id(self) -> str:
        """The name by which the front end knows it; who asks is about to tell the front end."""
        super().open()  # type: ignore[misc] # the widget's own
        return str(self.comm.comm_id)  # type: ignore[attr-defined]

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython asks
        assert self.model_id  # noqa: S101 - it is opened by being asked
        return super()._repr_mimebundle_(**options)  # type: ignore[misc]


def _plain(kind: type) -> Any:  # noqa: ANN401 - ipywidgets have no types
    return type(kind.__name__, (Plain, kind), {"__doc__": kind.__doc__})


HTML, Box, HBox, VBox = map(_plain, (ipywidgets.HTML, ipywidgets.Box, ipywidgets.HBox, ipywidgets.VBox))
Button, ToggleButton, Dropdown, FileUpload = map(
    _plain, (ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.Dropdown, ipywidgets.FileUpload)
)
Text, Textarea, IntText, FloatText = map(
    _plain, (ipywidgets.Text, ipywidgets.Textarea, ipywidgets.IntText, ipywidgets.FloatText)
)
Image, IntSlider = map(_plain, (ipywidgets.Image, ipywidgets.IntSlider))
