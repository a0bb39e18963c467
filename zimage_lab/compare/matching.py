"""Finds the steps with which models take about the same time: a trial at two numbers of steps gives each one's line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab import models

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.compare.plan import Plan

FAR = 0.1
"""Share by which a time may miss the common one without a note."""


def trials(steps: int) -> tuple[int, ...]:
    """Give the numbers of steps to try: the model's own and about half of it."""
    return (steps, max(1, steps // 2)) if steps > 1 else (1, 2)


def steps(plan: Plan, tried: dict[int, list[tuple[int, float]]], place: Path) -> tuple[dict[int, int], list[str]]:
    """Choose steps.

    Parameters
    ----------
    plan
        Whose first contestant says the time, unless its protocol does.
    tried
        By the contestant's number, steps and seconds of two trials.
    place
        The home folder.

    Returns
    -------
    The steps of each contestant, and notes about times that cannot be matched.
    """
    lines = {number: _line(found) for number, found in tried.items()}
    goal = plan.protocol.seconds
    chosen: dict[int, int] = {}
    if goal is None:
        fixed, each = lines[0]
        goal = fixed + each * plan.contestants[0].ground.steps
        chosen[0] = plan.contestants[0].ground.steps
    notes = [f"The common time is {goal:.3g} s a picture, by a trial before the measurement."]
    for number, (fixed, each) in lines.items():
        contestant = plan.contestants[number]
        low, high = models.find(contestant.model, place).card.ranges.steps
        if number not in chosen:
            wanted = (goal - fixed) / each if each > 0 else high
            chosen[number] = min(high, max(low, round(wanted)))
        expected = fixed + each * chosen[number]
        if abs(expected - goal) > FAR * goal:
            notes.append(
                f"{contestant.label} cannot meet it: {chosen[number]} steps take about {expected:.3g} s,"
                f" and it draws with {low} to {high} whole steps."
            )
    return chosen, notes


def _line(found: list[tuple[int, float]]) -> tuple[float, float]:
    """Give the seconds apart from the steps, and those of a step."""
    (many, long), (few, short) = sorted(found, reverse=True)[:2]
    each = max((long - short) / (many - few), 0.0)
    return max(0.0, long - each * many), each
