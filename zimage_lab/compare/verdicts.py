"""The votes of a comparison, told as a table and turned into what the statistics take."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.compare.agreement import alpha
from zimage_lab.compare.opinion import Opinion, opinion
from zimage_lab.compare.preference import Pair, Preference, preference
from zimage_lab.store.votes import Votes, holding

if TYPE_CHECKING:
    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.store.comparisons import Index
    from zimage_lab.store.votes import Vote


class Counted(NamedTuple):
    """A vote of a pair with the places of its pictures; the choice as `Pair` has it, of left and right."""

    vote: Vote
    left: Index
    right: Index
    choice: int


CHOICES = {"left": 0, "right": 1, "tie": 2}


def pairs(comparison: Comparison) -> list[Counted]:
    """Give the votes of pairs that hold."""
    votes, places = _votes(comparison)
    return [
        Counted(vote, places[vote.left_record], places[vote.right_record], CHOICES[vote.choice or ""])
        for vote in votes
        if vote.kind == "pair" and vote.left_record in places and vote.right_record in places
    ]


def preferences(comparison: Comparison, **options: Any) -> Preference:  # noqa: ANN401 - those of `preference`
    """Fit the preferences."""
    found = (Pair(one.left[0], one.left[2], one.right[2], one.choice) for one in pairs(comparison))
    return preference(found, comparison.labels, **options)


def opinions(comparison: Comparison) -> dict[str, Opinion]:
    """Average the stars of each contestant."""
    votes, places = _votes(comparison)
    given: dict[int, list[tuple[int, str, float]]] = defaultdict(list)
    for vote in votes:
        if vote.stars is not None and vote.left_record in places:
            prompt, _, contestant, _ = places[vote.left_record]
            given[contestant].append((prompt, vote.rater, float(vote.stars)))
    return {label: opinion(given[number]) for number, label in enumerate(comparison.labels)}


def agreement(comparison: Comparison) -> dict[str, float]:
    """Give Krippendorff's alpha: of pairs over the kinds of answer, of stars over their distances."""
    votes, places = _votes(comparison)
    said: dict[str, dict[str, list[float]]] = {"pairs": defaultdict(list), "stars": defaultdict(list)}
    for vote in votes:
        if vote.stars is not None:
            said["stars"][vote.question].append(float(vote.stars))
        elif vote.choice is not None and vote.left_record in places and vote.right_record in places:
            # Sides differ between raters: what is compared is which of the two contestants was preferred.
            turned = places[vote.left_record][2] > places[vote.right_record][2]
            choice = CHOICES[vote.choice]
            said["pairs"][vote.question].append(float(choice if choice == CHOICES["tie"] else choice ^ turned))
    return {
        "pairs": alpha(said["pairs"].values(), "nominal"),
        "stars": alpha(said["stars"].values(), "interval"),
    }


def left_share(comparison: Comparison) -> tuple[int, int]:
    """Give how often the left side was preferred, and of how many votes without ties: about half, or sides matter."""
    choices = [one.choice for one in pairs(comparison) if one.choice != CHOICES["tie"]]
    return choices.count(0), len(choices)


def frame(comparison: Comparison) -> Any:  # noqa: ANN401 - a pandas.DataFrame
    """Give every row as it was cast, and whether it counts."""
    import pandas as pd

    with Votes(comparison.home) as store:
        votes = store.of(comparison.id)
    places = _places(comparison)
    labels, counts = comparison.labels, {vote.id for vote in holding(votes) if vote.kind in {"pair", "stars"}}
    rows = []
    for vote in votes:
        left, right = places.get(vote.left_record), places.get(vote.right_record or "")
        rows.append(
            {
                "cast_at": vote.cast_at,
                "rater": vote.rater,
                "kind": vote.kind,
                "number": vote.number,
                "prompt": None if left is None else comparison.plan.prompts[left[0]].text,
                "left": None if left is None else labels[left[2]],
                "right": None if right is None else labels[right[2]],
                "choice": vote.choice,
                "stars": vote.stars,
                "seconds": vote.seconds,
                "counts": vote.id in counts,
                "left_record": vote.left_record,
                "right_record": vote.right_record,
                "id": vote.id,
                "about": vote.about,
            }
        )
    columns = (
        "cast_at rater kind number prompt left right choice stars seconds counts left_record right_record id about"
    )
    made = pd.DataFrame(rows, columns=columns.split())
    made["cast_at"] = pd.to_datetime(made["cast_at"], utc=True, format="ISO8601")
    return made.astype({"stars": "Int64", "seconds": "Float64", "number": "Int64", "counts": "bool"})


def _votes(comparison: Comparison) -> tuple[list[Vote], dict[str, Index]]:
    with Votes(comparison.home) as store:
        votes = holding(store.of(comparison.id))
    return votes, _places(comparison)


def _places(comparison: Comparison) -> dict[str, Index]:
    return {record.id: index for index, record in comparison.records().items()}
