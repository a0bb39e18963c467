"""Which models there are, and where: the bundled miniatures, the real family, and whatever folders a person has."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from zimage_lab.errors import InvalidRequest, ModelLoadError, UnknownModel
from zimage_lab.home import MODELS, home
from zimage_lab.models import bases, comfyui, folders, header, registry, relatives
from zimage_lab.models.card import CARD, ModelCard, read_card

DEFAULT_MODEL = "miniature-turbo"
CARDS = relatives.CARDS
BUNDLED = bases.BUNDLED
_STABLE_DIFFUSION_WIDTH = 768  # of CLIP's features in 1.5; 2.x has 1024
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
    for path in sorted(BUNDLED.glob(f"*/{CARD}"), key=lambda path: (path.parent.name != DEFAULT_MODEL, path)):
        _add(known, path.parent)
    for path in sorted(CARDS.glob("*.json"), key=lambda path: (-len(path.stem), path.stem)):  # Turbo first
        card = read_card(path)
        known[card.id] = _placed(card, own)
    if own.is_dir():
        for folder in sorted(own.iterdir()):
            if folders.is_folder(folder) and folder.name not in known:
                _add(known, folder)  # pipelines of families that we do not know are not listed
        for name, entry in registry.entries(own).items():
            if name not in known and (model := _registered(name, entry)) is not None:
                known[name] = model
    return list(known.values())


def find(name: str | os.PathLike[str], place: Path | None = None) -> Model:
    """Find a model by its id, its hub id, or the path of its weights.

    Parameters
    ----------
    name
        An id of the catalog or of `add`, a hub id whose snapshot is in the Hugging Face cache, a folder in diffusers'
        layout, ComfyUI's folder, or one .safetensors or .gguf file. Nothing is downloaded.
    place
        The home folder; None takes the usual one.

    Raises
    ------
    UnknownModel
        When there is no such model; the message lists close names.
    InvalidRequest
        When the folder holds another kind of pipeline, or lacks files.
    ModelLoadError
        When its card or a file is damaged, is something else, or other files that it needs are missing.
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
    path = _path(text)
    if path is not None:
        return _opened(path, str(path), text)
    if _HUB_ID.fullmatch(text):
        for snapshot in folders.hub_snapshots(text):
            return _opened(snapshot, text, text)
    if (entry := _entry(text, place)) is not None:
        return _opened(Path(entry.path), text, entry.path)  # says why it is not among the others
    raise UnknownModel(text, [model.id for model in every])


def _entry(name: str, place: Path | None) -> registry.Entry | None:
    return registry.entries((home() if place is None else place) / MODELS).get(name)


def _shipped(name: object, place: Path | None) -> Model | None:
    """Find a model of this package by its id without looking at any other: every request asks for its own."""
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return None
    try:
        return _bundled(BUNDLED / name, (BUNDLED / name / CARD).stat().st_mtime_ns)
    except OSError:  # it is not among those that come with weights
        pass
    if not (CARDS / f"{name}.json").is_file():
        return None
    card = read_card(CARDS / f"{name}.json")
    return _placed(card, (home() if place is None else place) / MODELS) if card.id == name else None


@lru_cache(maxsize=16)
def _bundled(folder: Path, _modified: int) -> Model | None:
    """Read a model that came with this package: its files do not change, and every request asks for one."""
    known: dict[str, Model] = {}
    _add(known, folder)
    return known.get(folder.name)


def _add(known: dict[str, Model], folder: Path) -> None:
    carded = (folder / CARD).is_file()
    if not carded and folders.pipeline_class(folder) not in relatives.PIPELINES:
        return
    try:
        card = read_card(folder / CARD) if carded else relatives.guessed(folder, folder.name)
    except ModelLoadError as error:
        _log.warning("%s", error)
        return
    if folder.parent != BUNDLED:
        if not _harmless(folder):
            return
        card = card.model_copy(update={"sha256": {}})  # a copy's or a relative's, until they are worked out
    # A copy of a known model does not take its name away; it can still be named by its path.
    known.setdefault(card.id, Model(card, None if folders.missing(folder) else folder))


def _registered(name: str, entry: registry.Entry) -> Model | None:
    try:
        model = _opened(Path(entry.path), name, entry.path)
    except (InvalidRequest, ModelLoadError) as error:
        _log.warning("%s", error)
        return None
    if entry.like is not None and (CARDS / f"{entry.like}.json").is_file():
        card = read_card(CARDS / f"{entry.like}.json")
        if card.family == model.card.family:
            return replace(model, card=relatives.renamed(card, name))
    return model


def _placed(card: ModelCard, own: Path) -> Model:
    candidates = [own / card.id]
    if card.hub_id:
        pinned = folders.hub_snapshots(card.hub_id, card.revision)
        candidates += [*pinned, *folders.hub_snapshots(card.hub_id)]  # another one that is here is better than none
    for folder in candidates:
        if folders.is_folder(folder) and not folders.missing(folder) and _harmless(folder):
            return Model(relatives.with_shift(card, folder), folder)
    for root in comfyui.places() if card.family == "z_image" else ():
        for one in comfyui.sets(root):
            if one.base.parent != BUNDLED and relatives.turbo_or_base(one.path.name) == card.id:
                return Model(card, one.path, one.parts, one.base)
    return Model(card, None)


def _opened(path: Path, name: str, asked: str) -> Model:
    """Open what lies at a path, whatever it is."""
    if folders.is_folder(path):
        return _of_folder(path, name, asked)
    if path.is_file():
        return _of_file(path, name)
    root = comfyui.models_folder(path)
    if root is None:
        what = "is no folder of a model: it has no model_index.json, and none of ComfyUI's folders"
        raise InvalidRequest(_FIELD, asked, what, "Give a model's folder, ComfyUI's, or a .safetensors or .gguf file.")
    whole = comfyui.sets(root)
    if not whole:
        what = "this ComfyUI holds no Z-Image transformer with a text encoder and a VAE that fit"
        raise InvalidRequest(_FIELD, asked, what, "Run `zimage-lab models` to see what is there.")
    return _of_set(whole[0], name, path)


def _of_folder(folder: Path, name: str, asked: str) -> Model:
    if (folder / CARD).is_file():
        card = read_card(folder / CARD)
    else:
        kind = folders.pipeline_class(folder)
        if kind not in relatives.PIPELINES:
            what = f"the folder holds {kind or 'no pipeline that can be read'}, not {' or '.join(relatives.PIPELINES)}"
            raise InvalidRequest(_FIELD, asked, what, "Give a folder of one of these families.")
        card = relatives.guessed(folder, name)
    lacking = folders.missing(folder)
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        what = f"the folder lacks {lacking[0]}{more}"
        raise InvalidRequest(_FIELD, asked, what, "Finish the download, or choose another model.")
    code = folders.foreign_code(folder)
    if code is not None:
        what = f"the folder asks to run code of its own: {code}"
        raise InvalidRequest(_FIELD, asked, what, "Nothing but weights is taken from a folder; get another copy.")
    changes = {"id": name} if folder.parent == BUNDLED else {"id": name, "sha256": {}}
    return Model(card.model_copy(update=changes), folder)


def _harmless(folder: Path) -> bool:
    code = folders.foreign_code(folder)
    if code is not None:
        _log.warning("%s is left out: it asks to run code of its own, %s.", folder, code)
    return code is None


def _of_file(path: Path, name: str) -> Model:
    found = header.read(path)
    if found.kind != "a Stable Diffusion checkpoint":
        return _of_set(comfyui.around(path), name, path)
    width = next((shape[-1] for key, shape in found.shapes.items() if key.endswith("attn2.to_k.weight")), 0)
    if width != _STABLE_DIFFUSION_WIDTH or found.prefix("first_stage_model.decoder.conv_in.weight") is None:
        message = f"{path} is a Stable Diffusion checkpoint, and not a whole one of 1.5. Expected is 1.5 or Z-Image."
        raise ModelLoadError(message)
    parts = tuple((part, path) for part in ("unet", "text_encoder", "vae"))
    card = read_card(CARDS / f"{relatives.STABLE_DIFFUSION}.json")
    return Model(relatives.renamed(card, name), path, parts, bases.CONFIGS / relatives.STABLE_DIFFUSION)


def _of_set(found: comfyui.WeightSet, name: str, path: Path) -> Model:
    """Give a set of files the card of its base; of the real models, Turbo says so in its name."""
    bundled = found.base.parent == BUNDLED
    card = read_card(found.base / CARD if bundled else CARDS / f"{relatives.turbo_or_base(found.path.name)}.json")
    card = card.model_copy(update={"sha256": {}})  # those of other files
    return Model(relatives.renamed(card, name), path, found.parts, found.base)


def _path(text: str) -> Path | None:
    """Give the path that a name is, where something lies there that could be a model."""
    if not text or "\0" in text:
        return None
    try:
        path = Path(text).expanduser().absolute()
        there = folders.is_folder(path) or path.is_file() or (path.is_dir() and _spelled_as_path(text))
    except (RuntimeError, OSError):  # "~nobody"; a working folder that has gone
        return None
    return path if there else None


def _spelled_as_path(text: str) -> bool:
    """Whether a name can only be meant as a path: a folder of the working folder must not hide a hub id."""
    return text.startswith((".", "~", os.sep)) or Path(text).is_absolute() or not _HUB_ID.fullmatch(text)
