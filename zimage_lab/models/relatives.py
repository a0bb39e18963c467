"""Gives weights without a card that of their nearest relative among the known models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.models import folders
from zimage_lab.models.card import read_card
from zimage_lab.request import MOST_REFERENCES

if TYPE_CHECKING:
    from zimage_lab.models.card import ModelCard

CARDS = Path(__file__).with_name("cards")
PIPELINES = {
    "ZImagePipeline": "z_image",
    "ZImageOmniPipeline": "z_image_edit",
    "StableDiffusionPipeline": "stable_diffusion",
}
STABLE_DIFFUSION = "stable-diffusion-v1-5"


def turbo_or_base(file_name: str) -> str:
    """Tell which of the two a name means: nothing in the weights does."""
    return "z-image-turbo" if "turbo" in file_name.lower() else "z-image"


def renamed(card: ModelCard, name: str) -> ModelCard:
    """Give the card of a known model to weights of another name."""
    changes: dict[str, Any] = {
        "id": name,
        "title": Path(name).name,
        "summary": "Weights without a card; defaults as for " + card.title + ".",
        "hub_id": None,
        "revision": None,
        "download_bytes": None,
        "licence": "",
        "evaluation": {},
        "training": {},
    }
    return card.model_copy(update=changes if not card.miniature else {"id": name, "title": Path(name).name})


def guessed(folder: Path, name: str) -> ModelCard:
    """Give a folder without a card that of its nearest relative: Turbo models say so in their names."""
    family = PIPELINES.get(folders.pipeline_class(folder))
    if family == "stable_diffusion":
        return renamed(read_card(CARDS / f"{STABLE_DIFFUSION}.json"), name)
    # Only the model's own name counts: a user's folder may be called turbo, too.
    cached = folder.parent.parent.name if folder.parent.name == "snapshots" else ""
    relative = read_card(CARDS / f"{turbo_or_base(f'{Path(name).name} {folder.name} {cached}')}.json")
    changes: dict[str, Any] = {"examples": ()}
    if family == "z_image_edit":
        changes |= {"family": family, "reference_images": (1, MOST_REFERENCES)}
    return with_shift(renamed(relative, name).model_copy(update=changes), folder)


def with_shift(card: ModelCard, folder: Path) -> ModelCard:
    """Take the shift from the folder's scheduler: what was shipped with the weights beats what we wrote down."""
    shift = folders.shift(folder)
    if shift is None or shift == card.defaults.shift:
        return card
    return card.model_copy(update={"defaults": card.defaults.model_copy(update={"shift": shift})})
