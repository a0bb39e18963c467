"""How far raters agree beyond chance: Krippendorff's alpha, which takes any number of raters and missing votes.

Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), whose worked example the tests repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Scale: TypeAlias = Literal["nominal", "ordinal", "interval"]


def alpha(units: Iterable[Sequence[float]], scale: Scale = "nominal") -> float:
    """Measure agreement: 1 is perfect, 0 is what chance gives, below 0 is systematic disagreement.

    Parameters
    ----------
    units
        What was rated, each with the values that its raters gave; one with fewer than two says nothing.
    scale
        "nominal" for kinds (left, right, tie), "ordinal" or "interval" for stars.

    Returns
    -------
    float
        NaN where nothing was rated twice, or every value is the same: then nothing can be told from chance.
    """
    rated = [list(unit) for unit in units if len(unit) > 1]
    values = sorted({value for unit in rated for value in unit})
    if len(values) < 2:  # noqa: PLR2004 - nothing varies
        return float("nan")
    place = {value: number for number, value in enumerate(values)}
    together = np.zeros((len(values), len(values)))
    for unit in rated:
        counts = np.bincount([place[value] for value in unit], minlength=len(values)).astype(float)
        together += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = together.sum(axis=1)
    apart = _distances(values, totals, scale)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    return float(1 - (together * apart).sum() / (expected * apart).sum())


def _distances(values: list[float], totals: np.ndarray, scale: Scale) -> np.ndarray:
    """Give the squared differences of the values, (values, values)."""
    if scale == "nominal":
        return 1.0 - np.eye(len(values))
    if scale == "interval":
        column = np.array(values, float)
        return np.asarray((column[:, None] - column[None, :]) ** 2)
    ranks = np.cumsum(totals) - totals / 2  # the middle rank of each value
    return np.asarray((ranks[:, None] - ranks[None, :]) ** 2)
