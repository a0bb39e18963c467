"""Numbers about the pictures of a comparison, taken when the device is free again, and kept in the store.

What cannot be measured has a note in its place that says why: a report made months later says the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab import models
from zimage_lab.engine import flops, random_weights
from zimage_lab.errors import ZImageError
from zimage_lab.metrics import clip_score, reading, sharpness
from zimage_lab.models import tokens
from zimage_lab.result import GeneratedImage
from zimage_lab.store.comparisons import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PIL import Image

    from zimage_lab.compare.plan import Plan, Prompt
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.comparisons import Index

Value = tuple[float | None, str | None]

NO_CLIP = "no folder of a CLIP model was given"
NO_OCR = "rapidocr is not installed"
NO_TEXT = "the prompt asks for no text in quotation marks"
NO_JUDGE = "the judge knows only pictures of the miniatures' world, at the size they learned"
NO_SCENE = "the judge reads only plain English prompts; a meaning can be given for others"
GONE = "the picture is not there any more"


def measure(plan: Plan, found: Iterable[tuple[Index, RunRecord]], home: Path) -> list[Figure]:
    """Measure pictures; a repeat has the pixels of the first and is left out, but for its arithmetic.

    Parameters
    ----------
    plan
        The comparison.
    found
        The records of its pictures by their places.
    home
        The home folder.
    """
    clip = _Clip(plan.clip)
    rows: list[Figure] = []
    for index, record in found:
        rows.append(Figure(record.id, "flop", *_flop(record.request, home)))
        if index[3]:
            continue
        try:
            picture = GeneratedImage.from_record(record, home).image
        except ZImageError:
            rows.append(Figure(record.id, "accuracy", None, GONE))
            continue
        prompt = plan.prompts[index[0]]
        taken: dict[str, Callable[[], Value]] = {
            "accuracy": lambda: _accuracy(picture, prompt, record.request, home),  # noqa: B023 - called right below
            "clip": lambda: clip.score(picture, prompt.meaning or prompt.text),  # noqa: B023
            "text": lambda: _text(picture, prompt.text),  # noqa: B023
            "sharpness": lambda: (sharpness.sharpness(picture), None),  # noqa: B023
        }
        for name, take in taken.items():
            try:
                value, note = take()
            except Exception as error:  # noqa: BLE001 - somebody's CLIP or reader: the others are measured all the same
                value, note = None, f"it failed: {type(error).__name__}: {error}"
            rows.append(Figure(record.id, name, value, note))
    return rows


def _flop(request: GenerationRequest, home: Path) -> Value:
    """Count the operations of a picture."""
    try:
        model = models.find(request.model, home)
        cost = flops.picture(
            random_weights.configs(model),
            width=request.width,
            height=request.height,
            steps=request.denoising_steps,
            tokens=len(tokens.encode(model, request.prompt)),
            guided=request.guidance_scale > 0,
        )
    except (ZImageError, KeyError, OSError) as error:
        return None, f"the model's configs cannot be read: {error}"
    return cost.total, None


def _accuracy(picture: Image.Image, prompt: Prompt, request: GenerationRequest, home: Path) -> Value:
    """Give 1 where the miniature's judge sees what the prompt asks for, 0 where not."""
    from zimage_lab.miniature.accuracy import accuracy

    card = models.find(request.model, home).card
    if not card.miniature or picture.size != card.trained_size:
        return None, NO_JUDGE
    right = accuracy(prompt.meaning or prompt.text, picture)
    return right, None if right is not None else NO_SCENE


def _text(picture: Image.Image, prompt: str) -> Value:
    wanted = reading.wanted(prompt)
    if wanted is None:
        return None, NO_TEXT
    return (reading.share(picture, wanted), None) if reading.installed() else (None, NO_OCR)


class _Clip:
    """A CLIP that is read when it is first asked."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._clip: clip_score.Clip | None = None

    def score(self, picture: Image.Image, prompt: str) -> Value:
        if self._folder is None:
            return None, NO_CLIP
        if self._clip is None:
            self._clip = clip_score.Clip(Path(self._folder))
        return self._clip.scores([picture], [prompt])[0], None
