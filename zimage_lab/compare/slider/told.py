"""What the page is told of a comparison, and in which state each of its pictures is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from zimage_lab.compare.slider.texts import words

if TYPE_CHECKING:
    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.compare.plan import Plan
    from zimage_lab.store.comparisons import Index


def told(plan: Plan, language: str) -> dict[str, Any]:
    """Give names, prompts, seeds (as texts: a browser's numbers do not hold 64 bits) and words."""
    return {
        "labels": [one.label for one in plan.contestants],
        "prompts": [one.text for one in plan.prompts],
        "seeds": [str(seed) for seed in plan.seeds],
        "words": words(language),
        "language": language,
    }


def states(comparison: Comparison, language: str) -> list[str]:
    """Say of each picture why it is not there, and nothing of those that are; by prompt, seed and contestant."""
    said = words(language)
    found = {one.index: one for one in comparison.results() if not one.index[3]}
    return [
        "" if found[index].image is not None else said[f"state_{found[index].state}"]
        for index in places(comparison.plan)
    ]


def places(plan: Plan) -> list[Index]:
    """List the pictures that are seen: of several that were measured, the first."""
    prompts, seeds, contestants, _ = plan.shape
    return [(p, s, c, 0) for p, s, c in itertools.product(range(prompts), range(seeds), range(contestants))]
