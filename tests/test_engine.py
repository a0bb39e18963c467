"""The engine through its public face, with the real miniature."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zimage_lab.errors import (
    Cancelled,
    EngineStopped,
    InvalidOutput,
    InvalidRequest,
    JobFailed,
    ModelLoadError,
    UnknownModel,
)
from zimage_lab.store.images import pixels_sha256, read_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine, Event

PROMPT = "左侧一个红色的圆形，右侧一只蓝色的猫，白色背景"


def wait_for(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_a_picture_and_its_recipe(engine: Engine) -> None:
    made = engine.generate(PROMPT, seed=42)
    assert made.image.size == (128, 128)
    assert made.image.mode == "RGB"
    record = made.record
    assert record.request.seed == 42
    assert record.request.steps == 8
    assert record.request.guidance_scale == 0
    assert record.state == "succeeded"
    assert set(record.seconds) >= {"encode", "denoise", "decode"}
    assert record.model.weights_sha256
    assert record.image is not None
    assert record.image.pixels_sha256 == pixels_sha256(made.image)
    assert made.path is not None
    assert read_recipe(made.path).request == record.request


def test_the_recipe_makes_the_same_pixels_again(engine: Engine) -> None:
    first = engine.generate(PROMPT)
    assert pixels_sha256(engine.generate(first.record.request).image) == pixels_sha256(first.image)
    assert pixels_sha256(engine.generate(PROMPT).image) != pixels_sha256(first.image)


def test_pixels_equal_those_of_the_diffusers_pipeline(engine: Engine) -> None:
    import torch
    from diffusers import ZImagePipeline

    from zimage_lab import models

    path = models.find("miniature-turbo").path
    assert path is not None
    pipeline = ZImagePipeline.from_pretrained(path, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    for guidance, steps in ((0.0, 8), (1.5, 5)):
        ours = np.asarray(engine.generate(PROMPT, seed=7, guidance_scale=guidance, steps=steps).image, float)
        theirs = pipeline(
            PROMPT,
            height=128,
            width=128,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator("cpu").manual_seed(7),
        ).images[0]
        assert np.abs(ours - np.asarray(theirs, float)).max() <= 1


def test_progress_and_previews_arrive_in_order(engine: Engine) -> None:
    events: list[Event] = []
    stop = engine.events.subscribe(events.append)
    job = engine.submit(PROMPT, seed=1)
    job.result(60)
    wait_for(lambda: any(e.job == job.id and e.data.get("state") == "succeeded" for e in events))
    stop()
    mine = [event for event in events if event.job == job.id]
    assert [e.data["state"] for e in mine if e.kind == "state"] == ["queued", "running", "succeeded"]
    steps = [e.data["step"] for e in mine if e.kind == "step"]
    assert steps == sorted(steps)
    assert job.progress.step == 8
    assert job.progress.stage == "done"
    assert job.preview is not None
    assert job.preview.size == (128, 128)


def test_a_listener_that_fails_or_sleeps_does_not_slow_the_engine(engine: Engine) -> None:
    def bad(_: Event) -> None:
        time.sleep(0.2)
        message = "listener"
        raise RuntimeError(message)

    stop = engine.events.subscribe(bad)
    began = time.monotonic()
    engine.generate(PROMPT, seed=3)
    stop()
    assert time.monotonic() - began < 30


def test_cancel_before_during_and_after(engine: Engine) -> None:
    running = engine.submit(PROMPT, steps=50, seed=1)
    waiting = engine.submit(PROMPT, seed=2)
    waiting.cancel()
    with pytest.raises(Cancelled):
        waiting.result(5)
    assert waiting.state == "cancelled"
    wait_for(lambda: running.progress.step > 2)
    running.cancel()
    running.cancel()
    with pytest.raises(Cancelled, match="step"):
        running.result(30)
    assert running.progress.step < 50
    done = engine.submit(PROMPT, seed=4)
    done.result(60)
    done.cancel()
    assert done.state == "succeeded"
    files = list((engine.home / "images").rglob("*"))
    assert not [file for file in files if file.is_file() and file.suffix != ".png"]


def test_interrupt_of_the_kernel_cancels(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = engine.submit(PROMPT, steps=50, seed=1)
    wait_for(lambda: job.progress.step > 1)
    real = job._done.wait
    calls = iter([KeyboardInterrupt])

    def wait(seconds: float) -> bool:
        for error in calls:
            raise error
        return real(seconds)

    monkeypatch.setattr(job._done, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert job.state == "cancelled"


def test_await_gives_the_picture(engine: Engine) -> None:
    async def make() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.create_task(tick())
        image = await engine.submit(PROMPT, seed=42)
        ticking.cancel()
        assert image.seed == 42
        return ticks

    assert asyncio.run(make()) > 3


def test_a_failed_picture_leaves_the_engine_working(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    engine.generate(PROMPT, seed=1)
    family = engine._worker.residency.loaded
    assert family is not None
    with monkeypatch.context() as patch:
        patch.setattr(family, "noise", lambda _: torch.full((1, 16, 16, 16), float("nan")))
        with pytest.raises(InvalidOutput):
            engine.generate(PROMPT, seed=1)
    with monkeypatch.context() as patch:

        def full(_: object) -> None:
            raise torch.OutOfMemoryError

        patch.setattr(family, "noise", full)
        with pytest.raises(JobFailed, match="memory ran out"):
            engine.generate(PROMPT, seed=1)
    assert engine.generate(PROMPT, seed=1).record.state == "succeeded"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"width": 0}, "width"),
        ({"width": 1000}, "width"),
        ({"width": 1040}, "width"),
        ({"steps": 0}, "steps"),
        ({"steps": 999}, "steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"stpes": 8}, "stpes"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "dragon " * 600}, "prompt"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_queued(
    engine: Engine, options: dict[str, object], field: str
) -> None:
    before = len(engine.jobs())
    with pytest.raises(InvalidRequest) as caught:
        engine.submit(options.pop("prompt", PROMPT), **options)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert len(engine.jobs()) == before


def test_an_unknown_model_is_refused(engine: Engine) -> None:
    with pytest.raises(UnknownModel, match="miniature-turbo"):
        engine.submit(PROMPT, model="miniature-turbbo")


def test_the_largest_seed_survives(engine: Engine) -> None:
    made = engine.generate(PROMPT, seed=2**64 - 1)
    assert made.path is not None
    assert read_recipe(made.path).request.seed == 2**64 - 1


def test_one_key_is_one_job(engine: Engine) -> None:
    first = engine.submit(PROMPT, seed=9, key="click-1")
    assert engine.submit(PROMPT, seed=9, key="click-1") is first
    with pytest.raises(InvalidRequest, match="key"):
        engine.submit(PROMPT, seed=10, key="click-1")


def test_a_key_of_a_job_that_ended_gives_its_result(tmp_path: Path) -> None:
    from zimage_lab.engine import Engine

    first = Engine(home=tmp_path, device="cpu")
    made = first.submit(PROMPT, seed=9, steps=1, key="click-1").result(60)
    first.stop()
    again = Engine(home=tmp_path, device="cpu")
    job = again.submit(PROMPT, seed=9, steps=1, key="click-1")
    assert job.result(5).record == made.record
    job.cancel()
    assert job.state == "succeeded"
    again.stop()


def test_no_model_is_the_engine_s_model(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zimage_lab import models

    path = models.find("miniature-turbo").path
    assert path is not None
    shutil.copytree(path, tmp_path / "mine")
    monkeypatch.setattr(engine, "model", str(tmp_path / "mine"))
    assert engine.request(PROMPT, model=None).model == str(tmp_path / "mine")
    assert engine.request(PROMPT).model == str(tmp_path / "mine")


def test_weights_that_are_not_here_leave_the_resident_model(engine: Engine) -> None:
    engine.generate(PROMPT, seed=1)
    with pytest.raises(JobFailed, match="not on this machine"):
        engine.generate(PROMPT, seed=1, model="z-image-turbo")
    assert engine.status()["model"] == "miniature-turbo"


@pytest.mark.parametrize("part", ["text_encoder", "transformer", "vae"])
@pytest.mark.parametrize("file", ["config.json", "*.safetensors"])
def test_damaged_weights_are_a_sentence(tmp_path: Path, part: str, file: str) -> None:
    from zimage_lab import models
    from zimage_lab.engine import families

    whole = models.find("miniature-turbo")
    shutil.copytree(whole.folder, tmp_path / "damaged")
    (damaged,) = (tmp_path / "damaged" / part).glob(file)
    damaged.write_bytes(b"[1]")
    with pytest.raises(ModelLoadError, match=r"cannot be read|is cut off\. Download it again"):
        families.load(models.Model(whole.card, tmp_path / "damaged"), "cpu")


def test_a_preview_map_of_another_model_gives_no_preview() -> None:
    import torch

    from zimage_lab import models
    from zimage_lab.engine.previews import preview

    card = models.find("miniature-turbo").card
    assert preview(torch.zeros(16, 4, 4), card, (32, 32)) is not None
    assert preview(torch.zeros(4, 4, 4), card, (32, 32)) is None


def test_a_stop_in_the_middle_of_a_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zimage_lab import models
    from zimage_lab.engine import Engine

    stopping, real = Engine(home=tmp_path, device="cpu"), models.check

    def check(*arguments: Any, **options: Any) -> list[str]:  # noqa: ANN401 - as the real one
        stopping.stop()
        return real(*arguments, **options)

    monkeypatch.setattr(models, "check", check)
    with pytest.raises(EngineStopped):
        stopping.submit(PROMPT)
    assert stopping.jobs() == []


def test_submits_from_many_threads(engine: Engine) -> None:
    jobs = []
    threads = [
        threading.Thread(target=lambda n=n: jobs.append(engine.submit(PROMPT, seed=n, steps=1))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job.result(60).seed for job in jobs} == set(range(8))


def test_unload_and_status(engine: Engine) -> None:
    engine.generate(PROMPT, seed=1)
    status = engine.status()
    assert status["model"] == "miniature-turbo"
    assert status["memory_bytes"] > 10_000_000
    engine.unload()
    assert engine.status()["model"] is None
    assert engine.generate(PROMPT, seed=1).seed == 1
    (one,) = engine.status()["models"]
    assert (one["id"], one["device"], one["policy"]) == ("miniature-turbo", "cpu", "resident")
    assert sum(one["bytes"].values()) == status["memory_bytes"]
    with pytest.raises(UnknownModel):
        engine.unload("miniatur")
    engine.unload("z-image")  # a model that is not loaded is none to let go
    engine.unload("miniature-turbo")
    assert not engine.status()["models"]


def test_an_engine_loads_until_its_model_is_there(engine: Engine) -> None:
    while engine._worker.state == "running":  # what an earlier test left
        time.sleep(0.01)
    change = engine._worker._model_changed
    change("loading", "second")
    change("unloaded", "miniature-turbo")  # it leaves so that the second one fits
    assert engine._worker.state == "loading"
    assert engine._engines.get(engine.id).told["loading"] == "second"
    change("ready", "second")
    assert engine._worker.state == "idle"
    assert engine._engines.get(engine.id).told["loading"] is None


def test_a_stopped_engine_says_so(tmp_path: Path) -> None:
    from zimage_lab.engine import Engine

    stopped = Engine(home=tmp_path)
    stopped.stop()
    with pytest.raises(EngineStopped, match="load"):
        stopped.submit(PROMPT)


def test_a_folder_of_pictures_that_vanishes_in_a_run_is_made_again(engine: Engine) -> None:
    job = engine.submit(PROMPT, seed=31, steps=30)
    wait_for(lambda: job.progress.step > 2)
    shutil.rmtree(engine.home / "images")
    made = job.result(60)
    assert made.path is not None
    assert read_recipe(made.path).request == job.request


def test_a_picture_over_the_whole_quota_fails_its_job_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_DISK_QUOTA_GB", "0.000001")
    with pytest.raises(JobFailed, match="disk quota"):
        engine.generate(PROMPT, seed=32)
    monkeypatch.delenv("ZIMAGE_LAB_DISK_QUOTA_GB")
    assert engine.generate(PROMPT, seed=32).path is not None
