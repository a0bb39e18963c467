"""The way back from a packaged model: its weights as the checkpoints of its stages, to train on from there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zimage_lab import models
from zimage_lab.errors import InvalidRequest
from zimage_lab.miniature.training import architecture, autoencoder, cards, checkpoint, latents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

PARTS = ("transformer", "unet", "text_encoder", "siglip")
"""What the last stage of a model trains, of what it has."""


def write(folder: Path, *, name: str = "miniature", report: Callable[[str], None] = print) -> Path:
    """Write a model's weights into a working folder.

    Its autoencoder and the factors of its latents come with it; where the folder has them, they stay.

    Parameters
    ----------
    folder
        Working folder of the stages that go on.
    name
        Id or path of a miniature.
    report
        Called with a line of progress.

    Returns
    -------
    Path of the checkpoint of the model's last stage.

    Raises
    ------
    InvalidRequest
        The model is none of this family, or the folder has a checkpoint of its stage.
    """
    model = models.find(name)
    field = "--name"
    if not model.card.miniature:
        raise InvalidRequest(field, name, f"{model.id} is no miniature", "Choose one such as miniature.")
    usual, family = model.card.defaults, model.card.family
    alike = [facts for facts in cards.FACTS.values() if facts["family"] == family]
    guided = [facts for facts in alike if facts["defaults"]["guidance_scale"] == usual.guidance_scale]
    stage = (guided or alike)[0]["stage"]
    family = family if family in architecture.CHANNELS else "z_image"
    path = folder / f"{stage}.safetensors"
    if path.exists():
        raise InvalidRequest(field, name, f"{path} is there already", "Choose another folder, or move it away.")
    parts = {part: _weights(model.folder / part) for part in PARTS if (model.folder / part).is_dir()}
    tensors = {f"{part}.{key}": value for part, known in parts.items() for key, value in known.items()}
    checkpoint.save(path, tensors, model.card.training["stages"])
    report(f"{path.name}: {len(tensors)} tensors of {model.id}")
    images = folder / f"{autoencoder.named(autoencoder.STAGE, family)}.safetensors"
    if not images.exists():
        config = json.loads((model.folder / "vae" / "config.json").read_text(encoding="utf-8"))
        checkpoint.save(images, _weights(model.folder / "vae"), {"step": 0})
        latents.begin(folder, family, {name: config[name] or 0.0 for name in latents.FACTORS})
        report(f"{images.name}: its autoencoder, and the factors of its latents")
    return path


def _weights(part: Path) -> dict[str, torch.Tensor]:
    """Read a part of a folder in diffusers' layout, in single precision."""
    from safetensors.torch import load_file

    found = {name: value for file in sorted(part.glob("*.safetensors")) for name, value in load_file(file).items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in found.items()}
