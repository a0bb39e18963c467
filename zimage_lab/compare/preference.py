"""What the votes of pairs say: how strong each model is, how sure that is, and whether there are votes enough to tell.

The intervals are percentiles of a bootstrap over prompts (Efron and Tibshirani 1993; Field and Welsh 2007 on clusters):
votes on one prompt are not independent of each other, so whole prompts are drawn again, with all their votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zimage_lab.compare import davidson
from zimage_lab.engine.pace import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOOTSTRAPS = 1000
LEVEL = 0.95

FEW_PROMPTS = 10
"""With fewer prompts the percentiles of a bootstrap are known to be too narrow: a tenth of them is one prompt."""

FEW_VOTES = 30
"""Votes of a model below which its strength is a guess: a share of one half is then known to 18 points at best."""

_AT_ONCE = 20_000_000
"""Most numbers of the curves that are solved together: 160 MB."""


class Pair(NamedTuple):
    """One vote: its prompt's number, the two models, and the share of the vote that each of them and the tie got."""

    prompt: int
    first: int
    second: int
    choice: int  # 0 for the first, 1 for the second, 2 for a tie


class Bounds(NamedTuple):
    """Values and the intervals around them, three arrays of one shape; NaN where it cannot be told."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Preference:
    """The fitted preferences.

    Attributes
    ----------
    names
        The models.
    strengths
        Log strengths with mean 0, (models,).
    shares
        How likely each is preferred to another one taken at random, a tie counted half, (models,).
    wins
        How likely the row is preferred to the column, a tie counted half, (models, models).
    ties
        Davidson's v: 0 where nobody ever could not decide.
    votes, prompts
        How many of each.
    counts
        Votes (pairs, 3) as `davidson.fit` takes them.
    level
        How often an interval shall hold.
    notes
        What must be known to read it: too few votes, models that were never held against each other.
    """

    names: tuple[str, ...]
    strengths: Bounds
    shares: Bounds
    wins: Bounds
    ties: float
    votes: int
    prompts: int
    counts: np.ndarray
    level: float
    notes: tuple[str, ...]

    def votes_of(self, model: int) -> int:
        """Count the votes in which a model took part."""
        first, second = davidson.pairs(len(self.names))
        return int(self.counts[(first == model) | (second == model)].sum())

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give a row for each model, the strongest first."""
        import pandas as pd

        first, second = davidson.pairs(len(self.names))
        tied = self.counts[:, 2]
        won = [
            self.counts[first == model, 0].sum() + self.counts[second == model, 1].sum()
            for model in range(len(self.names))
        ]
        made = pd.DataFrame(
            {
                "model": self.names,
                "strength": self.strengths.value,
                "low": self.strengths.low,
                "high": self.strengths.high,
                "preferred": self.shares.value,
                "preferred_low": self.shares.low,
                "preferred_high": self.shares.high,
                "votes": [self.votes_of(model) for model in range(len(self.names))],
                "won": [int(number) for number in won],
                "tied": [int(tied[(first == m) | (second == m)].sum()) for m in range(len(self.names))],
            }
        )
        return made.sort_values("strength", ascending=False, kind="stable", ignore_index=True)

    def __str__(self) -> str:
        """Say it for a person."""
        lines = [f"{plural(self.votes, 'vote')} on {plural(self.prompts, 'prompt')}"]
        for row in self.frame().itertuples():
            sure = "" if np.isnan(row.preferred_low) else f" ({row.preferred_low:.0%} to {row.preferred_high:.0%})"
            share = "cannot be told" if np.isnan(row.preferred) else f"preferred {row.preferred:.0%}{sure}"
            lines.append(f"{row.model}: {share}")
        return "\n".join([*lines, *self.notes])


def preference(
    votes: Iterable[Pair],
    names: Sequence[str],
    *,
    bootstraps: int = BOOTSTRAPS,
    level: float = LEVEL,
    seed: int = 0,
    ridge: float = davidson.RIDGE,
) -> Preference:
    """Fit strengths to votes.

    Parameters
    ----------
    votes
        The votes; skipped and undone ones are none.
    names
        The models, by whose places in this list the votes name them.
    bootstraps
        Times that the prompts are drawn again for the intervals.
    level
        How often an interval shall hold, 0 to 1.
    seed
        Of the draws, so that a report is the same when it is made again.
    ridge
        As for `davidson.fit`.
    """
    by_prompt = counted(votes, len(names))
    models, prompts = len(names), len(by_prompt)
    total = by_prompt.sum(axis=0) if prompts else np.zeros((models * (models - 1) // 2, 3))
    told = notes(total, prompts, names)
    if _islands(total, models) > 1:
        row, square = (Bounds(*[np.full((models,) * axes, np.nan)] * 3) for axes in (1, 2))
        nothing = float("nan")
        return Preference(tuple(names), row, row, square, nothing, int(total.sum()), prompts, total, level, told)
    found = davidson.fit(total[None], models, ridge)
    drawn = _drawn(by_prompt, models, bootstraps, seed, ridge) if prompts > 1 else None
    wins = _halved(found)
    beaten = None if drawn is None else _halved(drawn)
    strengths = _bounds(found.strengths, None if drawn is None else drawn.strengths, level)
    shares = _bounds(_mean(wins), None if beaten is None else _mean(beaten), level)
    told += _close(shares, int(total.sum()), names)
    bounds = _bounds(wins, beaten, level)
    ties = float(found.ties[0])
    return Preference(tuple(names), strengths, shares, bounds, ties, int(total.sum()), prompts, total, level, told)


def counted(votes: Iterable[Pair], models: int) -> np.ndarray:
    """Count votes by prompt, (prompts that have votes, pairs, 3), the pairs as `davidson.pairs` lists them."""
    given = np.array([tuple(vote) for vote in votes], dtype=np.int64).reshape(-1, 4)
    if not len(given):
        return np.zeros((0, models * (models - 1) // 2, 3))
    places = np.full((models, models), -1)
    first, second = davidson.pairs(models)
    places[first, second] = np.arange(len(first))
    prompt, one, other, choice = given.T
    turned = one > other
    pair = places[np.minimum(one, other), np.maximum(one, other)]
    choice = np.where(turned & (choice < 2), 1 - choice, choice)  # noqa: PLR2004 - a tie has no sides
    _, row = np.unique(prompt, return_inverse=True)
    counts = np.zeros((int(row.max()) + 1, len(first), 3))
    np.add.at(counts, (row, pair, choice), 1.0)
    return counts


def notes(total: np.ndarray, prompts: int, names: Sequence[str]) -> tuple[str, ...]:
    """Say what is too little, in sentences; nothing where there is enough."""
    if not total.sum():
        return ("There are no votes yet.",)
    first, second = davidson.pairs(len(names))
    found = []
    for model, name in enumerate(names):
        number = int(total[(first == model) | (second == model)].sum())
        if number < FEW_VOTES:
            found.append(f"Too few votes: {name} has {number}, and below {FEW_VOTES} a strength is a guess.")
        won = total[first == model, 0].sum() + total[second == model, 1].sum()
        lost = total[first == model, 1].sum() + total[second == model, 0].sum()
        tied = total[(first == model) | (second == model), 2].sum()
        if number and not tied and (not lost or not won):
            never = "lost" if not lost else "won"
            found.append(f"{name} never {never}: how far it is from the others cannot be told, only that it is.")
    if prompts == 1:
        found.append("All votes are on one prompt: nothing can be said about others, so there are no intervals.")
    elif prompts < FEW_PROMPTS:
        found.append(
            f"Too few prompts: {prompts}, and the intervals over fewer than {FEW_PROMPTS} are narrower than they say."
        )
    if _islands(total, len(names)) > 1:
        found.append("Some models were never held against the others, not even by way of a third one: no strengths.")
    return tuple(found)


def _bounds(values: np.ndarray, drawn: np.ndarray | None, level: float) -> Bounds:
    """Give the one sample's values with the percentiles of those that were drawn."""
    if drawn is None:
        unknown = np.full(values[0].shape, np.nan)
        return Bounds(values[0], unknown, unknown)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Bounds(values[0], low, high)


def _close(shares: Bounds, votes: int, names: Sequence[str]) -> tuple[str, ...]:
    """Say where the two best cannot be told apart, and about how many votes would tell."""
    best, next_best = np.argsort(-shares.value, kind="stable")[:2]
    apart = shares.value[best] - shares.value[next_best]
    width = (shares.high[next_best] - shares.low[next_best] + shares.high[best] - shares.low[best]) / 2
    if np.isnan(width) or shares.low[best] > shares.high[next_best]:
        return ()
    sentence = f"{names[best]} and {names[next_best]} cannot be told apart by these votes"
    if apart <= 0:
        return (f"{sentence}.",)
    # An interval shrinks with the root of the number of votes (and of prompts, which must grow with them).
    needed = int(np.ceil(votes * max(1.0, width / apart) ** 2 / 10)) * 10
    return (f"{sentence}; if they differ as much as it seems, about {needed:,} votes on more prompts would tell.",)


def _drawn(by_prompt: np.ndarray, models: int, bootstraps: int, seed: int, ridge: float) -> davidson.Fit:
    """Fit samples of the prompts, each as many as there are, drawn with replacement."""
    prompts = len(by_prompt)
    weights = np.random.default_rng(seed).multinomial(prompts, np.full(prompts, 1 / prompts), size=bootstraps)
    samples = (weights.astype(float) @ by_prompt.reshape(prompts, -1)).reshape(bootstraps, -1, 3)
    size = max(1, _AT_ONCE // (models + 1) ** 2)
    parts = [davidson.fit(samples[start : start + size], models, ridge) for start in range(0, bootstraps, size)]
    return davidson.Fit(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _halved(found: davidson.Fit) -> np.ndarray:
    """Give how likely each is preferred to each, a tie counted half: (samples, models, models)."""
    shares = davidson.probabilities(found)
    return np.asarray(shares[..., 0] + shares[..., 1] / 2)


def _mean(wins: np.ndarray) -> np.ndarray:
    """Give the mean against the others (samples, models); against itself everybody has one half."""
    models = wins.shape[1]
    return np.asarray((wins.sum(axis=2) - 0.5) / (models - 1))


def _islands(total: np.ndarray, models: int) -> int:
    """Count the groups of models that no vote connects."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = davidson.pairs(models)
    held = total.sum(axis=1) > 0
    graph = coo_array((np.ones(int(held.sum())), (first[held], second[held])), shape=(models, models))
    return int(connected_components(graph, directed=False)[0])
