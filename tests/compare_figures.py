"""Prints what the statistics of votes cost, `python tests/compare_figures.py`.

10,000 votes on 10 models and 200 prompts, drawn as Davidson's model says, with 1,000 bootstraps. Then what a comparison
adds to the pictures that it measures: the time beside drawing of its pictures, and of the same requests made one by one
with `engine.generate`, in turns, by the miniature on the CPU.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from zimage_lab.compare.preference import Pair, preference
from zimage_lab.compare.work import drawing
from zimage_lab.engine import Engine

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


def overhead(rounds: int = 5, pictures: int = 12) -> None:
    """Print how long comparisons take beside the same pictures without one."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(home=Path(folder), device="cpu")
        models = {"eight": "miniature-turbo", "six": {"model": "miniature-turbo", "steps": 6}}
        engine.compare("a red cat", models, seeds=1).wait()  # reads the weights, and measures the device's rate
        beside: dict[str, list[float]] = {"alone": [], "comparison": []}
        shares, after = [], []
        for number in range(rounds):
            seeds = range(100 * number, 100 * number + pictures)
            began, spent = time.perf_counter(), 0.0
            for seed in seeds:
                for steps in (8, 6):
                    spent += drawing(engine.generate("a red cat", seed=seed, steps=steps).record)
            beside["alone"].append((time.perf_counter() - began - spent) / (2 * pictures))
            began = time.perf_counter()
            made = engine.compare("a red cat", models, seeds=seeds, protocol={"warm_up": 0})
            with made._cells.changed:
                made._cells.changed.wait_for(lambda cells=made._cells: not cells.left)
            wall = time.perf_counter() - began
            made.wait()
            after.append((time.perf_counter() - began - wall) / (2 * pictures))
            spent = sum(map(drawing, made.records().values()))
            beside["comparison"].append((wall - spent) / (2 * pictures))
            shares.append((beside["comparison"][-1] - beside["alone"][-1]) * 2 * pictures / spent)
        engine.stop()
    for name, values in beside.items():
        print(f"{name}: {statistics.median(values) * 1e3:.1f} ms a picture beside drawing (median of {rounds})")
    print(f"judge and other figures, when the device is free again: {statistics.median(after) * 1e3:.1f} ms a picture")
    each = ", ".join(f"{share:.1%}" for share in shares)
    print(f"a comparison adds {statistics.median(shares):.1%} to what it measures ({each}; target: under 2 %)")


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
    overhead()


if __name__ == "__main__":
    main()
