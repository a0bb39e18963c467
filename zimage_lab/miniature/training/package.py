"""Last stage: the trained parts as one folder in diffusers' own layout, with its card."""

from __future__ import annotations

import hashlib
import json
import platform
import random
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zimage_lab.miniature import captions
from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.sayings import EXAMPLES
from zimage_lab.miniature.scenes import KINDS, draw_scene, training_scene
from zimage_lab.miniature.training import architecture, autoencoder, checkpoint, edit, flow, latents, tokenizer
from zimage_lab.miniature.world import (
    BACKGROUNDS,
    COLOURS,
    PLACES,
    SIGN_CHARACTERS,
    SIGN_LETTERS,
    SIZE,
    SUBJECTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

WEIGHTS = Path(__file__).parents[1] / "weights"
"""Where the bundled models lie."""

PREVIEW_BLOCK = 4
"""The preview map gives each latent a block of this many pixels squared."""

ASPECTS = ("right", "subjects", "colours", "places", "count", "background", "text", *KINDS)
"""Figures of an evaluation that the card's reader is shown."""

FACTS: dict[str, dict[str, Any]] = {
    "miniature": {
        "stage": "flow",
        "title": "Miniature",
        "defaults": {"steps": 28, "guidance_scale": 2.0},
        "made": "flow matching from scratch on drawn pictures",
        "use": "28 steps with classifier-free guidance; a negative prompt pushes away",
    },
    "miniature-turbo": {
        "stage": "turbo",
        "title": "Miniature Turbo",
        "defaults": {"steps": 8, "guidance_scale": 0.0},
        "made": "distilled from `miniature`, by regression on its guided path",
        "use": "8 steps without guidance",
    },
    "miniature-edit": {
        "family": "z_image_edit",
        "stage": "edit",
        "title": "Miniature Edit",
        "defaults": {"steps": 20, "guidance_scale": 0.0},
        "made": "`miniature` trained on with pairs of pictures and instructions",
        "use": "a picture to change and an instruction such as `make the cat blue`, 20 steps",
    },
}
"""What differs between the models of the family; any other name is described as the first."""


def write(
    folder: Path,
    *,
    name: str = "miniature",
    target: Path | None = None,
    evaluation: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Write a model folder from a training folder's checkpoints.

    Parameters
    ----------
    folder
        Working folder with `autoencoder`, `latents` and `flow.safetensors`.
    name
        Id of the model.
    target
        Where to write; None writes beside the other bundled models.
    evaluation, training
        Figures for the card, as measured.
    report
        Called with a line of progress.
    """
    from diffusers import ZImageOmniPipeline, ZImagePipeline

    target = target or WEIGHTS / name
    edits = _facts(name).get("family") == "z_image_edit"
    words = tokenizer.build(sees=edits)
    vae, state = _autoencoder(folder)
    preview = _preview_map(vae, state)
    tensors, trained = checkpoint.average(folder / f"{_facts(name)['stage']}.safetensors")
    module = (edit if edits else flow).network(words, "cpu")
    module.load_state_dict(tensors)
    parameters = {part: sum(p.numel() for p in value.parameters()) for part, value in module.items()}
    parts = {**module.half(), "vae": vae.half(), "tokenizer": words, "scheduler": architecture.scheduler()}
    if edits:
        parts["siglip_processor"] = architecture.siglip_processor()
    pipeline = (ZImageOmniPipeline if edits else ZImagePipeline)(**parts)
    pipeline.save_pretrained(target, safe_serialization=True)
    _check_size(target)
    parameters["vae"] = sum(p.numel() for p in vae.parameters())
    old = json.loads((target / "card.json").read_text(encoding="utf-8")) if (target / "card.json").exists() else {}
    card = _card(name, preview)
    card |= {
        "evaluation": evaluation if evaluation is not None else old.get("evaluation", {}),
        "training": (training if training is not None else old.get("training", {}))
        | card["training"]
        | {
            "stages": trained,
            "parameters": parameters,
            "torch": metadata.version("torch"),
            "python": platform.python_version(),
        },
        "sha256": {
            str(file.relative_to(target)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(target.rglob("*.safetensors"))
        },
    }
    (target / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (target / "README.md").write_text(_readme(card), encoding="utf-8")
    for file in target.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    report(f"{target.name}: {size / 1e6:.1f} MB")
    return target


def _autoencoder(folder: Path) -> tuple[Any, dict[str, float]]:
    _, _, factors = latents.load(folder)
    vae = autoencoder.trained(folder)
    vae.register_to_config(**factors)
    return vae, factors


def _check_size(target: Path) -> None:
    """Refuse a folder that is too large for the wheel."""
    limit = 25_000_000
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    if size > limit:
        message = f"{target} is {size} bytes, more than {limit}"
        raise ValueError(message)


def _preview_map(vae: torch.nn.Module, factors: dict[str, float], pictures: int = 200) -> dict[str, Any]:
    """Fit the linear map from a normalised latent to its block of pixels, by least squares on drawn pictures."""
    import torch

    rng = random.Random(11)
    drawn = np.stack([np.asarray(draw(training_scene(rng), rng)) for _ in range(pictures)])
    pixels = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        known = torch.cat([vae.encode(part).latent_dist.mean for part in pixels.split(50)])  # type: ignore[operator]
    known = (
        ((known - factors["shift_factor"]) * factors["scaling_factor"]).permute(0, 2, 3, 1).reshape(-1, known.shape[1])
    )
    block, edge = PREVIEW_BLOCK, SIZE // 8
    small = torch.nn.functional.avg_pool2d(pixels, 8 // block)
    # Rows of a latent's block: channel, then row, then column, as `engine.previews` unfolds them.
    wanted = small.view(pictures, 3, edge, block, edge, block).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * block * block)
    design = torch.cat([known, torch.ones(len(known), 1)], dim=1).double()
    solution = torch.linalg.lstsq(design, wanted.double()).solution
    return {
        "block": block,
        "weights": [[round(v, 4) for v in row] for row in solution[:-1].tolist()],
        "bias": [round(v, 4) for v in solution[-1].tolist()],
    }


def _facts(name: str) -> dict[str, Any]:
    return FACTS.get(name, FACTS["miniature"])


def _card(name: str, preview: dict[str, Any]) -> dict[str, Any]:
    facts = _facts(name)
    world = {
        "subjects": list(SUBJECTS),
        "colours": list(COLOURS),
        "places": list(PLACES),
        "backgrounds": list(BACKGROUNDS),
    }
    return {
        "id": name,
        "family": facts.get("family", "z_image"),
        **({"reference_images": [1, 1]} if facts["stage"] == edit.STAGE else {}),
        "title": facts["title"],
        "summary": (
            "A small Z-Image of seven million parameters, trained by this package on paper-cut pictures that it draws: "
            f"{len(SUBJECTS)} subjects in {len(COLOURS)} colours, one to four in a picture, at {len(PLACES)} places, "
            f"before {len(BACKGROUNDS)} backgrounds, and signs of up to four characters. It knows nothing else."
        ),
        "miniature": True,
        "trained_size": [SIZE, SIZE],
        "defaults": {**facts["defaults"], "width": SIZE, "height": SIZE, "shift": architecture.SHIFT},
        "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
        "multiple": 16,
        "max_tokens": 512,
        "sizes": [[SIZE, SIZE]],
        "hub_id": None,
        "revision": None,
        "download_bytes": None,
        "memory_bytes": 29_000_000,
        "licence": "Apache-2.0",
        "vocabulary": {
            "en": list(captions.english_words()),
            "zh": list(captions.chinese_words()),
            "sign": [*SIGN_LETTERS, *SIGN_CHARACTERS],
        },
        "examples": list(EXAMPLES),
        "preview": preview,
        "training": {"world": world},
    }


def _readme(card: dict[str, Any]) -> str:
    """Write the card for a reader."""
    world, training, evaluation = card["training"]["world"], card["training"], card["evaluation"]
    usual, facts = card["defaults"], _facts(card["id"])
    rows = [
        f"| {language} | {figures['pictures']} | "
        + " | ".join(f"{100 * figures[name]:.1f} %" if name in figures else "-" for name in ASPECTS)
        + " |"
        for language, figures in evaluation.items()
    ]
    minutes = ", ".join(f"{stage} {spent}" for stage, spent in training.get("minutes_on_two_cpu_cores", {}).items())
    parameters = ", ".join(f"{part} {count:,}" for part, count in training["parameters"].items())
    return "\n".join(
        [
            f"# {card['id']}",
            "",
            card["summary"],
            "",
            "- World: " + "; ".join(f"{name} {', '.join(values)}" for name, values in world.items()),
            "- Captions: English and Chinese, drawn from several sentence patterns, such as:",
            *(f"    - {text}" for text in sample_captions()),
            f"- Parameters: {parameters}",
            f"- Training: {facts['made']}; minutes on two CPU cores: {minutes}",
            f"- Use: {facts['use']}, 128 x 128",
            "",
            f"Held-out scenes, {usual['steps']} steps, guidance {usual['guidance_scale']:g}, judged by other code:",
            "",
            "| language | pictures | " + " | ".join(ASPECTS) + " |",
            "| --- " * (len(ASPECTS) + 2) + "|",
            *rows,
            "",
            f"Measured by `zimage-lab miniature evaluate --model {card['id']} --language en|zh --prompts 300`.",
            "",
            "Limits: words outside this world do nothing useful; edges are soft; other sizes than 128 x 128 were not",
            f"trained and repeat or break things. Licence: {card['licence']}.",
            "",
        ]
    )


def sample_captions(count: int = 3, seed: int = 0) -> list[str]:
    """Draw captions as training sees them, for a card or a reader."""
    rng = random.Random(seed)
    return [captions.caption(draw_scene(rng), language, rng) for _ in range(count) for language in ("en", "zh")]
