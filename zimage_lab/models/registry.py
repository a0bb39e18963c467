"""Remembers where a person's own weights lie, under names of their choice: one small file each in the home."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from zimage_lab.errors import InvalidRequest, StoreError, shown
from zimage_lab.home import MODELS, home
from zimage_lab.models import folders
from zimage_lab.models.card import read_card

if TYPE_CHECKING:
    from zimage_lab.models.catalog import Model

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_LOG = logging.getLogger(__name__)


class Entry(BaseModel):
    """What a name stands for.

    Parameters
    ----------
    path
        A folder or file, as `models.find` takes it.
    like
        The known model whose defaults hold; None lets the files say.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    like: str | None = None


def entries(own: Path) -> dict[str, Entry]:
    """List the names of a home's `models` folder; a damaged entry is left out and logged."""
    found = {}
    for path in sorted(own.glob("*.json")):
        if NAME.fullmatch(path.stem):
            try:
                found[path.stem] = Entry.model_validate(folders.read_json(path))
            except ValidationError:
                _LOG.warning("%s says no path. Remove it, or add the model again.", path)
    return found


def add(name: str, path: str | os.PathLike[str], *, like: str | None = None, place: Path | None = None) -> Model:
    """Name weights that lie on this machine; they stay where they are.

    Parameters
    ----------
    name
        Small letters, digits, dots, dashes and underscores; one that is not taken.
    path
        A folder in diffusers' layout, ComfyUI's folder, or one .safetensors or .gguf file.
    like
        Id of the known model whose defaults hold: "z-image-turbo" or "z-image".
    place
        The home folder; None takes the usual one.

    Returns
    -------
    Model
        As it can be loaded by its new name.

    Raises
    ------
    InvalidRequest
        The name cannot be used or is taken, or nothing that can be loaded lies there.
    ModelLoadError
        A file is damaged or something else, or other files that it needs are missing.
    """
    from zimage_lab.models import catalog

    own = (home() if place is None else place) / MODELS
    field = "name"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidRequest(
            field, name, f"{shown(name)} cannot be a name", "Use small letters, digits, -, _ and dots."
        )
    known = {model.id for model in catalog.models(place)}
    if name in known:
        raise InvalidRequest(field, name, f"{shown(name)} is taken", "Choose another name, or remove that one first.")
    # A symbolic link stays one, and "~nobody" is no error but a path where nothing lies.
    target = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
    if not Path(target).exists():
        field = "path"
        raise InvalidRequest(field, path, f"there is nothing at {shown(target)}", "Check the path.")
    model = catalog.find(target, place)
    relatives = {card.stem: read_card(card).family for card in sorted(catalog.CARDS.glob("*.json"))}
    if like is not None and relatives.get(like) != model.card.family:
        field = "like"
        what = f"{shown(like)} is of another family" if like in relatives else f"{shown(like)} is not a known model"
        own_kind = [name for name, family in relatives.items() if family == model.card.family]
        raise InvalidRequest(field, like, what, f"Use {' or '.join(own_kind)}.")
    entry = {"path": str(model.path)} | ({} if like is None else {"like": like})
    try:
        own.mkdir(parents=True, exist_ok=True)
        (own / f"{name}.json").write_text(json.dumps(entry, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{own} cannot be written ({error.strerror}). Make it writable, or use another home folder."
        raise StoreError(message) from error
    return catalog.find(name, place)


def remove(name: str, *, place: Path | None = None) -> None:
    """Forget a name; the weights stay where they are.

    Raises
    ------
    InvalidRequest
        No such name was added.
    """
    own = (home() if place is None else place) / MODELS
    names = entries(own)
    if name not in names:
        field = "name"
        listed = f"Use one of {', '.join(names)}." if names else "None was added here."
        raise InvalidRequest(field, name, f"{shown(name)} was not added", listed)
    (own / f"{name}.json").unlink()
