"""Draws what a model is asked in an evaluation: captions of held-out scenes, and instructions for held-out edits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.edits import EDITS, held_out_edit
from zimage_lab.miniature.scenes import KINDS, held_out_scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from PIL import Image

    from zimage_lab.miniature.layouts import Spot
    from zimage_lab.miniature.world import Scene


@dataclass(frozen=True, eq=False)
class Question:
    """One prompt, and what its picture should show.

    Attributes
    ----------
    kind
        One of `scenes.KINDS` or `edits.EDITS`.
    prompt
        A caption, or an instruction.
    wanted
        What the picture should show.
    where
        Spots by place, where they are not those of the scene's layout.
    given
        The picture that an instruction is about.
    """

    kind: str
    prompt: str
    wanted: Scene
    where: Mapping[str, Spot] | None = None
    given: Image.Image | None = None


def captions(language: str, count: int, seed: int = 7, kind: str | None = None) -> Iterator[Question]:
    """Draw held-out scenes with a caption in `en` or `zh`; the same for the same arguments.

    Parameters
    ----------
    language
        `en` or `zh`.
    count, seed
        Number of questions and where their drawing starts.
    kind
        One of `scenes.KINDS`, or None for all in turn.
    """
    rng = random.Random(f"{language}/{seed}")
    for number in range(count):
        scene = held_out_scene(rng, kind or KINDS[number % len(KINDS)])
        yield Question(scene.kind, caption(scene, language, rng), scene)


def edits(language: str, count: int, seed: int = 7, kind: str | None = None) -> Iterator[Question]:
    """Draw held-out edits with the picture to change; parameters as for `captions`, kinds are `edits.EDITS`."""
    rng = random.Random(f"{language}/{seed}")
    for number in range(count):
        edit = held_out_edit(rng, language, kind or EDITS[number % len(EDITS)])
        yield Question(edit.kind, edit.instruction, edit.after, edit.where, edit.pictures()[0])
