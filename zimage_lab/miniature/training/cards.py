"""What a packaged model says of itself: its card for the catalog and its README for people."""

from __future__ import annotations

import random
from typing import Any

from zimage_lab.miniature import captions
from zimage_lab.miniature.sayings import EXAMPLES
from zimage_lab.miniature.scenes import KINDS, draw_scene
from zimage_lab.miniature.training import architecture, architecture_sd
from zimage_lab.miniature.world import (
    BACKGROUNDS,
    COLOURS,
    PLACES,
    SIGN_CHARACTERS,
    SIGN_LETTERS,
    SIZE,
    SUBJECTS,
)

ASPECTS = ("right", "subjects", "colours", "places", "count", "background", "text", *KINDS)
"""Figures of an evaluation that the card's reader is shown."""

FACTS: dict[str, dict[str, Any]] = {
    "miniature": {
        "family": "z_image",
        "what": "A small Z-Image",
        "stage": "flow",
        "title": "Miniature",
        "defaults": {"steps": 28, "guidance_scale": 2.0},
        "made": "flow matching from scratch on drawn pictures",
        "use": "28 steps with classifier-free guidance; a negative prompt pushes away",
    },
    "miniature-turbo": {
        "family": "z_image",
        "what": "A small Z-Image-Turbo",
        "stage": "turbo",
        "title": "Miniature Turbo",
        "defaults": {"steps": 8, "guidance_scale": 0.0},
        "made": "distilled from `miniature`, by regression on its guided path",
        "use": "8 steps without guidance",
    },
    "miniature-edit": {
        "family": "z_image_edit",
        "what": "A small Z-Image that changes a picture by an instruction",
        "stage": "edit",
        "title": "Miniature Edit",
        "defaults": {"steps": 20, "guidance_scale": 0.0},
        "made": "`miniature` trained on with pairs of pictures and instructions",
        "use": "a picture to change and an instruction such as `make the cat blue`, 20 steps",
    },
    "miniature-sd": {
        "family": "stable_diffusion",
        "what": "A small Stable Diffusion 1.5",
        "stage": "diffusion",
        "title": "Miniature SD",
        "defaults": {"steps": 20, "guidance_scale": 7.5},
        "made": "denoising diffusion from scratch on drawn pictures with English captions, as the original",
        "use": "20 steps with classifier-free guidance of 7.5, English prompts",
    },
}
"""What differs between the models of the family; any other name is described as the first."""


def facts_of(name: str) -> dict[str, Any]:
    """Give what differs between the models of the family."""
    return FACTS.get(name, FACTS["miniature"])


def card(name: str, preview: dict[str, Any], parameters: int) -> dict[str, Any]:
    """Write the card for the catalog, but for what was measured.

    Parameters
    ----------
    name
        Id of the model.
    preview
        The map from latents to a small picture.
    parameters
        Number of them in all.
    """
    facts = facts_of(name)
    english_only = facts["family"] == "stable_diffusion"
    world = {
        "subjects": list(SUBJECTS),
        "colours": list(COLOURS),
        "places": list(PLACES),
        "backgrounds": list(BACKGROUNDS),
    }
    return {
        "id": name,
        "family": facts["family"],
        **({"reference_images": [1, 1]} if facts["family"] == "z_image_edit" else {}),
        "title": facts["title"],
        "summary": (
            f"{facts['what']} of {parameters / 1e6:.0f} million parameters, trained by this package on paper-cut "
            "pictures that it draws: "
            f"{len(SUBJECTS)} subjects in {len(COLOURS)} colours, one to four in a picture, at {len(PLACES)} places, "
            f"before {len(BACKGROUNDS)} backgrounds, and signs of up to four characters. It knows nothing else."
        ),
        "miniature": True,
        "trained_size": [SIZE, SIZE],
        "defaults": {
            **facts["defaults"],
            "width": SIZE,
            "height": SIZE,
            **({} if english_only else {"shift": architecture.SHIFT}),
        },
        "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
        "multiple": 16,
        "max_tokens": architecture_sd.TOKENS if english_only else 512,
        "sizes": [[SIZE, SIZE]],
        "hub_id": None,
        "revision": None,
        "download_bytes": None,
        "memory_bytes": 4 * parameters,
        "licence": "Apache-2.0",
        "vocabulary": {
            "en": list(captions.english_words()),
            "zh": [] if english_only else list(captions.chinese_words()),
            "sign": [*SIGN_LETTERS, *SIGN_CHARACTERS],
        },
        "examples": [{"en": example["en"]} for example in EXAMPLES] if english_only else list(EXAMPLES),
        "preview": preview,
        "training": {"world": world},
    }


def readme(card: dict[str, Any]) -> str:
    """Write the card for a reader."""
    world, training, evaluation = card["training"]["world"], card["training"], card["evaluation"]
    usual, facts = card["defaults"], facts_of(card["id"])
    rows = [
        f"| {language} | {figures['pictures']} | "
        + " | ".join(f"{100 * figures[name]:.1f} %" if name in figures else "-" for name in ASPECTS)
        + " |"
        for language, figures in evaluation.items()
    ]
    minutes = ", ".join(f"{stage} {spent}" for stage, spent in training.get("minutes_on_two_cpu_cores", {}).items())
    languages = {"English": "en"} | ({"Chinese": "zh"} if card["vocabulary"]["zh"] else {})
    parameters = ", ".join(f"{part} {count:,}" for part, count in training["parameters"].items())
    return "\n".join(
        [
            f"# {card['id']}",
            "",
            card["summary"],
            "",
            "- World: " + "; ".join(f"{name} {', '.join(values)}" for name, values in world.items()),
            f"- Captions: {' and '.join(languages)}, drawn from several sentence patterns, such as:",
            *(f"    - {text}" for text in sample_captions(languages=tuple(languages.values()))),
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


def sample_captions(count: int = 3, seed: int = 0, languages: tuple[str, ...] = ("en", "zh")) -> list[str]:
    """Draw captions as training sees them, for a card or a reader."""
    rng = random.Random(seed)
    return [captions.caption(draw_scene(rng), language, rng) for _ in range(count) for language in languages]
