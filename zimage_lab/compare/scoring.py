"""What raters prefer, learned from their votes as a score of any picture: for the rule that keeps the best of N.

The log strength of a picture in the Bradley-Terry model is taken to be a sum: its contestant's own, and weights of four
plain measures of its pixels. That is logistic regression on differences, with a tie as half a vote for either side, and
a pull to 0 that keeps few votes from saying much. Of one model's pictures the measures alone decide; how well they do
is told by votes on prompts that were held back, and is often little better than chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zimage_lab.compare import verdicts
from zimage_lab.errors import InvalidRequest
from zimage_lab.metrics.sharpness import sharpness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.result import GeneratedImage

MEASURES = ("brightness", "contrast", "colourfulness", "sharpness")
FEWEST, FOLDS, PULL, STEPS = 20, 5, 1.0, 50


@dataclass(frozen=True)
class Scorer:
    """Scores pictures; more is better, and only differences mean anything.

    Attributes
    ----------
    weights
        Of the measures, in their standard deviations.
    strengths
        Of the contestants, by model id; a model with several settings has their mean.
    held_out
        Share of votes on prompts it had not seen that it foretells, ties left out; 0.5 is chance, NaN for one prompt.
    votes
        Number of votes it learned from.
    """

    weights: Mapping[str, float]
    strengths: Mapping[str, float]
    middle: np.ndarray
    spread: np.ndarray
    held_out: float
    votes: int

    def __call__(self, picture: GeneratedImage) -> float:
        """Score a picture."""
        measured = (measures(picture.image) - self.middle) / self.spread
        own = self.strengths.get(picture.record.request.model, 0.0)
        return own + float(measured @ np.array([self.weights[name] for name in MEASURES]))


def scorer(comparison: Comparison) -> Scorer:
    """Learn from the votes of pairs of a comparison.

    Raises
    ------
    InvalidRequest
        There are fewer than 20.
    """
    votes = verdicts.pairs(comparison)
    if len(votes) < FEWEST:
        field, what = "votes", f"{len(votes)} votes of pairs are too few to learn from"
        raise InvalidRequest(field, len(votes), what, f"Cast at least {FEWEST}: comparison.rate(...).")
    seen = {one.index: measures(one.image.image) for one in comparison.results() if one.image is not None}
    votes = [one for one in votes if one.left in seen and one.right in seen]
    every = np.array(list(seen.values()))
    middle, spread = every.mean(axis=0), every.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    contestants = len(comparison.labels)
    rows = np.zeros((len(votes), len(MEASURES) + contestants))
    for number, one in enumerate(votes):
        rows[number, : len(MEASURES)] = (seen[one.left] - seen[one.right]) / spread
        rows[number, len(MEASURES) + one.left[2]] += 1
        rows[number, len(MEASURES) + one.right[2]] -= 1
    said = np.array([(1.0, 0.0, 0.5)[one.choice] for one in votes])
    found = _fit(rows, said)
    strengths: dict[str, list[float]] = {}
    for contestant, value in zip(comparison.plan.contestants, found[len(MEASURES) :], strict=True):
        strengths.setdefault(contestant.model, []).append(float(value))
    return Scorer(
        dict(zip(MEASURES, map(float, found), strict=False)),
        {model: sum(values) / len(values) for model, values in strengths.items()},
        middle,
        spread,
        _held_out(rows, said, np.array([one.left[0] for one in votes])),
        len(votes),
    )


def measures(picture: Image.Image) -> np.ndarray:
    """Measure a picture as `MEASURES` says.

    The first two are mean and deviation of its luma (BT.601); the third is that of Hasler and Suesstrunk (2003).
    """
    pixels = np.asarray(picture.convert("RGB"), float) / 255
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    first, second = red - green, (red + green) / 2 - blue
    colour = np.hypot(first.std(), second.std()) + 0.3 * np.hypot(first.mean(), second.mean())
    return np.array([luma.mean(), luma.std(), colour, sharpness(picture)])


def _fit(rows: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Fit logistic regression by Newton's steps; the pull makes it strictly concave."""
    found = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        curve = (rows * (p * (1 - p))[:, None]).T @ rows + PULL * np.eye(len(found))
        step = np.linalg.solve(curve, rows.T @ (said - p) - PULL * found)
        found += step
        if np.abs(step).max() < 1e-9:  # noqa: PLR2004 - far below what matters
            break
    return found


def _held_out(rows: np.ndarray, said: np.ndarray, prompts: np.ndarray) -> float:
    """Foretell the votes on a fifth of the prompts from those on the others, for each fifth."""
    names = np.unique(prompts)
    if len(names) == 1:
        return float("nan")
    right = []
    for fold in range(min(FOLDS, len(names))):
        out = np.isin(prompts, names[fold::FOLDS])
        guess = rows[out] @ _fit(rows[~out], said[~out])
        decided = said[out] != 0.5  # noqa: PLR2004 - a tie
        right += list(((guess > 0) == (said[out] > 0.5))[decided])  # noqa: PLR2004
    return float(np.mean(right)) if right else float("nan")
