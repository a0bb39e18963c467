"""Sweeps as people hold them: nothing made twice, nothing lost, whatever comes in between."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from samples import record
from stub_engine import StubEngine

from zimage_lab.errors import EngineStopped, InvalidRequest
from zimage_lab.home import DATABASE
from zimage_lab.runs import history
from zimage_lab.store.marks import Marks
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.sweeps import Sweep, saved, work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps import Cell

CAT = "a red cat on the left"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path / "home")
    yield made
    made.stop()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[StubEngine]:
    """Give an engine that does not begin before its gate is opened."""
    made = StubEngine(tmp_path / "home", held=True)
    yield made
    made.stop()


def until(condition: Any, seconds: float = 20.0) -> None:  # noqa: ANN401 - a callable
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def jobs_of(home: Path, sweep: Sweep) -> list[tuple[str, str]]:
    """Give key and state of every job that a sweep ever had."""
    connection = sqlite3.connect(home / DATABASE)
    rows = connection.execute("SELECT key, state FROM jobs WHERE parent_id = ?", (sweep.id,)).fetchall()
    connection.close()
    return [tuple(row) for row in rows]


def test_every_cell_is_made_once(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, seeds=range(4), steps=[4, 6, 8], prompt_replace={"cat": ["dog"]})
    assert sweep.wait(60) is sweep
    assert sweep.state == "done"
    assert sweep.shape == (3, 2, 4)
    assert sweep.counts == {"succeeded": 24}
    assert len(engine.drawn) == 24
    assert {one.sha256 for one in engine.drawn} == {cell.request.sha256 for cell in sweep.cells}
    assert len(jobs_of(engine.home, sweep)) == 24
    assert len(history(parent_id=sweep.id, home=engine.home)) == 24
    assert set(history(parent_id=sweep.id, home=engine.home).source) <= {None, "sweep"}


def test_the_engine_s_own_model_draws_what_names_none(engine: StubEngine) -> None:
    engine.model = "miniature"
    for prompts in ("a red cat", ["a red cat", "a blue fish"]):
        sweep = engine.sweep(prompts, seeds=2).wait(30)
        assert {cell.request.model for cell in sweep} == {"miniature"}
        assert {cell.request.steps for cell in sweep} == {28}
    whole = engine.request("a red cat", model="miniature-turbo")
    assert {cell.request.model for cell in engine.sweep(whole, seeds=2).wait(30)} == {"miniature-turbo"}


def test_it_returns_at_once_and_runs_on(held: StubEngine) -> None:
    began = time.perf_counter()
    sweep = held.sweep(CAT, seeds=500)
    assert time.perf_counter() - began < 5
    assert sweep.state == "running"
    with pytest.raises(TimeoutError, match="goes on"):
        sweep.wait(0.05)
    sweep.cancel()
    sweep.wait(20)


def test_the_seeds_are_innermost_and_few_are_in_the_queue(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(100), steps=[4, 5, 6])
    until(lambda: sweep.counts.get("queued", 0) >= work.CHUNK)
    time.sleep(0.2)
    assert len(jobs_of(held.home, sweep)) <= work.WINDOW
    held.gate.set()
    sweep.wait(60)
    assert [(one.steps, one.seed) for one in held.drawn] == [(s, n) for s in (4, 5, 6) for n in range(100)]


def test_cells_come_as_they_end(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(3), steps=[4, 8])
    held.fails = lambda asked: asked.seed == 1
    threading.Timer(0.1, held.gate.set).start()
    seen = [(cell.state, cell.request.seed) for cell in sweep]
    assert seen == [("succeeded", 0), ("failed", 1), ("succeeded", 2)] * 2
    assert [cell.index for cell in sweep] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], "and once more"
    assert sweep.cell(1, 1).error == "It cannot be drawn."
    assert sweep.cell(1, 1).image is None


def test_an_asynchronous_cell_leaves_the_kernel_free(held: StubEngine) -> None:
    async def go() -> tuple[list[Cell], int]:
        sweep, ticks = held.sweep(CAT, seeds=5), 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1
                if ticks == 5:
                    held.gate.set()

        ticking = asyncio.create_task(tick())
        found = [cell async for cell in sweep]
        assert (await sweep) is sweep
        ticking.cancel()
        return found, ticks

    found, ticks = asyncio.run(go())
    assert len(found) == 5
    assert ticks >= 5


def test_a_cancelled_task_cancels_its_sweep(held: StubEngine) -> None:
    async def go() -> Sweep:
        sweep = held.sweep(CAT, seeds=5)

        async def follow() -> None:
            async for _ in sweep:
                pass

        task = asyncio.create_task(follow())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return sweep

    sweep = asyncio.run(go())
    sweep.wait(20)
    assert sweep.state == "cancelled"


def test_dropping_it_stops_nothing(held: StubEngine) -> None:
    name = held.sweep(CAT, seeds=7).name
    gc.collect()
    held.gate.set()
    until(lambda: len(held.drawn) == 7)
    until(lambda: Sweep.load(name, engine=held).counts == {"succeeded": 7})


def test_pause_and_resume(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=300)
    until(lambda: sweep.counts.get("queued", 0) >= work.CHUNK)
    held.gate.set()
    until(lambda: len(held.drawn) >= 5)
    sweep.pause()
    time.sleep(0.3)
    drawn = len(held.drawn)
    assert drawn < 300
    time.sleep(0.7)
    assert len(held.drawn) == drawn, "it stays as it is, also after those that were being put"
    assert sweep.state == "paused"
    assert not sweep.done
    assert sweep.resume() is sweep
    sweep.wait(60)
    assert len(held.drawn) == len({one.seed for one in held.drawn}) == 300


def test_cancel_keeps_what_is_done_and_resume_makes_the_rest(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(300))
    held.gate.set()
    until(lambda: len(held.drawn) >= 5)
    sweep.cancel()
    sweep.wait(20)
    assert sweep.state == "cancelled"
    made = sweep.counts["succeeded"]
    assert 5 <= made < 300
    sweep.cancel()
    again = Sweep.load(sweep.name, engine=held)
    assert again.state == "cancelled"
    assert again.counts["succeeded"] == made
    again.resume().wait(60)
    assert again.state == "done"
    assert len(held.drawn) == 300, "no cell twice"


def test_resume_right_behind_cancel(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(200))
    held.gate.set()
    for _ in range(3):
        until(lambda: len(held.drawn) >= 5)
        sweep.cancel()
        sweep.resume()
    sweep.wait(60)
    assert sweep.state == "done"
    assert len({one.seed for one in held.drawn}) == 200
    assert sweep.counts == {"succeeded": 200}


def test_cells_that_are_added_at_the_very_end_are_made(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, seeds=range(2))
    for seed in range(2, 12):
        until(lambda: sweep.counts.get("succeeded") == len(sweep.cells))
        sweep.extend(seeds=[seed])
    sweep.wait(60)
    assert sweep.counts == {"succeeded": 12}


def test_another_hand_pauses_and_cancels_it(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=400)
    held.gate.set()
    until(lambda: len(held.drawn) >= 3)
    other = Sweep.load(sweep.id, home=held.home)
    other.pause()
    until(lambda: sweep.state == "paused")
    other.cancel()
    sweep.wait(20)
    assert sweep.state == "cancelled"
    assert sweep.counts["succeeded"] < 400


def test_failed_cells_are_tried_again_by_resume_and_one_by_one(engine: StubEngine) -> None:
    engine.fails = lambda asked: asked.seed == 2
    sweep = engine.sweep(CAT, seeds=range(4)).wait(60)
    assert sweep.counts == {"succeeded": 3, "failed": 1}
    sweep.where(seed=2)[0].rerun()
    sweep.wait(60)
    assert sweep.counts == {"succeeded": 3, "failed": 1}
    engine.fails = lambda _: False
    sweep.resume().wait(60)
    assert sweep.counts == {"succeeded": 4}
    assert sweep.where(seed=2)[0].error is None
    assert len(engine.drawn) == 6


def test_a_picture_is_made_again(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, seeds=range(3)).wait(60)
    cell = sweep.cell(1)
    before = cell.record_id
    cell.rerun()
    sweep.wait(60)
    assert cell.state == "succeeded"
    assert cell.record_id != before
    assert len(engine.drawn) == 4
    assert list(sweep.frame().record_id) == [one.record_id for one in sweep.cells]
    with Records(engine.home) as records:
        assert records.get(str(before)).request == cell.request, "the one before stays in the history"


def test_a_cell_that_was_retried_from_the_queue_is_known(engine: StubEngine) -> None:
    engine.fails = lambda asked: asked.seed == 1
    sweep = engine.sweep(CAT, seeds=range(2)).wait(60)
    engine.fails = lambda _: False
    failed = next(job for job in engine.jobs() if job.state == "failed")
    with Queue(engine.home) as queue:
        retried = queue.retry(failed.id)
        until(lambda: queue.get(retried.id).done)
    assert list(sweep.frame().state) == ["succeeded", "succeeded"]
    again = Sweep.load(sweep.name, engine=engine)
    assert again.counts == {"succeeded": 2}
    assert again.cell(1).image is not None


def test_an_axis_is_extended_and_only_new_cells_are_made(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, steps=[4, 6], prompt_replace={"cat": ["dog"]}, seeds=range(2)).wait(60)
    kept = {cell.index: cell.record_id for cell in sweep.cells}
    assert sweep.extend(steps=[8, 6], cat=["fish"]).wait(60) is sweep
    assert sweep.shape == (3, 3, 2)
    assert len(engine.drawn) == 18
    assert {cell.index: cell.record_id for cell in sweep.cells if cell.index in kept} == kept
    assert sweep.cell(2, 2, 0).request.prompt == "a red fish on the left"
    sweep.extend(seeds="2-3").wait(60)
    assert sweep.counts == {"succeeded": 36}
    assert Sweep.load(sweep.name, engine=engine).counts == {"succeeded": 36}
    for wrong, field in (({"guidance_scale": [1]}, "guidance_scale"), ({"steps": [900]}, "steps")):
        with pytest.raises(InvalidRequest) as told:
            sweep.extend(**wrong)
        assert told.value.field == field
    with pytest.raises(InvalidRequest, match="limit"):
        sweep.extend(seeds=range(100, 2000))
    assert sweep.shape == (3, 3, 4)


def test_an_axis_is_extended_while_it_runs(held: StubEngine) -> None:
    sweep = held.sweep(CAT, steps=[4, 6], seeds=range(80))
    held.gate.set()
    until(lambda: len(held.drawn) >= 10)
    sweep.extend(steps=[8], seeds=range(80, 90))
    sweep.wait(60)
    assert sweep.counts == {"succeeded": 270}
    assert len({(one.steps, one.seed) for one in held.drawn}) == len(held.drawn) == 270
    assert len(list(sweep)) == 270


def test_the_frame_is_there_at_any_time(held: StubEngine) -> None:
    sweep = held.sweep(CAT, size=["128x128", "192x128"], steps=[4, 8], seeds=[2**64 - 1, 3])
    frame = sweep.frame()
    assert list(frame.columns[:3]) == ["size", "steps", "seed"]
    assert list(frame["size"]) == ["128x128"] * 4 + ["192x128"] * 4
    assert list(frame.seed) == [2**64 - 1, 3] * 4
    assert set(frame.state) <= {"waiting", "queued"}
    held.fails = lambda asked: asked.seed == 3 and asked.steps == 8
    held.gate.set()
    sweep.wait(60)
    frame = sweep.frame()
    assert list(frame.state[frame.steps == 4]) == ["succeeded"] * 4
    assert frame.error[frame.state == "failed"].tolist() == ["It cannot be drawn."] * 2
    made = frame[frame.state == "succeeded"]
    assert made.seconds.notna().all()
    assert made.path.notna().all()
    assert made.picture.iloc[0].image.image.size == (128, 128)
    with Marks(held.home) as marks:
        marks.favourite([made.record_id.iloc[1]])
        marks.tag([made.record_id.iloc[1]], "best")
    frame = sweep.frame()
    assert frame.favourite.sum() == 1
    assert frame.tags[frame.favourite].iloc[0] == ["best"]
    assert held.sweep(CAT, steps=[4]).frame().seed.notna().all(), "the seed is told where it is no axis"


def test_cells_are_found_by_their_values(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, size=["128x128", "192x128"], prompt_replace={"cat": ["dog"]}, seeds=range(3)).wait(60)
    assert [cell.index for cell in sweep.where(size="192x128", cat="dog")] == [(1, 1, 0), (1, 1, 1), (1, 1, 2)]
    assert [cell.index for cell in sweep.where(size=(128, 128), prompt_replace={"cat": "cat"}, seeds=[0, 2])] == [
        (0, 0, 0),
        (0, 0, 2),
    ]
    assert len(sweep.where(state="succeeded")) == 12
    assert sweep.where(state="failed") == []
    cells = sweep.cells
    assert cells[-1] == sweep.cell(-1, -1, -1) == sweep.cell(1, 1, 2)
    assert [cell.number for cell in cells[2:5]] == [2, 3, 4]
    assert sweep.cell(1, 0, 2).labels == {"size": "192x128", "cat": "cat", "seed": "2"}
    for wrong in ({"step": 4}, {"cat": "fish"}):
        with pytest.raises(InvalidRequest):
            sweep.where(**wrong)
    with pytest.raises(InvalidRequest, match="place"):
        sweep.cell(0, 0)
    with pytest.raises(IndexError):
        cells[12]


def test_it_is_kept_by_its_name(engine: StubEngine) -> None:
    first = engine.sweep(CAT, seeds=2, name="cats").wait(60)
    again = engine.sweep(CAT, seeds=2, name="cats")
    assert again.id == first.id, "a notebook that is run again goes on"
    again.wait(60)
    assert len(engine.drawn) == 2
    with pytest.raises(InvalidRequest, match=r"Sweep.load\('cats'\)"):
        engine.sweep(CAT, seeds=3, name="cats")
    with pytest.raises(InvalidRequest, match="cats"):
        Sweep.load("cat", home=engine.home)
    other = engine.sweep(CAT, seeds=1).wait(60)
    assert other.name == "sweep 2"
    assert [one.name for one in saved(engine.home)] == ["sweep 2", "cats"]
    assert Sweep.load(first.id, home=engine.home).name == "cats"


def test_whoever_listens_hears_of_each_cell(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(20))
    heard: list[tuple[int, str]] = []
    stop = sweep.subscribe(lambda cell: heard.append((cell.number, cell.state)))
    held.gate.set()
    sweep.wait(60)
    until(lambda: {number for number, state in heard if state == "succeeded"} == set(range(20)))
    stop()
    count = len(heard)
    sweep.cell(0).rerun()
    sweep.wait(60)
    assert len(heard) == count


def test_a_stopped_engine_is_told(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=300)
    until(lambda: sweep.counts.get("queued", 0) >= work.CHUNK)
    held._over.set()
    for job in held.jobs():
        job.cancel()
    with pytest.raises(EngineStopped):
        sweep.wait(20)
    assert sweep.state == "stopped"


def test_a_full_queue_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_QUEUE_JOBS", "10")
    monkeypatch.setattr(work, "RETRY_SECONDS", 0.1)
    engine = StubEngine(tmp_path / "home")
    try:
        sweep = engine.sweep(CAT, seeds=range(60)).wait(60)
        assert sweep.counts == {"succeeded": 60}
        assert [one.seed for one in engine.drawn] == list(range(60))
    finally:
        engine.stop()


def test_an_erased_prompt_leaves_nothing_of_it(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, prompt_replace={"cat": ["heron"]}, seeds=range(2)).wait(60)
    with Records(engine.home) as records:
        for cell in sweep.cells:
            records.erase_prompt(str(cell.record_id))
    assert not any(
        word in path.read_bytes() for path in engine.home.glob("lab.db*") for word in (b"heron", b"on the left")
    )
    again = Sweep.load(sweep.name, engine=engine)
    assert again.counts == {"succeeded": 4}
    assert len(again.frame()) == 4
    assert again.cell(1, 1).image is not None
    with pytest.raises(InvalidRequest, match="erased"):
        again.resume()


def test_it_is_shown(engine: StubEngine) -> None:
    engine.fails = lambda asked: asked.seed == 1
    sweep = engine.sweep("a <b>cat</b>", prompt_replace={"<b>cat</b>": ["dog"]}, seeds=range(2)).wait(60)
    bundle = sweep._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Sweep('sweep 1', 2 <b>cat</b> x 2 seed:")
    assert "<b>" not in bundle["text/html"]
    assert "It cannot be drawn" in bundle["text/html"]
    assert sweep.progress.stage == "4 of 4 pictures, 2 failed"
    assert sweep.preview is None
    cell = sweep.cell(0, 0)
    assert "image/png" in cell._repr_mimebundle_()
    assert repr(cell) == "Cell(<b>cat</b>=<b>cat</b>, seed=0)"


def test_pictures_are_measured(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    engine.fails = lambda asked: asked.seed == 255 and asked.steps == 8
    sweep = engine.sweep(CAT, steps=[4, 8], seeds=[0, 51, 255]).wait(60)
    cells = sweep.metrics("sharpness", "accuracy")
    assert list(cells.columns) == ["steps", "seed", "sharpness", "accuracy"]
    assert cells.sharpness[:5].tolist() == [0.0] * 5
    assert cells.accuracy[:5].tolist() == [0.0] * 5
    assert cells.sharpness.isna().tolist() == [False] * 5 + [True]
    rows = sweep.metrics("diversity", "accuracy")
    apart = [51 / 255, 1.0, 204 / 255]
    assert rows.diversity.tolist() == pytest.approx([sum(apart) / 3 / 3**0.5, apart[0] / 3**0.5], rel=1e-4)
    assert len(rows) == 2

    def red(picture: Any) -> float:  # noqa: ANN401 - a picture
        return float(picture.getpixel((0, 0))[0])

    assert sweep.metrics(red).red[:3].tolist() == [0, 51, 255]
    assert sweep.metrics(red, per="row").red.tolist() == [102, 25.5]
    for wrong in ({"names": ["sharp"]}, {"names": ["diversity"], "per": "cell"}, {"names": ["sharpness"], "per": "x"}):
        with pytest.raises(InvalidRequest):
            sweep.metrics(*wrong["names"], per=wrong.get("per"))


def test_a_loaded_sweep_that_nobody_makes_is_stopped(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=200)
    until(lambda: sweep.counts.get("queued", 0) >= work.CHUNK)
    loaded = Sweep.load(sweep.name, home=held.home)
    assert loaded.state == "stopped"
    assert loaded.wait() is loaded
    assert loaded.done
    held.gate.set()
    sweep.wait(60)
    assert loaded.resume().wait(60).state == "done"
    assert len(held.drawn) == 200


def test_the_key_says_nothing_of_the_prompt(engine: StubEngine) -> None:
    sweep = engine.sweep(CAT, prompt_replace={"cat": ["dog"]}, seeds=range(2)).wait(60)
    assert sorted(key for key, _ in jobs_of(engine.home, sweep)) == [
        f"sweep/{sweep.id}/{cat}.{seed}/0" for cat in (0, 1) for seed in (0, 1)
    ]


def test_two_at_once_make_a_cell_once(held: StubEngine) -> None:
    sweep = held.sweep(CAT, seeds=range(150))
    other = Sweep.load(sweep.name, engine=held).resume()
    held.gate.set()
    sweep.wait(60)
    other.wait(60)
    assert sweep.counts == other.counts == {"succeeded": 150}
    assert len(held.drawn) == 150


def test_a_record_of_before_is_no_reason_to_fail(engine: StubEngine) -> None:
    """An estimate needs runs; a sweep is begun without any and with some."""
    with Records(engine.home) as records:
        records.append(record(seconds={"denoise": 2.0}))
    asked: list[GenerationRequest] = engine.drawn
    engine.sweep(CAT, seeds=1).wait(60)
    assert len(asked) == 1
