"""Jobs that are alike are drawn together, and each still ends as if it had been alone."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zimage_lab import models
from zimage_lab.engine import Engine, together, worker
from zimage_lab.errors import Cancelled, InvalidOutput
from zimage_lab.store import images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine import Job
    from zimage_lab.recipe import RunRecord

PROMPT = "a red cat on the left"


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Let the jobs that are submitted inside begin at once afterwards."""
    engine._queue.pause()
    try:
        yield
    finally:
        engine._queue.resume()
        engine._worker.wake()


def submitted(engine: Engine, count: int, **options: Any) -> list[Job]:  # noqa: ANN401 - any field
    with held(engine):
        return [engine.submit(PROMPT, seed=seed, **options) for seed in range(count)]


def test_sixteen_seeds_are_one_batch(engine: Engine) -> None:
    began = time.perf_counter()
    images = [job.result(60) for job in submitted(engine, 16)]
    passed = time.perf_counter() - began
    assert [(one.record.batch.index, one.record.batch.size) for one in images] == [(row, 16) for row in range(16)]
    alone = engine.generate(PROMPT, seed=11)
    assert alone.record.batch.size == 1
    difference = np.abs(np.asarray(alone.image, float) - np.asarray(images[11].image, float))
    assert difference.max() <= 1, "a cell of a sweep equals the same request made alone, to rounding"
    shares = [one.record.seconds["denoise"] for one in images]
    assert len(set(shares)) == 1
    assert sum(shares) < passed, "the share of a picture, not the time of the batch"


def test_prompts_of_any_length_go_together(engine: Engine) -> None:
    prompts = [PROMPT, "左边一棵绿色的树", "a red circle on the left, a blue cat on the right, white background, " * 3]
    with held(engine):
        jobs = [engine.submit(prompt, seed=1) for prompt in prompts]
    for prompt, job in zip(prompts, jobs, strict=True):
        image = job.result(60)
        assert image.record.batch.size == 3
        alone = np.asarray(engine.generate(prompt, seed=1).image, float)
        assert np.abs(alone - np.asarray(image.image, float)).max() <= 1


def test_what_is_unlike_stands_between(engine: Engine) -> None:
    with held(engine):
        jobs = [engine.submit(PROMPT, seed=seed, steps=steps) for seed, steps in enumerate((8, 8, 5, 8, 8))]
    assert [job.result(60).record.batch.size for job in jobs] == [2, 2, 1, 2, 2]
    numbers = [engine._records.get(job.result().record.id).finished_at for job in jobs]
    assert numbers == sorted(numbers, key=str), "nobody is overtaken"


def test_a_cancelled_job_leaves_its_batch_alone(engine: Engine) -> None:
    stepped = threading.Event()
    jobs: list[Job] = []

    def watch(event: Any) -> None:  # noqa: ANN401 - an event of the engine
        if event.kind == "step" and event.data["step"] == 2 and jobs and event.job == jobs[1].id:
            jobs[1].cancel()
            stepped.set()

    engine.events.subscribe(watch)
    jobs += submitted(engine, 3)
    with pytest.raises(Cancelled):
        jobs[1].result(60)
    assert stepped.is_set()
    for seed in (0, 2):
        assert jobs[seed].result(60).record.batch.size == 3


def test_a_picture_that_is_none_ends_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.generate(PROMPT, seed=1)
    family = engine._worker.residency.loaded
    assert family is not None
    noise = family.noise

    def one_broken(requests: Any) -> torch.Tensor:  # noqa: ANN401 - requests
        drawn = noise(requests)
        drawn[1] = float("nan")
        return drawn

    monkeypatch.setattr(family, "noise", one_broken)
    jobs = submitted(engine, 3)
    with pytest.raises(InvalidOutput):
        jobs[1].result(60)
    assert [jobs[row].result(60).record.state for row in (0, 2)] == ["succeeded"] * 2


def test_what_took_an_engine_down_is_drawn_alone(engine: Engine) -> None:
    with held(engine):
        jobs = [engine.submit(PROMPT, seed=seed) for seed in range(3)]
        with engine._queue._database.write() as connection:
            connection.execute(
                "INSERT INTO attempts (job_id, number, engine_id, pid, process, started_at, heartbeat_at, outcome)"
                " VALUES (?, 1, 'gone', 1, '', '2026-01-01', '2026-01-01', 'interrupted')",
                (jobs[1].id,),
            )
    assert [job.result(60).record.batch.size for job in jobs] == [1, 1, 1]


def test_the_next_picture_begins_while_one_is_saved(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.generate(PROMPT, seed=1)
    save, waiting, may_end = images.save_png, threading.Event(), threading.Event()

    def slow(picture: Image.Image, record: RunRecord, home: Any) -> Any:  # noqa: ANN401 - as save_png's
        waiting.set()
        assert may_end.wait(60)
        return save(picture, record, home)

    monkeypatch.setattr(images, "save_png", slow)
    first = engine.submit(PROMPT, seed=2)
    assert waiting.wait(60)
    second = engine.submit(PROMPT, seed=3, steps=3)
    reached = threading.Event()
    engine.events.subscribe(
        lambda event: reached.set() if event.job == second.id and event.data.get("stage") == "decoding" else None
    )
    assert reached.wait(60) or second.progress.stage in {"decoding", "saving"}
    assert first.state == "running"
    assert engine.status()["state"] == "running"
    assert len(engine._worker.leases) == 2, "both are kept alive"
    may_end.set()
    assert first.result(60).record.state == second.result(60).record.state == "succeeded"


def test_the_saver_is_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "UNSAVED", 1)
    assert [job.result(60).record.state for job in submitted(engine, 5)] == ["succeeded"] * 5


def test_a_stop_lets_what_is_drawn_be_saved(tmp_path: Path) -> None:
    own = Engine(home=tmp_path, device="cpu")
    jobs = submitted(own, 4)
    jobs[0].result(60)
    own.stop()
    assert all(job.wait(10) for job in jobs)
    assert not own._worker.is_alive()


def test_large_pictures_go_alone() -> None:
    request = models.build(PROMPT, seed=1)
    sizes = {(128, 128): (16, 16), (256, 256): (4, 16), (512, 512): (1, 4), (1024, 1024): (1, 1), (2048, 2048): (1, 1)}
    for (width, height), (cpu, gpu) in sizes.items():
        asked = request.replace(width=width, height=height)
        assert together.most(asked, "cpu") == cpu
        assert together.most(asked, "cuda:0") == gpu


@pytest.mark.parametrize(
    "change", [{"steps": 3}, {"width": 144}, {"guidance_scale": 1.0}, {"shift": 2.0}, {"model": "another"}]
)
def test_only_alike_requests_go_together(change: dict[str, Any]) -> None:
    request = models.build(PROMPT, seed=1)
    assert together.alike(request, request.replace(seed=2, prompt="a dog", negative_prompt="fog", truncate=True))
    assert not together.alike(request, request.replace(**change))
