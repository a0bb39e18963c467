"""What the queue, the records and the events cost a picture: `python tests/overhead_figures.py [JOBS]`.

An engine with a stub for a model makes pictures of one step. Told are the CPU time of the whole process and the wall
time between the submit and the first step, and how much of the wall time the disk took to make two commits durable.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from zimage_lab import models
from zimage_lab.engine import Engine, families
from zimage_lab.request import GenerationRequest
from zimage_lab.store.database import Database

REQUEST = GenerationRequest(
    prompt="a red circle", model="miniature-turbo", width=128, height=128, steps=1, guidance_scale=0.0, seed=1
)


QUIET_SECONDS = 0.15
"""Pause before each job, so that the end of the one before is not counted."""


class Stub:
    """A family that draws nothing, and notes when it is asked for its first step."""

    device, dtype = "cpu", torch.float32
    memory_bytes: dict[str, int] = {"stub": 0}  # noqa: RUF012 - never written
    facts: dict[str, str] = {}  # noqa: RUF012 - never written

    def __init__(self) -> None:
        self.model = models.find("miniature-turbo")
        self.at: list[tuple[float, float]] = []

    def adapt(self, _: object) -> None:
        """Take no LoRA."""

    def encode(self, _: list[GenerationRequest]) -> None:
        """Give nothing."""

    def noise(self, _: list[GenerationRequest]) -> torch.Tensor:
        """Give zeros."""
        return torch.zeros(1, 16, 16, 16)

    def denoise(self, *arguments: Any) -> torch.Tensor:  # noqa: ANN401 - as the real one's
        """Note the moment, and take one step."""
        self.at.append((time.process_time(), time.perf_counter()))
        latents: torch.Tensor = arguments[2]
        on_step = arguments[3]
        on_step(1, latents)
        return latents

    def decode(self, _: torch.Tensor) -> list[Image.Image]:
        """Give a grey picture."""
        return [Image.new("RGB", (128, 128), (9, 9, 9))]


def commit_seconds(home: Path) -> float:
    """Measure one durable commit of a small row."""
    database = Database(home)
    times = []
    for number in range(50):
        began = time.perf_counter()
        with database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('figures', ?)", (str(number),))
        times.append(time.perf_counter() - began)
    database.close()
    return statistics.median(times)


def main(jobs: int) -> None:
    """Print the figures."""
    stub: Any = Stub()
    families.load = lambda *_: stub
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(home=folder, device="cpu")
        engine.generate(REQUEST)
        stub.at.clear()
        cpu, wall = [], []
        for seed in range(jobs):
            time.sleep(QUIET_SECONDS)
            before = time.process_time(), time.perf_counter()
            engine.submit(REQUEST, seed=seed).result(60)
            then = stub.at[-1]
            cpu.append((then[0] - before[0]) * 1e3)
            wall.append((then[1] - before[1]) * 1e3)
        disk = commit_seconds(Path(folder)) * 1e3
        engine.stop()
    for name, values in (("CPU", cpu), ("wall", wall)):
        ends = f"{min(values):.2f} .. {max(values):.2f}"
        print(f"{name:5} submit to first step: median {statistics.median(values):.2f} ms ({ends})")  # noqa: T201
    print(f"one durable commit: {disk:.2f} ms of wall time; two lie before the first step")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
