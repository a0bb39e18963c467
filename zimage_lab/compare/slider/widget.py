"""The slider as a widget of Jupyter. It brings pictures when they are chosen; whatever moves, moves in the page."""

from __future__ import annotations

import contextvars
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from zimage_lab.compare import results
from zimage_lab.compare.language import chosen
from zimage_lab.compare.slider import told
from zimage_lab.compare.slider.static import bundle
from zimage_lab.errors import InvalidRequest, ZImageError, shown, suggestion

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from zimage_lab.compare.comparison import Comparison

LOG = logging.getLogger(__name__)

EDGE = 1600
"""Longest edge of the picture that a notebook keeps."""

EMPTY = {"text/plain": "", "text/html": '<i class="zl-look-slot"></i>'}

_PARTS = Path(__file__).parent


def part(name: str) -> str:
    """Read one of the files beside this one."""
    return (_PARTS / name).read_text(encoding="utf-8")


class Slider(anywidget.AnyWidget):
    """Two contestants' pictures of a prompt, compared by eye.

    Parameters
    ----------
    comparison
        The comparison; pictures that are made later appear when it is done, or at `refresh`.
    left, right
        Labels of the two that are seen first; None takes the first two.
    language
        "en" or "zh"; None takes the environment's.

    Raises
    ------
    InvalidRequest
        It has no such contestant.
    """

    _esm = part("stage.js") + part("widget.js")
    _css = part("slider.css")

    told = traitlets.Dict().tag(sync=True)
    states: Any = traitlets.List().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        comparison: Comparison,
        *,
        left: str | None = None,
        right: str | None = None,
        language: str | None = None,
    ) -> None:
        self.comparison = comparison
        self._language = chosen(language)
        self._places = told.places(comparison.plan)
        first = _number(comparison, left, "left", 0)
        second = _number(comparison, right, "right", 1 if first == 0 else 0)
        super().__init__(
            told=told.told(comparison.plan, self._language),
            states=told.states(comparison, self._language),
            view={"left": first, "right": second},
        )
        self.on_msg(self._hear)
        if not comparison.done:
            comparison.add_done_callback(self.refresh)

    def __repr__(self) -> str:
        return f"Slider of {self.comparison!r}: run this cell to move it"

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython asks
        made: Any = super()._repr_mimebundle_(**options)
        data = made[0] if isinstance(made, tuple) else made
        return {**(data or {}), **bundle(self.comparison, EDGE), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._keep()
        made: Any = super()._repr_mimebundle_()
        data = made[0] if isinstance(made, tuple) else made
        display({**data, "text/plain": repr(self)}, raw=True)  # type: ignore[no-untyped-call]

    def refresh(self) -> None:
        """Look which pictures are there by now."""
        fresh = told.states(self.comparison, self._language)
        if fresh != self.states:
            self.states = fresh

    def save(self, path: str | os.PathLike[str], *, pixels: int = 1024) -> Path:
        """Write it as one HTML page that works without a kernel and without a network.

        Parameters
        ----------
        path
            A name that ends in `.html`, in a folder that is there; a file of this name is replaced whole.
        pixels
            Longest edge of a picture in it, 32 to 2048.

        Returns
        -------
        Path
            Absolute path of the page.

        Raises
        ------
        InvalidRequest
            The name or the number cannot be; nothing was written.
        """
        from zimage_lab.compare.slider.page import write

        return write(self.comparison, path, pixels=pixels, language=self._language, view=dict(self.view))

    def _hear(self, _: object, content: Any, __: object) -> None:  # noqa: ANN401 - what a page sent
        """Send the picture that a page asks for; an empty answer where there is none."""
        if not isinstance(content, dict) or content.get("kind") != "picture":
            return
        place, answer = content.get("place"), {"kind": "picture", "number": content.get("number"), "mime": "image/png"}
        known = isinstance(place, int) and 0 <= place < len(self._places)
        data = self._file(self._places[place]) if known and isinstance(place, int) else None
        self.send(answer, [] if data is None else [data])

    def _file(self, place: tuple[int, int, int, int]) -> bytes | None:
        try:
            made = results.read(self.comparison.plan, self.comparison.id, self.comparison.home, [place])[0].image
            return None if made is None or made.path is None else made.path.read_bytes()
        except (ZImageError, OSError):
            return None  # removed since

    def _keep(self) -> None:
        """Put a picture into the cell that runs, for whoever sees the notebook without a kernel."""
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if not hasattr(get_ipython(), "kernel"):
            return
        size = {"image/jpeg": {"width": EDGE // 2}}
        ready = bundle(self.comparison, EDGE) if self.comparison.done else {}
        show: Any = display
        handle: Any = show(ready or EMPTY, raw=True, display_id=True, metadata=size if ready else {})
        if ready or self.comparison.done:
            return
        cell = contextvars.copy_context()  # ipykernel finds in it the cell that an output belongs to

        def fill() -> None:
            try:
                cell.run(handle.update, bundle(self.comparison, EDGE) or EMPTY, metadata=size, raw=True)
            except Exception:
                LOG.exception("The slider's picture could not be put into the notebook")

        def later() -> None:
            threading.Thread(target=fill, name="zimage-lab-slider-picture", daemon=True).start()

        self.comparison.add_done_callback(later)


def _number(comparison: Comparison, label: str | None, field: str, otherwise: int) -> int:
    labels: Sequence[str] = comparison.labels
    if label is None:
        return otherwise
    if label not in labels:
        what = f"{shown(label)} is not compared here"
        raise InvalidRequest(field, label, what, suggestion(str(label), labels))
    return labels.index(label)
