"""What is read out of votes: known strengths are found again, intervals hold at their rate, and few votes are told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from zimage_lab.compare import davidson
from zimage_lab.compare.agreement import alpha
from zimage_lab.compare.opinion import opinion
from zimage_lab.compare.preference import Pair, counted, preference

# Drawn once; how often the row was preferred to the column, and what choix 0.4.1 makes of it (mm_pairwise, tol=1e-13).
WON = [[0, 1, 2, 2, 2], [9, 0, 6, 0, 1], [3, 5, 0, 5, 3], [1, 8, 8, 0, 1], [5, 4, 10, 6, 0]]
OF_CHOIX = [-0.8418315694699863, -0.24687440116005183, -0.27345030110352225, 0.3138716831305836, 1.0482845886029768]

STRENGTHS = np.array([0.9, 0.2, -0.3, -0.8])
LOG_TIES = -0.5


def simulated(votes: int, prompts: int, seed: int, *, apart: float = 0.0) -> list[Pair]:
    """Draw votes by Davidson's model; each prompt moves the strengths by a deviation of `apart`."""
    random, models = np.random.default_rng(seed), len(STRENGTHS)
    moved = STRENGTHS + random.normal(0, 1, (prompts, models)) * apart
    one = random.integers(models, size=votes)
    other = (one + random.integers(1, models, size=votes)) % models
    prompt = np.arange(votes) % prompts
    half = (moved[prompt, one] - moved[prompt, other]) / 2
    weights = np.exp(np.stack([half, -half, np.full(votes, LOG_TIES)], axis=1)).cumsum(axis=1)
    choice = (random.random(votes)[:, None] * weights[:, 2:] > weights).sum(axis=1)
    return list(map(Pair, prompt.tolist(), one.tolist(), other.tolist(), choice.tolist()))


def names(count: int = len(STRENGTHS)) -> list[str]:
    return [f"model {number}" for number in range(count)]


def test_without_ties_it_is_what_choix_finds() -> None:
    first, second = davidson.pairs(5)
    won = np.array(WON, float)
    counts = np.zeros((1, len(first), 3))
    counts[0, :, 0], counts[0, :, 1] = won[first, second], won[second, first]
    found = davidson.fit(counts, 5, ridge=1e-12)
    assert found.strengths[0] == pytest.approx(OF_CHOIX, abs=1e-9)
    assert found.ties[0] == 0


def test_choix_itself_where_it_is_installed() -> None:
    choix = pytest.importorskip("choix")
    random = np.random.default_rng(8)
    won = random.integers(1, 20, size=(7, 7))
    first, second = davidson.pairs(7)
    counts = np.stack([won[first, second], won[second, first], np.zeros(len(first))], axis=1)[None].astype(float)
    data = [(i, j) for i in range(7) for j in range(7) if i != j for _ in range(won[i, j])]
    theirs = choix.mm_pairwise(7, data, tol=1e-12, max_iter=100_000)
    assert davidson.fit(counts, 7, ridge=1e-12).strengths[0] == pytest.approx(theirs - theirs.mean(), abs=1e-8)


def test_known_strengths_are_found_again_with_ties() -> None:
    found = preference(simulated(40_000, 200, seed=1), names(), bootstraps=50)
    assert found.strengths.value == pytest.approx(STRENGTHS, abs=0.05)
    assert found.ties == pytest.approx(math.exp(LOG_TIES), rel=0.05)
    assert not found.notes


def test_two_models_have_a_closed_form() -> None:
    # Davidson (1970), two treatments: the likelihood's top gives the observed shares themselves.
    found = davidson.fit(np.array([[[30.0, 10.0, 20.0]]]), 2, ridge=1e-12)
    assert found.strengths[0, 0] - found.strengths[0, 1] == pytest.approx(math.log(3))
    assert found.ties[0] == pytest.approx(20 / math.sqrt(300))
    assert davidson.probabilities(found)[0, 0, 1] == pytest.approx([0.5, 1 / 3])


@given(
    arrays.arrays(np.float64, (3, 6, 3), elements=st.integers(0, 60).map(float)),
    st.sampled_from([1e-3, 1e-2]),
)
@settings(max_examples=80)
def test_nothing_near_is_likelier(counts: np.ndarray, ridge: float) -> None:
    def height(fit: davidson.Fit) -> np.ndarray:
        with np.errstate(divide="ignore"):
            logs = np.where(fit.ties > 0, np.log(fit.ties), 0.0)
        return davidson.likelihood(fit, counts) - ridge / 2 * ((fit.strengths**2).sum(axis=1) + logs**2)

    found = davidson.fit(counts, 4, ridge)
    assert np.isfinite(found.strengths).all()
    assert np.abs(found.strengths.sum(axis=1)).max() < 1e-6
    top = height(found)
    for model in range(4):
        for step in (-1e-3, 1e-3):
            other = found.strengths.copy()
            other[:, model] += step
            assert (height(davidson.Fit(other, found.ties)) <= top + 1e-7).all()
    for factor in (0.999, 1.001):
        assert (height(davidson.Fit(found.strengths, found.ties * factor)) <= top + 1e-7).all()


@pytest.mark.parametrize("apart", [0.0, 0.6])
def test_intervals_hold_at_their_rate(apart: float) -> None:
    """Of intervals at 90 %, about 90 % hold the truth, ties, and prompts of their own taste, included."""
    tries, prompts = 200, 40
    if apart:  # what endless votes on endless prompts would give is not the middle strength: ask many
        truth = preference(simulated(200_000, 20_000, seed=99, apart=apart), names(), bootstraps=1).strengths.value
    else:
        truth = STRENGTHS
    held = []
    for seed in range(tries):
        drawn = simulated(600, prompts, seed=1000 + seed, apart=apart)
        found = preference(drawn, names(), bootstraps=200, level=0.9, seed=seed)
        held.append((found.strengths.low <= truth) & (truth <= found.strengths.high))
    rate = np.mean(held)
    assert 0.86 < rate < 0.94, rate


def test_the_order_of_a_pair_does_not_matter() -> None:
    drawn = simulated(300, 12, seed=4)
    turned = [Pair(p, b, a, (1, 0, 2)[choice]) for p, a, b, choice in drawn]
    assert (counted(drawn, 4) == counted(turned, 4)).all()
    assert counted([], 4).shape == (0, 6, 3)


def test_the_same_votes_give_the_same_intervals() -> None:
    drawn = simulated(200, 12, seed=5)
    one, other = (preference(drawn, names(), bootstraps=100) for _ in range(2))
    assert (one.strengths.low == other.strengths.low).all()
    frame = one.frame()
    assert frame["model"].iloc[0] == names()[int(np.argmax(one.strengths.value))]
    assert int(frame["votes"].sum()) == 2 * 200


def test_too_few_votes_are_told() -> None:
    assert preference([], names(2)).notes[0] == "There are no votes yet."
    few = preference([Pair(0, 0, 1, 0), Pair(0, 0, 1, 0)], names(2))
    told = " ".join(few.notes)
    assert "Too few votes: model 0 has 2" in told
    assert "model 0 never lost" in told
    assert "model 1 never won" in told
    assert "All votes are on one prompt" in told
    assert np.isnan(few.strengths.low).all()
    assert np.isfinite(few.strengths.value).all()
    some = preference([Pair(number % 3, 0, 1, number % 2) for number in range(90)], names(2))
    assert "Too few prompts: 3" in " ".join(some.notes)
    assert "cannot be told apart" in " ".join(some.notes)


def test_models_that_were_never_held_together_have_no_strengths() -> None:
    drawn = [Pair(n, 0, 1, n % 3) for n in range(40)] + [Pair(n, 2, 3, n % 3) for n in range(40)]
    found = preference(drawn, names())
    assert np.isnan(found.strengths.value).all()
    assert "never held against the others" in " ".join(found.notes)


NOT = float("nan")
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NOT, NOT, NOT],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NOT, 3],
    [NOT, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NOT],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NOT],
]


@pytest.mark.parametrize(("scale", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_agreement_is_the_published_one(scale: str, published: float) -> None:
    units = [[value for value in unit if not math.isnan(value)] for unit in zip(*OBSERVERS, strict=True)]
    assert alpha(units, scale) == pytest.approx(published, abs=5e-4)


def test_agreement_at_its_ends() -> None:
    assert alpha([[1, 1], [2, 2], [1, 1, 1]]) == 1
    assert alpha([[1, 2], [2, 1]]) < 0
    assert math.isnan(alpha([]))
    assert math.isnan(alpha([[1], [2]])), "nobody rated the same"
    assert math.isnan(alpha([[1, 1], [1, 1]])), "nothing varies"


def test_an_opinion_is_a_mean_with_t_over_prompts() -> None:
    votes = [
        (prompt, rater, float(stars)) for prompt, rater, stars in [(0, "a", 4), (0, "b", 2), (1, "a", 5), (2, "b", 4)]
    ]
    found = opinion(votes)
    low, high = stats.t.interval(0.95, 2, loc=4, scale=stats.sem([3, 5, 4]))
    assert (found.mean, found.votes, found.units) == (4, 4, 3)
    assert found.low == pytest.approx(max(1, low))
    assert found.high == pytest.approx(min(5, high))
    alone = opinion([(0, "a", 4), (0, "b", 2)])
    assert (alone.mean, alone.units, alone.over) == (3, 2, "raters")
    assert math.isnan(opinion([]).mean)
    assert math.isnan(opinion([(0, "a", 4)]).low)
