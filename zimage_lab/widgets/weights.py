"""Gets a model's weights from the panel: a button with the size, a question, a bar, and a way out at every moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from zimage_lab.errors import Cancelled, ZImageError
from zimage_lab.models.download import Offer, download
from zimage_lab.widgets.fields import classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, VBox
from zimage_lab.widgets.progress import ProgressLine, Shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.models import Model
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words


class WeightsDownload:
    """The button under a model whose weights are not here.

    The hub is asked on a thread of its own, which waits there for the person's answer.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Draws what this has to show.
    come
        Called when the weights have come.
    """

    def __init__(self, words: Words, publisher: Publisher, come: Callable[[], None]) -> None:
        self._words, self._publisher, self._come = words, publisher, come
        self._model: Model | None = None
        self._place: Path | None = None
        self._thread: threading.Thread | None = None
        self._offer: Offer | None = None
        self._answer = threading.Event()
        self._agreed = self._stopped = False
        self._done = (0, 0)
        self._error = ""
        self.get = Button(icon="download")
        self.yes = classed(Button(description=words("download_yes")), "mod-primary")
        self.no = Button(description=words("download_no"))
        self._note, self._line = HTML(), ProgressLine()
        self._buttons = classed(HBox([self.get, self.yes, self.no]), "zl-row")
        self.widget = classed(VBox([self._note, self._line.widget, self._buttons]), "zl-download")
        self.get.on_click(lambda _: self._begin())
        self.yes.on_click(lambda _: self._decide(agreed=True))
        self.no.on_click(lambda _: self._decide(agreed=False))
        toggle_class(self.widget, "zl-gone", on=True)

    @property
    def running(self) -> bool:
        """Whether it asks or fetches now."""
        return self._thread is not None and self._thread.is_alive()

    def show(self, model: Model | None, place: Path | None = None) -> None:
        """Show what there is for the chosen model; for whoever holds the publisher's lock."""
        self._place = place
        if not self.running and model is not self._model:
            self._model, self._error, self._offer = model, "", None
        wanted = self._model
        offered = wanted is not None and wanted.path is None and wanted.card.hub_id is not None
        self._set(self.widget, shown=offered or self.running)
        if wanted is None:
            return
        asking = self.running and self._offer is not None and not self._answer.is_set()
        fetching = self.running and self._agreed
        size = self._words.size(wanted.card.download_bytes)
        self.get.description = self._words("download_get", size=size)
        self._set(self.get, shown=not self.running)
        self._set(self.yes, shown=asking)
        self._set(self.no, shown=self.running)
        self.no.description = self._words("download_no" if asking else "cancel")
        self._set(self._line.widget, shown=fetching)
        if fetching:
            done, total = self._done
            line = self._words("download_line", done=self._words.size(done), total=self._words.size(total))
            self._line.show(Shown(line, done / total if total else 0.0))
        sentence = ""
        if asking and self._offer is not None:
            sentence = self._words(
                "download_ask",
                hub_id=self._offer.hub_id,
                size=self._words.size(self._offer.missing_bytes),
                endpoint=self._offer.endpoint,
                place=self._offer.place,
                free=self._words.size(self._offer.free_bytes),
                licence=self._offer.licence or "?",
            )
        elif self.running and not fetching:
            sentence = self._words("download_asking")
        self._note.value = text(self._error, "error") + text(sentence)

    @staticmethod
    def _set(widget: HTML, *, shown: bool) -> None:
        toggle_class(widget, "zl-gone", on=not shown)

    def _begin(self) -> None:
        if self.running or self._model is None:
            return
        self._offer, self._agreed, self._stopped, self._error = None, False, False, ""
        self._done = (0, 0)
        self._answer.clear()
        arguments = (self._model.id, self._place)
        self._thread = threading.Thread(target=self._run, args=arguments, name="zimage-lab-download", daemon=True)
        self._thread.start()
        self._publisher.mark()

    def _decide(self, *, agreed: bool) -> None:
        self._agreed = agreed and not self._answer.is_set()
        self._stopped = not agreed
        self._answer.set()
        self._publisher.mark()

    def _run(self, model_id: str, place: Path | None) -> None:
        try:
            download(model_id, place, confirm=self._confirm, progress=self._progress)
        except Cancelled:
            pass
        except ZImageError as error:
            self._error = str(error)
        else:
            self._come()
        self._thread = None
        self._publisher.mark()

    def _confirm(self, offer: Offer) -> bool:
        if self._stopped:
            return False
        self._offer = offer
        self._publisher.mark()
        self._answer.wait()
        return self._agreed

    def _progress(self, done: int, total: int) -> None:
        if self._stopped:
            message = "The download was stopped; what has come stays."
            raise Cancelled(message)
        self._done = (done, total)
        self._publisher.mark()
