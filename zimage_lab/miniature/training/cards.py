"""What a packaged model says of itself: its card for the catalog and its README for people."""

from __future__ import annotations

import random
from typing import Any

from zimage_lab.miniature import captions
from zimage_lab.miniature.edits import EDITS, training_edit
from zimage_lab.miniature.sayings import EXAMPLES, INSTRUCTIONS
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

ASPECTS = tuple(
    dict.fromkeys(("right", "subjects", "colours", "places", "count", "background", "text", *KINDS, *EDITS))
)
"""Figures of an evaluation that the card's reader is shown."""

SIGNS = ", and signs of up to four characters"
"""What an edit model is not taught."""

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
        "what": "A small Z-Image for editing",
        "stage": "edit",
        "title": "Miniature Edit",
        "defaults": {"steps": 20, "guidance_scale": 1.0},
        "made": "`miniature` trained on with pairs of pictures and instructions",
        "use": "a picture to change and an instruction such as `make the cat blue`; 20 steps with guidance",
    },
    "miniature-sd": {
        "family": "stable_diffusion",
        "what": "A small Stable Diffusion 1.5",
        "stage": "diffusion",
        "title": "Miniature SD",
        "defaults": {"steps": 20, "guidance_scale": 2.0},
        "made": (
            "denoising diffusion from scratch on drawn pictures with English captions, as the original; it tells the "
            "velocity, as Stable Diffusion 2 does"
        ),
        "use": "20 steps with classifier-free guidance of 2 (the original's 7.5 burns its pictures), English prompts",
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
    english_only, edits = facts["family"] == "stable_diffusion", facts["family"] == "z_image_edit"
    world = {
        "subjects": list(SUBJECTS),
        "colours": list(COLOURS),
        "places": list(PLACES),
        "backgrounds": list(BACKGROUNDS),
    }
    return {
        "id": name,
        "family": facts["family"],
        **({"reference_images": [1, 1]} if edits else {}),
        "title": facts["title"],
        "summary": (
            f"{facts['what']} of {parameters / 1e6:.0f} million parameters, trained by this package on paper-cut "
            "pictures that it draws: "
            f"{len(SUBJECTS)} subjects in {len(COLOURS)} colours, one to {'three' if edits else 'four'} in a picture, "
            f"at {len(PLACES)} places, before {len(BACKGROUNDS)} backgrounds{'' if edits else SIGNS}. "
            f"{'It recolours, adds, removes or moves one thing at a time, and' if edits else 'It'} knows nothing else."
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
        "examples": [
            {"en": example["en"]} if english_only else example for example in (INSTRUCTIONS if edits else EXAMPLES)
        ],
        "preview": preview,
        "training": {"world": world},
    }


def readme(card: dict[str, Any]) -> str:
    """Write the card for a reader."""
    world, training, evaluation = card["training"]["world"], card["training"], card["evaluation"]
    usual, facts = card["defaults"], facts_of(card["id"])
    asked = [name for name in ASPECTS if any(name in figures for figures in evaluation.values())]
    rows = [
        f"| {language} | {figures['pictures']} | "
        + " | ".join(f"{100 * figures[name]:.1f} %" if name in figures else "-" for name in asked)
        + " |"
        for language, figures in evaluation.items()
    ]
    minutes = ", ".join(f"{stage} {spent}" for stage, spent in training.get("minutes_on_two_cpu_cores", {}).items())
    edits = facts["family"] == "z_image_edit"
    said, shown = ("Instructions", "pictures and instructions") if edits else ("Captions", "scenes")
    languages = {"English": "en"} | ({"Chinese": "zh"} if card["vocabulary"]["zh"] else {})
    parameters = ", ".join(f"{part} {count:,}" for part, count in training["parameters"].items())
    return "\n".join(
        [
            f"# {card['id']}",
            "",
            card["summary"],
            "",
            "- World: " + "; ".join(f"{name} {', '.join(values)}" for name, values in world.items()),
            f"- {said}: {' and '.join(languages)}, drawn from several sentence patterns, such as:",
            *(f"    - {text}" for text in sample_prompts(languages=tuple(languages.values()), edits=edits)),
            f"- Parameters: {parameters}",
            f"- Training: {facts['made']}; minutes on two CPU cores: {minutes}",
            f"- Use: {facts['use']}, 128 x 128",
            "",
            f"Held-out {shown}, {usual['steps']} steps, guidance {usual['guidance_scale']:g}, judged by other code:",
            "",
            "| language | pictures | " + " | ".join(asked) + " |",
            "| --- " * (len(asked) + 2) + "|",
            *rows,
            "",
            f"Measured by `zimage-lab miniature evaluate --model {card['id']} --language en|zh --prompts 300`.",
            "",
            "Limits: words outside this world do nothing useful; edges are soft; other sizes than 128 x 128 were not",
            f"trained and repeat or break things. Licence: {card['licence']}.",
            "",
        ]
    )


def sample_prompts(
    count: int = 3, seed: int = 0, languages: tuple[str, ...] = ("en", "zh"), *, edits: bool = False
) -> list[str]:
    """Draw captions or instructions as training sees them, for a card or a reader."""
    rng = random.Random(seed)

    def drawn(language: str) -> str:
        return training_edit(rng, language).instruction if edits else captions.caption(draw_scene(rng), language, rng)

    return [drawn(language) for _ in range(count) for language in languages]
