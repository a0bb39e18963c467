"""Finds weights that a person already has, so that nobody downloads 20 GB twice; looks only, and loads nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zimage_lab.models import catalog, comfyui, folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EXPECTED = (
    "is of the Z-Image family, and what belongs to it is not here: it needs a transformer, a text encoder and a VAE."
)


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Weights that lie on this machine.

    Parameters
    ----------
    kind
        "diffusers" for a whole folder; "comfyui" for a whole set of files; "comfyui transformer",
        "comfyui text_encoder" or "comfyui vae" for a file of no whole set.
    path
        Where they are.
    model_id
        The id by which `load` takes them, or that of the model they belong to; None where that cannot be told.
    loadable
        Whether this version can draw with them as they are.
    note
        A plain sentence for the panel.
    """

    kind: str
    path: Path
    model_id: str | None
    loadable: bool
    note: str


def found(place: Path | None = None) -> list[FoundWeights]:
    """List the Z-Image weights in the home, the Hugging Face cache and the usual ComfyUI folders.

    Parameters
    ----------
    place
        The home folder; None takes the usual one.

    Returns
    -------
    list[FoundWeights]
        What can be loaded first; each file once, however many names lead to it.
    """
    known = catalog.models(place)
    every = [*_diffusers(known), *_comfyui(known)]
    unique = {os.path.realpath(item.path): item for item in reversed(every)}
    return sorted(unique.values(), key=lambda item: (not item.loadable, item.kind, str(item.path)))


def _diffusers(every: list[catalog.Model]) -> Iterator[FoundWeights]:
    for model in every:
        if model.path is not None and not model.card.miniature and not model.parts:
            yield FoundWeights("diffusers", model.path, model.id, loadable=True, note=f"{model.card.title}: ready.")
    cards = {model.card.hub_id: model.id for model in every if model.card.hub_id}
    for hub_id, snapshot in _snapshots():
        name = cards.get(hub_id, hub_id)
        lacking = folders.missing(snapshot)
        note = f"{hub_id}: the download is incomplete, {lacking[0]} is missing." if lacking else f"{hub_id}: ready."
        yield FoundWeights("diffusers", snapshot, name, loadable=not lacking, note=note)


def _snapshots() -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(folders.hub_cache().glob("models--*--*"))
    except OSError:
        return
    for entry in entries:
        hub_id = entry.name.removeprefix("models--").replace("--", "/", 1)
        for snapshot in folders.hub_snapshots(hub_id)[:1]:
            if folders.pipeline_class(snapshot).startswith("ZImage"):
                yield hub_id, snapshot


def _comfyui(every: list[catalog.Model]) -> Iterator[FoundWeights]:
    named = {model.path: model.id for model in every if model.parts}
    for root in comfyui.places():
        for one in comfyui.sets(root):
            name = named.get(one.path, str(one.path))
            yield FoundWeights("comfyui", one.path, name, loadable=True, note=f"{one.path.name}: ready.")
        for component, path in comfyui.incomplete(root):
            note = f"{path.name} {_EXPECTED}"
            yield FoundWeights(f"comfyui {component}", path, None, loadable=False, note=note)
