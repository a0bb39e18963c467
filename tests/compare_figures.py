"""Prints what the statistics of votes cost, `python tests/compare_figures.py`.

10,000 votes on 10 models and 200 prompts, drawn as Davidson's model says, with 1,000 bootstraps.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import os
import time

import numpy as np

from zimage_lab.compare.preference import Pair, preference

VOTES, MODELS, PROMPTS, BOOTSTRAPS = 10_000, 10, 200, 1000


def votes(seed: int = 0) -> list[Pair]:
    """Draw votes for models whose log strengths run from -1 to 1."""
    random = np.random.default_rng(seed)
    strengths = np.linspace(1, -1, MODELS)
    drawn = []
    for _ in range(VOTES):
        one, other = random.choice(MODELS, 2, replace=False)
        half = (strengths[one] - strengths[other]) / 2
        weights = np.exp([half, -half, -0.7])
        choice = int(random.choice(3, p=weights / weights.sum()))
        drawn.append(Pair(int(random.integers(PROMPTS)), int(one), int(other), choice))
    return drawn


def main() -> None:
    """Measure and print."""
    drawn = votes()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = preference(drawn, [f"model {number}" for number in range(MODELS)], bootstraps=BOOTSTRAPS)
        times.append(time.perf_counter() - began)
    print(f"{VOTES:,} votes, {MODELS} models, {PROMPTS} prompts, {BOOTSTRAPS:,} bootstraps, {os.cpu_count()} cores")
    print(f"seconds: best {min(times):.3f}, worst {max(times):.3f} (target: under 10)")
    print(found)


if __name__ == "__main__":
    main()
