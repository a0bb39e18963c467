"""Finds weights that a person already has, so that nobody downloads 20 GB twice; looks only, and loads nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.models import catalog, folders

if TYPE_CHECKING:
    from collections.abc import Iterator

COMFYUI_VARIABLE = "COMFYUI_PATH"
COMFYUI_PLACES = (
    "~/ComfyUI",
    "~/comfy/ComfyUI",
    "~/Documents/ComfyUI",
    "/workspace/ComfyUI",
    "/root/ComfyUI",
    "/root/comfy/ComfyUI",
    "/opt/ComfyUI",
    "/app/ComfyUI",
    "/data/ComfyUI",
    "/comfyui",
)
COMFYUI_FILES = (
    ("transformer", ("diffusion_models", "unet"), "z_image*.safetensors"),
    ("text_encoder", ("text_encoders", "clip"), "qwen_3_4b*.safetensors"),
    ("vae", ("vae",), "ae.safetensors"),
)
_BASE_FILE = re.compile(r"z_image(_base)?(_[a-z]*\d+[a-z0-9_]*)?\.safetensors")
_COMFYUI_NOTE = (
    "A file for ComfyUI: this version reads folders in diffusers' layout only, so it is listed but cannot be loaded."
)


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Weights that lie on this machine.

    Parameters
    ----------
    kind
        "diffusers" for a whole folder; "comfyui transformer", "comfyui text_encoder" or "comfyui vae" for one file.
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
    every = [*_diffusers(place), *_comfyui()]
    unique = {os.path.realpath(item.path): item for item in reversed(every)}
    return sorted(unique.values(), key=lambda item: (not item.loadable, item.kind, str(item.path)))


def comfyui_folders() -> list[Path]:
    """List the ComfyUI installations of this machine: the variable's first, then the usual places."""
    named = os.environ.get(COMFYUI_VARIABLE)
    result: dict[str, Path] = {}
    for text in ([named] if named else []) + list(COMFYUI_PLACES):
        try:
            path = Path(text).expanduser()
            if (path / "models").is_dir():
                result.setdefault(os.path.realpath(path), path)
        except (OSError, ValueError, RuntimeError):  # no permission, no home
            continue
    return list(result.values())


def _diffusers(place: Path | None) -> Iterator[FoundWeights]:
    every = catalog.models(place)
    for model in every:
        if model.path is not None and not model.card.miniature:
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


def _comfyui() -> Iterator[FoundWeights]:
    for root in comfyui_folders():
        for part, places, pattern in COMFYUI_FILES:
            for folder in places:
                for path in _files(root / "models" / folder, pattern):
                    yield FoundWeights(
                        f"comfyui {part}", path, _belongs(part, path), loadable=False, note=_COMFYUI_NOTE
                    )


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.rglob(pattern) if path.is_file())
    except OSError:
        return []


def _belongs(part: str, path: Path) -> str | None:
    if part != "transformer":
        return None  # one text encoder and one VAE serve the whole family
    if "turbo" in path.name.lower():
        return "z-image-turbo"
    return "z-image" if _BASE_FILE.fullmatch(path.name.lower()) else None  # not z_image_edit and the like
