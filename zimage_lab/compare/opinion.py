"""The mean opinion score: stars averaged, with an interval by Student's t over prompts.

ITU-T P.910 and P.800.1 define the score as the arithmetic mean of the ratings. The votes on one prompt belong together
(everybody saw the same pictures), so the interval counts prompts and not votes: the mean of each prompt's mean, with t
of as many degrees of freedom as there are prompts less one (Student 1908). Only where all votes are on one prompt does
it count raters; it then says nothing about other prompts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

LOWEST, HIGHEST = 1, 5
"""Stars of a rating."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A model's score.

    Attributes
    ----------
    mean
        Stars, 1 to 5; NaN without a vote.
    low, high
        The interval, kept within the scale; NaN where there is one unit alone.
    votes
        Number of ratings.
    units
        What the interval counts: prompts, or raters where there is one prompt alone.
    over
        Which of the two.
    """

    mean: float
    low: float
    high: float
    votes: int
    units: int
    over: str = "prompts"


def opinion(stars: Iterable[tuple[int, str, float]], level: float = 0.95) -> Opinion:
    """Average the ratings of one model.

    Parameters
    ----------
    stars
        Prompt's number, rater and stars of each vote.
    level
        How often the interval holds the mean that endless votes would have, 0 to 1.
    """
    from scipy import stats

    rows = list(stars)
    by_prompt, by_rater = defaultdict(list), defaultdict(list)
    for prompt, rater, value in rows:
        by_prompt[prompt].append(value)
        by_rater[rater].append(value)
    over = "prompts" if len(by_prompt) != 1 else "raters"
    groups = list((by_prompt if over == "prompts" else by_rater).values())
    means = np.array([sum(group) / len(group) for group in groups])
    if not len(means):
        return Opinion(float("nan"), float("nan"), float("nan"), 0, 0)
    mean = float(means.mean())
    if len(means) == 1:
        return Opinion(mean, float("nan"), float("nan"), len(rows), 1, over)
    reach = float(stats.t.ppf((1 + level) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    return Opinion(mean, max(LOWEST, mean - reach), min(HIGHEST, mean + reach), len(rows), len(means), over)
