"""Fits Davidson's model of paired comparisons with ties, many samples of votes at once.

Bradley and Terry (1952) give each model a strength p and say that i is preferred to j with probability
p_i / (p_i + p_j). Davidson (1970, "On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison
Experiments", JASA 65, 317-328) adds the tie, the likelier the more alike the two are:

    i preferred : j preferred : tie  =  p_i : p_j : v sqrt(p_i p_j)

With d = log p_i - log p_j and h = log v these are exp(d / 2) : exp(-d / 2) : exp(h), so the votes are an exponential
family in (log p, h): the likelihood is concave, and Newton's steps reach its top. Without ties v is 0, and what is left
is the Bradley-Terry model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RIDGE = 1e-3
"""Weight of a pull of the strengths to each other and of h to 0: a normal prior with a deviation of about 30 (of logs),
which nobody notices but for a model that never lost: its strength would be infinite."""

STEPS, CLOSE = 100, 1e-9
LONGEST = 2.0
"""Longest step of a parameter: a full step may jump far beyond the top where a model hardly ever lost."""


class Fit(NamedTuple):
    """Parameters of each sample: `strengths` (samples, models), logs with mean 0; `ties` (samples,), v itself."""

    strengths: np.ndarray
    ties: np.ndarray


def pairs(models: int) -> tuple[np.ndarray, np.ndarray]:
    """Give both numbers of every pair of models, the smaller one first: two arrays (pairs,)."""
    first, second = np.triu_indices(models, 1)
    return first, second


def fit(counts: np.ndarray, models: int, ridge: float = RIDGE) -> Fit:
    """Find the likeliest strengths.

    Parameters
    ----------
    counts
        Votes (samples, pairs, 3), the pairs as `pairs` lists them: for the first, for the second, ties. They need not
        be whole.
    models
        How many there are.
    ridge
        The pull, above 0.

    Returns
    -------
    Fit
        One set of parameters for each sample.
    """
    first, second = pairs(models)
    samples, number = len(counts), len(first)
    signs = np.zeros((number, models))
    signs[np.arange(number), first], signs[np.arange(number), second] = 1.0, -1.0
    squares = (signs[:, :, None] * signs[:, None, :]).reshape(number, -1)
    votes = counts.sum(axis=2)
    won, tied = (counts[:, :, 0] - counts[:, :, 1]) / 2, counts[:, :, 2].sum(axis=1)
    with_ties = tied > 0
    strengths, log_ties = np.zeros((samples, models)), np.where(with_ties, 0.0, -np.inf)
    going = np.arange(samples)
    for _ in range(STEPS):
        p_first, p_second, p_tie = _shares(strengths[going] @ signs.T, log_ties[going, None])
        n = votes[going]
        lean = (p_first - p_second) / 2
        pull = (won[going] - n * lean) @ signs - ridge * strengths[going]
        pull_tie = np.where(
            with_ties[going], tied[going] - (n * p_tie).sum(axis=1) - ridge * _finite(log_ties[going]), 0
        )
        curve = np.empty((len(going), models + 1, models + 1))
        # The variances and the covariance of what the parameters multiply: +-1/2 for a preference, 1 for a tie.
        spread = n * ((p_first + p_second) / 4 - lean**2)
        curve[:, :models, :models] = (spread @ squares).reshape(-1, models, models) + ridge * np.eye(models)
        both = (-n * lean * p_tie) @ signs
        curve[:, :models, models] = curve[:, models, :models] = both
        curve[:, models, models] = np.where(with_ties[going], (n * p_tie * (1 - p_tie)).sum(axis=1) + ridge, 1.0)
        step = np.linalg.solve(curve, np.concatenate([pull, pull_tie[:, None]], axis=1)[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1)
        step *= np.minimum(1.0, LONGEST / np.maximum(longest, CLOSE))[:, None]
        strengths[going] += step[:, :models]
        log_ties[going] += step[:, models]
        going = going[longest > CLOSE]
        if not len(going):
            break
    return Fit(strengths - strengths.mean(axis=1, keepdims=True), np.exp(log_ties))


def probabilities(found: Fit) -> np.ndarray:
    """Give how likely each preference is, (samples, models, models, 2): the one of the row, and a tie."""
    apart = found.strengths[:, :, None] - found.strengths[:, None, :]
    with np.errstate(divide="ignore"):
        mine, _, tie = _shares(apart, np.log(found.ties)[:, None, None])
    return np.stack([mine, tie], axis=-1)


def likelihood(found: Fit, counts: np.ndarray) -> np.ndarray:
    """Give the log likelihood of each sample (samples,)."""
    first, second = pairs(found.strengths.shape[1])
    with np.errstate(divide="ignore"):
        shares = _shares(found.strengths[:, first] - found.strengths[:, second], np.log(found.ties)[:, None])
        logs = np.log(np.stack(shares, axis=-1))
    return np.asarray((counts * np.where(counts > 0, logs, 0.0)).sum(axis=(1, 2)))


def _shares(apart: np.ndarray, log_ties: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the probabilities of both preferences and of the tie, for differences of log strengths."""
    half = apart / 2
    top = np.maximum(np.abs(half), log_ties)
    mine, theirs, tie = np.exp(half - top), np.exp(-half - top), np.exp(log_ties - top)
    total = mine + theirs + tie
    return mine / total, theirs / total, tie / total


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, 0.0)
