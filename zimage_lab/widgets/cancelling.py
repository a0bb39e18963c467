"""The Cancel button, which must work while a cell of the notebook runs.

JupyterLab sends clicks over a subshell, a second thread of the kernel that answers while the main one runs a cell.
ipykernel 7.4 sends a widget's messages to wherever the widget was last changed from, which is the main thread, so the
click would wait for the cell's end. For this one button we ask it to keep the front end's own way. Where ipykernel
knows no such routing the attribute is never read, and where there are no subshells the click comes when the cell ends,
or at once by the kernel's interrupt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.widgets.fields import classed
from zimage_lab.widgets.plain import Button

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.widgets.words import Words


def cancel_button(words: Words, cancel: Callable[[], None]) -> Any:  # noqa: ANN401 - ipywidgets have no types
    """Make the button; `cancel` may be called on any thread.

    Parameters
    ----------
    words
        The panel's texts.
    cancel
        Asks the engine to stop; returns at once.
    """
    button = classed(Button(description=words("cancel"), tooltip=words("cancel_tip")), "zl-cancel")
    button.on_click(lambda _: cancel())
    button.observe(_keep_way, "comm")
    return button


def _keep_way(change: Any) -> None:  # noqa: ANN401 - traitlets' change
    if change["new"] is not None:  # it has just been told of
        change["new"]._reply_subshell_for = lambda _data, front_ends: front_ends  # noqa: SLF001 - see above
