"""Whether a miniature drew what a plain prompt says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature import evaluate
from zimage_lab.miniature.understanding import says_background, scene_of

if TYPE_CHECKING:
    from PIL import Image


def accuracy(prompt: str, picture: Image.Image) -> float | None:
    """Give 1 where all that a prompt asks for is in the picture, 0 where not.

    Parameters
    ----------
    prompt
        English, as plain as `scene_of` reads it, or a sentence that it knows.
    picture
        At the miniature's own size.

    Returns
    -------
    None where the prompt is not plain enough to be judged. A background that the prompt leaves open may be any.
    """
    scene = scene_of(prompt)
    if scene is None:
        return None
    seen = evaluate.verdict(evaluate.world_judge(), scene, picture)
    aspects = (seen.subjects, seen.colours, seen.places, seen.count, seen.text)
    return float(all(aspects) and (seen.background or not says_background(prompt)))
