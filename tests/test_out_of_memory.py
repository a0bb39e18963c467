"""Memory that runs out, and pictures that are none: one smaller attempt, a sentence, and the next job works."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from zimage_lab import models
from zimage_lab.engine import fallback
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import Cancelled, InvalidOutput, JobFailed, OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zimage_lab.engine import Engine, Job

PROMPT = "a red cat on the left"
ERRORS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.04 GB)"),
]


class Big:
    """Something that must not outlive the attempt that made it."""


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:20] or "MemoryError")
def test_the_second_attempt_finds_nothing_of_the_first(error: Exception) -> None:
    made: list[weakref.ref[Big]] = []
    told: list[list[str]] = []

    def attempt() -> str:
        big = Big()
        made.append(weakref.ref(big))
        if len(made) == 1:
            raise error.with_traceback(None)
        return "drawn"

    def smaller() -> list[str]:
        error.__traceback__ = None  # the list of this test keeps the error; a real one has gone
        gc.collect()
        assert made[0]() is None
        return ["less"]

    assert fallback.out_of_memory(error)
    assert fallback.retry_smaller(attempt, smaller, told.append) == "drawn"
    assert told == [["less"]]


def test_an_error_of_its_own_goes_with_its_frames() -> None:
    made: list[weakref.ref[Big]] = []

    def attempt() -> None:
        big = Big()
        made.append(weakref.ref(big))
        message = "full"
        raise torch.OutOfMemoryError(message)

    def smaller() -> list[str]:
        assert made[0]() is None
        return []

    with pytest.raises(OutOfMemory, match=r"ran out twice\. Choose a smaller size"):
        fallback.retry_smaller(attempt, smaller, lambda _: None)
    assert len(made) == 2
    assert made[1]() is None


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("shapes differ"), Cancelled("stop")])
def test_other_errors_are_not_tried_again(error: Exception) -> None:
    tried: list[int] = []

    def attempt() -> None:
        tried.append(1)
        raise error

    with pytest.raises(type(error)):
        fallback.retry_smaller(attempt, list, lambda _: None)
    assert len(tried) == 1


@pytest.fixture(scope="module")
def family(engine: Engine) -> ZImage:
    engine.generate(PROMPT, seed=1, steps=4)
    loaded = engine._worker.residency.loaded
    assert isinstance(loaded, ZImage)
    gc.collect()
    gc.freeze()  # each second attempt collects, and need not look at what was there before
    return loaded


class Injected:
    """Puts errors into a verb: at each call the next of the list, or none where that is None."""

    def __init__(self, real: Callable[..., Any], errors: list[Exception | None], step: int = 0) -> None:
        self.real, self.errors, self.step, self.sizes = real, errors, step, list[int]()

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - as the verb's
        error = self.errors.pop(0) if self.errors else None
        self.sizes.append(len(arguments[0]))
        if error is None:
            return self.real(*arguments)
        if not self.step:
            raise error
        requests, features, latents, on_step, *rest = arguments

        def failing(number: int, expected: torch.Tensor) -> None:
            if number == self.step:
                raise error
            on_step(number, expected)

        return self.real(requests, features, latents, failing, *rest)


PLACES = [
    (verb, step, kind)
    for verb, step in (("encode", 0), ("noise", 0), ("denoise", 3), ("decode", 0))
    for kind in (MemoryError, torch.OutOfMemoryError)
]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_once_is_recorded_and_the_picture_is_the_same(
    engine: Engine,
    family: ZImage,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[str, int, type[Exception]],
) -> None:
    verb, step, kind = place
    plain = engine.generate(PROMPT, seed=3, steps=4)
    injected = Injected(getattr(family, verb), [kind("full")], step)
    monkeypatch.setattr(family, verb, injected)
    made = engine.generate(PROMPT, seed=3, steps=4)
    assert len(injected.sizes) == 2
    assert np.array_equal(np.asarray(made.image), np.asarray(plain.image)), "128 pixels are one tile"
    facts = made.record.environment.model_dump()
    assert facts["fallback"] == ("decoding in tiles" if verb == "decode" else "once more")
    assert facts["vae_tiling"] is (verb == "decode")
    (warning,) = made.record.warnings
    assert warning.startswith("Memory ran out; drawn in a second attempt")
    after = engine.generate(PROMPT, seed=3, steps=4)
    assert after.record.warnings == plain.record.warnings == []
    assert "fallback" not in after.record.environment.model_dump()
    assert after.record.environment.model_dump()["vae_tiling"] is False


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_twice_is_a_sentence_and_the_next_job_works(
    engine: Engine,
    family: ZImage,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[str, int, type[Exception]],
) -> None:
    verb, step, kind = place
    injected = Injected(getattr(family, verb), [kind("full"), kind("full")], step)
    monkeypatch.setattr(family, verb, injected)
    with pytest.raises(JobFailed, match=r"memory ran out twice.*Choose a smaller size"):
        engine.generate(PROMPT, seed=3, steps=4)
    assert len(injected.sizes) == 2
    assert engine.generate(PROMPT, seed=3, steps=4).record.state == "succeeded"


@pytest.fixture
def batch(engine: Engine) -> Iterator[list[Job]]:
    """Queue four jobs that are drawn together once the queue goes on, after the test has set its trap."""
    engine._queue.pause()
    jobs = [engine.submit(PROMPT, seed=seed, steps=4) for seed in range(4)]
    yield jobs
    engine._queue.resume()


def go_on(engine: Engine) -> None:
    engine._queue.resume()
    engine._worker.wake()


def test_a_batch_is_drawn_one_by_one(
    engine: Engine, family: ZImage, batch: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    injected = Injected(family.denoise, [torch.OutOfMemoryError("full")], 3)
    monkeypatch.setattr(family, "denoise", injected)
    go_on(engine)
    for seed, job in enumerate(batch):
        record = job.result(60).record
        assert record.batch.size == 1
        assert record.environment.model_dump()["fallback"] == "one picture at a time"
        alone = np.asarray(engine.generate(PROMPT, seed=seed, steps=4).image)
        assert np.array_equal(np.asarray(job.result().image), alone)
    assert injected.sizes[:5] == [4, 1, 1, 1, 1]


def test_what_was_drawn_before_is_kept(
    engine: Engine, family: ZImage, batch: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    injected = Injected(family.decode, [None, None, MemoryError()])
    monkeypatch.setattr(family, "decode", injected)
    go_on(engine)
    told = [job.result(60).record.environment.model_dump().get("fallback") for job in batch]
    again = "one picture at a time, decoding in tiles"
    assert told == [None, None, again, again]
    assert len(injected.sizes) == 5, "nothing was decoded twice"


def test_cancelled_in_the_second_attempt(
    engine: Engine, family: ZImage, batch: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    injected = Injected(family.denoise, [torch.OutOfMemoryError("full")], 3)
    monkeypatch.setattr(family, "denoise", injected)
    cancelled = threading.Event()

    def watch(event: Any) -> None:  # noqa: ANN401 - an event of the engine
        if len(injected.sizes) == 3 and event.kind == "step" and event.job == batch[1].id:
            batch[1].cancel()
            cancelled.set()

    stop = engine.events.subscribe(watch)
    go_on(engine)
    with pytest.raises(Cancelled):
        batch[1].result(60)
    stop()
    assert cancelled.is_set()
    for row in (0, 2, 3):
        assert batch[row].result(60).record.state == "succeeded"


def test_other_models_leave_first(engine: Engine, family: ZImage, monkeypatch: pytest.MonkeyPatch) -> None:
    residency = engine._worker.residency
    monkeypatch.setattr(residency, "keep_only", lambda name: name == "miniature-turbo")
    monkeypatch.setattr(family, "encode", Injected(family.encode, [MemoryError()]))
    assert (
        engine.generate(PROMPT, seed=1, steps=4).record.environment.model_dump()["fallback"] == "other models unloaded"
    )


def test_a_lower_policy_is_the_last_resort(engine: Engine, family: ZImage, monkeypatch: pytest.MonkeyPatch) -> None:
    residency = engine._worker.residency
    monkeypatch.setattr(residency, "lower", lambda _: "balanced")
    monkeypatch.setattr(family, "encode", Injected(family.encode, [MemoryError()]))
    made = engine.generate(PROMPT, seed=1, steps=4)
    assert made.record.environment.model_dump()["fallback"] == "the memory policy balanced"
    assert made.record.warnings == ["Memory ran out; drawn in a second attempt with the memory policy balanced."]


def test_a_picture_that_is_begun_with_goes_in_by_tiles(
    engine: Engine, family: ZImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine.generate(PROMPT, seed=1, steps=4).image
    plain = engine.generate(PROMPT, seed=2, steps=4, init_image=first)
    tiled: list[bool] = []
    begin = family.begin

    def full_once(*arguments: Any) -> Any:  # noqa: ANN401 - as the verb's
        if not tiled:
            tiled.append(False)
            raise MemoryError
        result = begin(*arguments)
        tiled.append(family.vae.use_tiling)
        return result

    monkeypatch.setattr(family, "begin", full_once)
    made = engine.generate(PROMPT, seed=2, steps=4, init_image=first)
    assert tiled == [False, True]
    assert made.record.environment.model_dump()["fallback"] == "encoding in tiles"
    assert np.array_equal(np.asarray(made.image), np.asarray(plain.image)), "128 pixels are one tile"


def test_numbers_that_are_none_and_a_picture_of_one_colour(
    engine: Engine, family: ZImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> torch.Tensor:  # noqa: ANN401 - as the verb's
        return torch.full_like(arguments[2], float("nan"))

    class OneColour(torch.nn.Module):
        dtype = torch.float32

        def decode(self, latents: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:  # noqa: ANN401 - as the VAE's
            return (torch.zeros(1, 3, latents.shape[2] * 8, latents.shape[3] * 8),)

    with monkeypatch.context() as patch:
        patch.setattr(family, "denoise", broken)
        with pytest.raises(InvalidOutput, match="not numbers"):
            engine.generate(PROMPT, seed=1, steps=4)
    with monkeypatch.context() as patch:
        patch.setattr(family.vae, "decode", OneColour().decode)
        job = engine.submit(PROMPT, seed=1)
        with pytest.raises(InvalidOutput, match="one single colour"):
            job.result(60)
        assert job.state == "invalid_output"
    assert engine.generate(PROMPT, seed=1, steps=4).record.state == "succeeded"


def test_tiles_are_recorded_and_near_the_whole(engine: Engine, family: ZImage) -> None:
    request = models.build(PROMPT, seed=1, width=192, height=128)
    latents = family.denoise([request], family.encode([request]), family.noise([request]), lambda *_: None)
    (whole,) = family.decode(latents)
    family.vae.tile_latent_min_size, before = 8, family.vae.tile_latent_min_size
    family.vae.tile_sample_min_size, sample = 64, family.vae.tile_sample_min_size
    family.tiled = True
    try:
        (tiled,) = family.decode(latents)
    finally:
        family.tiled = False
        family.vae.tile_latent_min_size, family.vae.tile_sample_min_size = before, sample
    assert tiled.size == whole.size == (192, 128)
    difference = np.asarray(tiled, float) - np.asarray(whole, float)
    assert 10 * np.log10(255**2 / np.mean(difference**2)) > 20, "PSNR"
    assert np.abs(difference).max() > 0
    assert engine.home.is_dir()
