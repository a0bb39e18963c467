"""Which model draws: its state, what to do where it is missing, and weights that this machine already has."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import ZImageError
from zimage_lab.home import MODELS, home
from zimage_lab.widgets.fields import classed, text
from zimage_lab.widgets.plain import HTML, Button, Dropdown, HBox
from zimage_lab.widgets.weights import WeightsDownload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.models import FoundWeights, Model
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words


class ModelChoice:
    """The drop-down of models with a note under it.

    Its labels say nothing that changes by itself: a choice that meets a change of labels on the way would be lost.

    Parameters
    ----------
    words
        The panel's texts.
    chosen
        Called with the model that was chosen, also with the same one when its weights were looked for again.
    publisher
        Whose lock keeps the two threads apart.

    Attributes
    ----------
    place
        The engine's home folder; None is the usual one.
    """

    def __init__(self, words: Words, chosen: Callable[[Model], None], publisher: Publisher) -> None:
        self._words, self._chosen, self._publisher = words, chosen, publisher
        self.place: Path | None = None
        self._labelling: int | None = None
        self._known: dict[str, Model] = {}
        self._found: list[FoundWeights] = []
        self._complaint = ""
        self.menu = classed(Dropdown(description=words("model")), "zl-field")
        self.again = classed(Button(icon="refresh", tooltip=words("look_again")), "zl-icon")
        self.note = classed(HTML(), "zl-model-note")
        self.widget = classed(HBox([self.menu, self.again]), "zl-model", "zl-row")
        self.download = WeightsDownload(words, publisher, self.look)
        self.again.on_click(lambda _: self.look())
        self.menu.observe(self._picked, "value")

    @property
    def model(self) -> Model | None:
        """The chosen model."""
        return self._known.get(self.menu.value)

    def named(self, model_id: str) -> Model | None:
        """Give the model of an id, where it is listed."""
        return self._known.get(model_id)

    def look(self, first: str | None = None) -> None:
        """Read the catalog again; weights that lie elsewhere are looked for on a thread of their own."""
        with self._publisher.lock:
            asked = first or self.menu.value
            self._known = {model.id: model for model in models.models(self.place)}
            self._pick(self._id_of(asked) or next(iter(self._known), None))
        threading.Thread(target=self._search, name="zimage-lab-weights", daemon=True).start()

    def choose(self, name: str) -> None:
        """Choose a model by any of its names; one that is not known changes nothing."""
        with self._publisher.lock:
            model_id = self._id_of(name)
            if model_id is not None:
                self._pick(model_id)

    def complain(self, sentence: str) -> None:
        """Put a sentence beside the model; the next choice takes it away."""
        self._complaint = sentence
        self.explain()
        self._publisher.mark()  # it may be writing the note without the sentence just now

    def draw(self) -> None:
        """Show what there is to download; for the publisher."""
        self.download.show(self.model, self.place)

    def explain(self) -> None:
        """Say what there is to know of the chosen model."""
        model = self.model
        parts = [text(self._complaint, "error")]
        if model is not None and model.path is None:
            parts += [text(self.missing(model), "warn"), *self._offers(model)]
        self.note.value = "".join(parts)

    def missing(self, model: Model) -> str:
        """Say what to do about a model that is not on this machine."""
        card, folder = model.card, home(self.place) / MODELS / model.card.id
        key = "get_model" if card.hub_id else "get_folder"
        size = self._words.size(card.download_bytes)
        return self._words(key, title=card.title or card.id, size=size, hub_id=card.hub_id, folder=folder)

    def _offers(self, model: Model) -> list[str]:
        fitting = [item for item in self._found if item.model_id in (None, model.id, model.card.hub_id)]
        if not fitting:
            return []
        lines = [text(self._words("found") + ":")]
        for item in fitting:
            comfyui = "found_comfyui" if item.kind.startswith("comfyui") else "found_incomplete"
            lines.append(text(self._words("found_load" if item.loadable else comfyui, path=item.path)))
        return lines

    def _label(self, selected: str | None) -> None:
        options = [
            (title if model.path is not None else f"{title} · {self._words('absent')}", model.id)
            for model in self._known.values()
            for title in [model.card.title or model.id]
        ]
        self._labelling = threading.get_ident()  # weights that have come look again on their own thread
        with self.menu.hold_sync():
            if tuple(options) != tuple(self.menu.options):
                self.menu.options = options
            self.menu.value = selected
        self._labelling = None
        self.explain()

    def _id_of(self, name: str | None) -> str | None:
        """Give the id of a model by any of its names, and list it where the catalog does not; None for no model."""
        if not name or name in self._known:
            return name or None
        try:
            model = models.find(name, self.place)
        except ZImageError:
            return None
        self._known[model.id] = model
        return model.id

    def _picked(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if threading.get_ident() != self._labelling:
            with self._publisher.lock:
                self._pick(change["new"])

    def _pick(self, model_id: str | None) -> None:
        self._complaint = ""
        self._label(model_id)
        model = self.model
        if model is not None:
            self._chosen(model)

    def _search(self) -> None:
        try:
            self._found = models.found(self.place)
        except (ZImageError, OSError):
            self._found = []  # an offer that fails is no offer
        self._publisher.mark()
