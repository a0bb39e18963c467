"""Prints what a second worker is worth, `python tests/ray_figures.py [ROUNDS]`: one-core workers of a local Ray.

A cell is a picture of the miniature that takes a second or more on one core. A round makes the same number of cells a
worker with one worker and with two, in turns, after a warm-up of each; the efficiency is the cells a second of two over
twice those of one. On a machine that others use the single rounds scatter: the medians are printed with their range.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ray_cluster import add, cluster
from stub_engine import StubEngine

from zimage_lab.sweeps import Ray, stop_workers

PROMPT = "a red cat on the left, white background"
CELLS = 8
STEPS = 16
SIZE = "256x256"
LIMIT = 0.85


def rate(engine: StubEngine, workers: int, turn: int) -> tuple[float, float]:
    """Give cells a second of so many workers, and the mean seconds of a cell."""
    first = 1000 * turn + 100 * workers
    options = {"steps": STEPS, "size": SIZE, "executor": Ray(workers=workers)}
    engine.sweep(PROMPT, seeds=range(first, first + 4 * workers), **options).wait()  # reads the weights
    began = time.perf_counter()
    sweep = engine.sweep(PROMPT, seeds=range(first + 20, first + 20 + CELLS * workers), **options).wait()
    seconds = time.perf_counter() - began
    stop_workers()
    assert sweep.counts == {"succeeded": CELLS * workers}
    return CELLS * workers / seconds, float(sweep.frame().seconds.mean())


def main(rounds: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, cluster() as machines:
        add(machines)
        engine = StubEngine(Path(folder), held=True)  # asks, and draws nothing
        rates: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(rounds + 1):
            for workers in (1, 2) if turn % 2 else (2, 1):
                each, cell = rate(engine, workers, turn)
                told = f"{each:.3f} cells/s, {cell:.2f} s a cell, load {os.getloadavg()[0]:.1f}"
                print(f"round {turn}: {workers} workers {told}", flush=True)
                if turn:
                    rates[workers].append(each)
        engine.stop()
        shares = [two / (2 * one) for one, two in zip(rates[1], rates[2], strict=True)]
        middle = statistics.median(rates[2]) / (2 * statistics.median(rates[1]))
        print(f"efficiency: median {middle:.2f}, rounds {min(shares):.2f} to {max(shares):.2f}, wanted {LIMIT}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
