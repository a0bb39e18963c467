"""Which models there are, and where: the bundled miniatures, the real family, and whatever folders a person has."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from zimage_lab.errors import InvalidRequest, ModelLoadError, UnknownModel
from zimage_lab.home import MODELS, home
from zimage_lab.models import folders
from zimage_lab.models.card import CARD, ModelCard, read_card

DEFAULT_MODEL = "miniature-turbo"
CARDS = Path(__file__).with_name("cards")
BUNDLED = Path(__file__).parent.parent / "miniature" / "weights"
_PIPELINES = ("ZImagePipeline",)
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
_FIELD = "model"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its card and the place of its weights.

    Parameters
    ----------
    card
        What it says about itself.
    path
        What a person would point at: a complete folder in diffusers' layout, a ComfyUI folder, or one file; None where
        the weights are not on this machine.
    parts
        Component and file of each, where the weights are single files; empty for a folder in diffusers' layout.
    base
        The folder whose configs and tokenizer go with single files.
    """

    card: ModelCard
    path: Path | None
    parts: tuple[tuple[str, Path], ...] = ()
    base: Path | None = None

    @property
    def id(self) -> str:
        """The name that a request uses; a folder outside the catalog has its path for a name."""
        return self.card.id

    @property
    def folder(self) -> Path:
        """The folder of configs and tokenizer, and, unless `parts` says otherwise, of the weights.

        Raises
        ------
        ModelLoadError
            The weights are not on this machine.
        """
        if self.base is not None:
            return self.base
        if self.path is None:
            message = f"The weights of {self.id} are not on this machine. Run `zimage-lab models` to see what is."
            raise ModelLoadError(message)
        return self.path


def models(place: Path | None = None) -> list[Model]:
    """List the models: the bundled ones, the real family whether it is here or not, and those in the home's `models/`.

    Parameters
    ----------
    place
        The home folder; None takes the usual one.

    Returns
    -------
    list[Model]
        Each id once; a damaged folder is left out and logged.
    """
    own = (home() if place is None else place) / MODELS
    known: dict[str, Model] = {}
    for path in sorted(BUNDLED.glob(f"*/{CARD}")):
        _add(known, path.parent)
    for path in sorted(CARDS.glob("*.json"), key=lambda path: (-len(path.stem), path.stem)):  # Turbo first
        card = read_card(path)
        known[card.id] = _placed(card, own)
    if own.is_dir():
        for folder in sorted(own.iterdir()):
            if folders.is_folder(folder) and folder.name not in known:
                _add(known, folder)  # pipelines of families that we do not know are not listed
    return list(known.values())


def find(name: str | os.PathLike[str], place: Path | None = None) -> Model:
    """Find a model by its id, its hub id, or the path of its folder.

    Parameters
    ----------
    name
        An id of the catalog, a hub id whose snapshot is in the Hugging Face cache, or a folder in diffusers' layout.
        Nothing is downloaded.
    place
        The home folder; None takes the usual one.

    Raises
    ------
    UnknownModel
        When there is no such model; the message lists close names.
    InvalidRequest
        When the folder holds another kind of pipeline, or lacks files.
    ModelLoadError
        When its card is damaged.
    """
    text = os.fspath(name) if isinstance(name, str | os.PathLike) else name
    shipped = _shipped(text, place)
    if shipped is not None:
        return shipped
    every = models(place)
    if not isinstance(text, str):
        raise UnknownModel(name, [model.id for model in every])
    for model in every:
        if text in (model.id, model.card.hub_id):
            return model
    folder = _folder(text)
    if folder is not None:
        return _opened(folder, str(folder), text)
    if _HUB_ID.fullmatch(text):
        for snapshot in folders.hub_snapshots(text):
            return _opened(snapshot, text, text)
    raise UnknownModel(text, [model.id for model in every])


def _shipped(name: object, place: Path | None) -> Model | None:
    """Find a model of this package by its id without looking at any other: every request asks for its own."""
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return None
    known: dict[str, Model] = {}
    if (BUNDLED / name / CARD).is_file():
        _add(known, BUNDLED / name)
    elif (CARDS / f"{name}.json").is_file():
        card = read_card(CARDS / f"{name}.json")
        known[card.id] = _placed(card, (home() if place is None else place) / MODELS)
    return known.get(name)


def _add(known: dict[str, Model], folder: Path) -> None:
    carded = (folder / CARD).is_file()
    if not carded and folders.pipeline_class(folder) not in _PIPELINES:
        return
    try:
        card = read_card(folder / CARD) if carded else _guessed(folder, folder.name)
    except ModelLoadError as error:
        _log.warning("%s", error)
        return
    # A copy of a known model does not take its name away; it can still be named by its path.
    known.setdefault(card.id, Model(card, None if folders.missing(folder) else folder))


def _placed(card: ModelCard, own: Path) -> Model:
    candidates = [own / card.id]
    if card.hub_id:
        candidates += folders.hub_snapshots(card.hub_id, card.revision)
    for folder in candidates:
        if folders.is_folder(folder) and not folders.missing(folder):
            return Model(_with_shift(card, folder), folder)
    return Model(card, None)


def _opened(folder: Path, name: str, asked: str) -> Model:
    if (folder / CARD).is_file():
        card = read_card(folder / CARD)
    else:
        kind = folders.pipeline_class(folder)
        if kind not in _PIPELINES:
            what = f"the folder holds {kind or 'no pipeline that can be read'}, not {_PIPELINES[0]}"
            raise InvalidRequest(_FIELD, asked, what, "Give a folder of the Z-Image family.")
        card = _guessed(folder, name)
    lacking = folders.missing(folder)
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        what = f"the folder lacks {lacking[0]}{more}"
        raise InvalidRequest(_FIELD, asked, what, "Finish the download, or choose another model.")
    return Model(card.model_copy(update={"id": name}), folder)


def _guessed(folder: Path, name: str) -> ModelCard:
    """Give a folder without a card that of its nearest relative: Turbo models say so in their names."""
    turbo = "turbo" in f"{name} {folder.name}".lower()
    relative = read_card(CARDS / ("z-image-turbo.json" if turbo else "z-image.json"))
    changes = {
        "id": name,
        "title": Path(name).name,
        "summary": "Weights without a card; defaults as for " + relative.title + ".",
        "hub_id": None,
        "revision": None,
        "download_bytes": None,
        "licence": "",
        "examples": (),
    }
    return _with_shift(relative.model_copy(update=changes), folder)


def _with_shift(card: ModelCard, folder: Path) -> ModelCard:
    """Take the shift from the folder's scheduler: what was shipped with the weights beats what we wrote down."""
    shift = folders.shift(folder)
    if shift is None or shift == card.defaults.shift:
        return card
    return card.model_copy(update={"defaults": card.defaults.model_copy(update={"shift": shift})})


def _folder(text: str) -> Path | None:
    if not text or "\0" in text:
        return None
    try:
        path = Path(text).expanduser().absolute()
    except (RuntimeError, OSError):  # "~nobody"; a working folder that has gone
        return None
    return path if folders.is_folder(path) else None
