"""Prints what sweeps cost, `python tests/sweep_figures.py [CELLS]`: tiny cells of a stub, then 16 of the miniature.

The cells' memory is the process' resident size after each tenth of them; their cost is wall and CPU time of the whole
process for each, engine, queue, records and events included (the stub draws nothing and saves no picture). A resume is
measured when half of the cells are made and when all are. The miniature's 16 seeds are compared with 16 requests one
after the other and with diffusers' pipeline over the same weights, in turns.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

import psutil
from stub_engine import StubEngine

from zimage_lab import models
from zimage_lab.engine import Engine
from zimage_lab.request import GenerationRequest
from zimage_lab.sweeps import Sweep

PROMPT = "a red cat on the left, white background"
SEEDS = 16
ROUNDS = 5


def resident() -> float:
    """Give the process' resident memory in MB."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


class Clock:
    """Prints what cells cost since it last did."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def tell(self, number: int, many: int) -> None:
        """Print a line."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        print(f"{number:8,} {resident():13.1f} {wall / many * 1e3:11.2f} {cpu / many * 1e3:15.2f}", flush=True)
        self.restart()


class Counted(list[GenerationRequest]):
    """A list that only counts: ten thousand requests would be the memory that is measured."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def append(self, _: GenerationRequest) -> None:
        """Count one."""
        self.count += 1


def resumed(engine: StubEngine, name: str) -> tuple[float, float, Sweep]:
    """Give the seconds of loading a sweep and of resuming it."""
    began = time.perf_counter()
    sweep = Sweep.load(name, engine=engine)
    loaded = time.perf_counter()
    sweep.resume()
    return loaded - began, time.perf_counter() - loaded, sweep


def tiny(home: Path, count: int) -> None:
    """Print the figures of many tiny cells."""
    engine = StubEngine(home)
    engine.pictures = False
    engine.drawn = drawn = Counted()
    began = time.perf_counter()
    sweep = engine.sweep(PROMPT, seeds=count // 10, steps=range(1, 11), size="64x64", limit=None)
    print(f"{sweep!r}: begun in {time.perf_counter() - began:.2f} s")
    print("   cells   MB resident   ms a cell   CPU ms a cell")
    tenth, clock = count // 10, Clock()
    half = 0.0, 0.0
    for number, _ in enumerate(sweep, 1):
        if number % tenth == 0:
            clock.tell(number, tenth)
            if number == count // 2:
                sweep.cancel()
                sweep.wait()
                *half, sweep = resumed(engine, sweep.name)  # type: ignore[assignment]
                break
    print(f"half made: loaded in {half[0]:.2f} s, resumed in {half[1]:.2f} s")
    clock, done = Clock(), sweep.progress.step
    while done < count:
        last = done
        while done < min(last + tenth, count):
            time.sleep(0.005)
            done = sweep.progress.step
        clock.tell(done, done - last)
    sweep.wait()
    *whole, again = resumed(engine, sweep.name)
    again.wait()
    print(f"all made: loaded in {whole[0]:.2f} s, resumed in {whole[1]:.2f} s; {drawn.count:,} drawn")
    began = time.perf_counter()
    frame = again.frame()
    print(f"frame of {len(frame):,} rows in {time.perf_counter() - began:.2f} s")
    engine.stop()


def miniature(home: Path) -> None:
    """Print how long 16 seeds take as a sweep, one after the other, and with diffusers' pipeline."""
    import torch
    from diffusers import ZImagePipeline

    engine = Engine(home=home, device="cpu")
    model = models.find("miniature-turbo")
    pipeline = ZImagePipeline.from_pretrained(model.folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    size = {"width": 128, "height": 128, "num_inference_steps": 8, "guidance_scale": 0.0}

    def reference(seeds: range, *, together: bool) -> None:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        if together:
            pipeline([PROMPT] * len(seeds), generator=generators, **size)
        else:
            for generator in generators:
                pipeline(PROMPT, generator=generator, **size)

    ways = {
        "sweep of 16 seeds": lambda seeds: engine.sweep(PROMPT, seeds=seeds).wait(),
        "16 x generate": lambda seeds: [engine.generate(PROMPT, seed=seed) for seed in seeds],
        "16 x ZImagePipeline": lambda seeds: reference(seeds, together=False),
        "ZImagePipeline, one call": lambda seeds: reference(seeds, together=True),
    }
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way(range(turn * SEEDS, (turn + 1) * SEEDS))
            if turn:  # the first one warms up
                best[name] = min(best[name], time.perf_counter() - began)
    for name, seconds in best.items():
        print(f"{name:26}{seconds:7.2f} s {best['16 x ZImagePipeline'] / seconds:6.2f}x")
    engine.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        tiny(Path(made) / "tiny", int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
        miniature(Path(made) / "miniature")
