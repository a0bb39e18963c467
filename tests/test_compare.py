"""Comparisons as people hold them: fair by protocol, measured alone, nothing made twice, bad input refused at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from stub_engine import StubEngine

from zimage_lab import models
from zimage_lab.compare import Comparison, Protocol, plan, saved, work
from zimage_lab.compare.protocol import EQUAL_SEEDS
from zimage_lab.compare.sizes import common_size
from zimage_lab.errors import EngineStopped, InvalidRequest, UnknownModel
from zimage_lab.home import DATABASE
from zimage_lab.models.card import Defaults, ModelCard, Ranges
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.reservations import SECONDS, Reservations, holder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.request import GenerationRequest

CAT = "a red cat on the left, white background"
TWO: dict[str, Any] = {"eight": "miniature-turbo", "three": {"model": "miniature-turbo", "steps": 3}}


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
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def drawn(engine: StubEngine) -> list[tuple[int, int]]:
    return [(one.steps, one.seed) for one in engine.drawn]


def test_each_is_warmed_up_and_the_order_turns_round(engine: StubEngine) -> None:
    comparison = engine.compare(CAT, TWO, seeds=[1, 2, 3])
    assert comparison.wait(60) is comparison
    assert comparison.state == "done"
    assert comparison.counts == {"succeeded": 6}
    warm = [(8, 1), (3, 1)]
    assert drawn(engine) == [warm[0], (8, 1), warm[1], (3, 1), (3, 2), (8, 2), (8, 3), (3, 3)]
    with Queue(engine.home) as queue:
        names = [job.name for job in queue.list(limit=20)]
    assert names.count("warm-up") == 2


def test_models_that_do_not_fit_together_change_after_a_prompt(engine: StubEngine) -> None:
    way = Protocol(alternate="prompt", warm_up=0, repeats=2)
    engine.compare([CAT, "a dog"], TWO, seeds=[1, 2], protocol=way).wait(60)
    eight, three = [(8, 1), (8, 2)] * 2, [(3, 1), (3, 2)] * 2
    assert drawn(engine) == [*eight, *three, *three, *eight]


def test_it_returns_at_once_and_pictures_come_as_they_end(held: StubEngine) -> None:
    held.fails = lambda asked: (asked.steps, asked.seed) == (3, 1)
    comparison = held.compare(CAT, TWO, seeds=[1, 2], protocol={"warm_up": 0})
    with pytest.raises(TimeoutError, match="goes on"):
        comparison.wait(0.05)
    threading.Timer(0.1, held.gate.set).start()
    seen = [(one.index, one.state) for one in comparison]
    assert seen[0] == ((0, 0, 0, 0), "succeeded")
    assert seen[1] == ((0, 0, 1, 0), "failed")
    frame = comparison.frame()
    assert list(frame["state"]) == ["succeeded", "failed", "succeeded", "succeeded"]
    assert frame["error"].iloc[1] == "It cannot be drawn."
    assert comparison.summary()[1].failed == 1

    async def go() -> list[str]:
        return [one.state async for one in await comparison]

    assert len(asyncio.run(go())) == 4


def test_a_resume_makes_what_is_missing_and_nothing_twice(held: StubEngine) -> None:
    comparison = held.compare(CAT, TWO, seeds=[1, 2], protocol={"warm_up": 0}, name="cats")
    until(lambda: comparison.counts.get("running"))
    comparison.cancel()
    comparison.wait(20)
    assert comparison.state == "cancelled"
    held.gate.set()
    again = held.compare(CAT, TWO, seeds=[1, 2], protocol={"warm_up": 0}, name="cats")
    assert again.id == comparison.id
    again.wait(60)
    assert again.counts == {"succeeded": 4}
    made = len(held.drawn)
    third = Comparison.load("cats", engine=held).resume().wait(60)
    assert len(held.drawn) == made
    assert third.state == "done"
    assert [one.name for one in saved(held.home)] == ["cats"]
    with pytest.raises(InvalidRequest, match="already"):
        held.compare("a dog", TWO, seeds=[1, 2], name="cats")


def test_a_resume_right_after_a_cancel_goes_on(held: StubEngine) -> None:
    comparison = held.compare(CAT, TWO, seeds=[1, 2], protocol={"warm_up": 0})
    until(lambda: comparison.counts.get("running"))
    comparison.cancel()
    held.gate.set()
    assert comparison.resume().wait(60).counts == {"succeeded": 4}
    assert comparison.state == "done"


def test_a_pause_gives_the_device_free(held: StubEngine) -> None:
    comparison = held.compare(CAT, TWO, seeds=[1, 2], protocol={"warm_up": 0})
    until(lambda: comparison.counts.get("running"))
    comparison.pause()
    held.gate.set()
    until(lambda: comparison.counts.get("succeeded") == 1)
    assert comparison.state == "paused"
    assert held.generate("a dog", seed=5).record.request.prompt == "a dog"
    comparison.resume().wait(60)
    assert comparison.counts == {"succeeded": 4}


def test_others_wait_while_it_measures(held: StubEngine) -> None:
    comparison = held.compare(CAT, TWO, seeds=[1, 2])
    until(lambda: held._queue.counts()["queued"])
    other = held.submit("a dog", priority=1000)
    held.gate.set()
    comparison.wait(60)
    other.result(20)
    assert [one.prompt for one in held.drawn].index("a dog") == len(held.drawn) - 1


def test_a_reservation_is_one_parents_and_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with Reservations(home) as one:
        assert one.hold("cpu", "first")
        assert one.hold("cpu", "first")
        assert not one.hold("cpu", "second")
        assert one.hold("cuda:0", "second")
        later = time.monotonic() + SECONDS + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert one.hold("cpu", "second")
        # After a restart of the machine its clock begins anew: what was reserved before is over.
        monkeypatch.setattr(time, "monotonic", lambda: 1.0)
        with one._database.read() as connection:
            assert holder(connection, ["cpu", "cuda:0"]) is None
        one.let_go("second")


def test_a_stopped_engine_is_told(engine: StubEngine) -> None:
    def last(_: GenerationRequest) -> bool:
        engine._over.set()  # it stops while it makes the first picture
        return False

    engine.fails = last
    comparison = engine.compare(CAT, TWO)
    with pytest.raises(EngineStopped):
        comparison.wait(20)
    assert comparison.state == "stopped"


def refused(**changes: Any) -> str:  # noqa: ANN401 - any option
    options: dict[str, Any] = {"prompts": CAT, "contestants": TWO, **changes}
    with pytest.raises(InvalidRequest) as error:
        plan(options.pop("prompts"), options.pop("contestants"), **options)
    return str(error.value)


def test_bad_input_is_refused_before_any_work(tmp_path: Path) -> None:
    assert "one model cannot be compared" in refused(contestants=["miniature-turbo"])
    assert "one model cannot be compared" in refused(contestants="miniature-turbo")
    assert "0 models cannot be compared" in refused(contestants=[])
    assert "twice with the same settings" in refused(contestants=["miniature-turbo", "miniature-turbo"])
    assert "is not a known model" in refused(contestants=["miniature-turbo", "miniature-turboo"])
    with pytest.raises(UnknownModel):
        plan(CAT, [7, "miniature-turbo"])
    assert "not on this machine" in refused(contestants=["miniature-turbo", "z-image"])
    assert "names no model" in refused(contestants=[{"steps": 3}, "miniature-turbo"])
    assert "prompts: there is none" in refused(prompts=[])
    assert "stands twice" in refused(prompts=[CAT, CAT])
    assert "is not text" in refused(prompts=[7])
    assert "no prompts" in refused(prompts=7)
    assert "one stands twice" in refused(seeds=[1, 1])
    assert "seeds" in refused(seeds=0)
    assert "more than the limit of 3" in refused(seeds=2, limit=3)
    assert "cannot be matched" in refused(protocol="speed")
    assert "cannot both be equal" in refused(protocol={"match": ("steps", "time")})
    assert "only holds where steps" in refused(protocol={"steps": 4})
    assert "height: is missing" in refused(protocol={"match": "size", "width": 128})
    assert "does not draw 4096x4096" in refused(protocol={"match": "size", "width": 4096, "height": 4096})
    assert "is matched by the protocol" in refused(protocol="steps")
    assert "is no part of it" in refused(protocol={"mtch": "size"})
    assert "warm_up" in refused(protocol={"warm_up": -1})
    assert "is the same for all" in refused(contestants=[{"model": "miniature-turbo", "seed": 3}, "miniature-turbo"])
    assert "outside what miniature-turbo takes" in refused(
        contestants=["miniature-turbo", {"model": "miniature-turbo", "steps": 900}]
    )
    assert "is not an option" in refused(stepps=3)
    assert "is no folder of a CLIP model" in refused(clip=tmp_path)
    with pytest.raises(InvalidRequest, match="no comparison of this home"):
        Comparison.load("nothing")


def card(name: str, default: int, low: int, high: int, multiple: int = 16) -> ModelCard:
    return ModelCard(
        id=name,
        family="z_image",
        defaults=Defaults(steps=8, guidance_scale=0.0, width=default, height=default),
        ranges=Ranges(width=(low, high), height=(low, high), steps=(1, 50)),
        multiple=multiple,
    )


def test_a_common_size_stretches_nobody() -> None:
    large, small = card("large", 1024, 256, 2048), card("small", 512, 256, 1024, 64)
    assert common_size([large, small]) == (512, 512)
    assert common_size([large, small], (768, 768)) == (768, 768)
    with pytest.raises(InvalidRequest, match="small does not draw 1040x1040"):
        common_size([large, small], (1040, 1040))
    with pytest.raises(InvalidRequest, match="no size in common"):
        common_size([large, card("tiny", 128, 64, 192)])


def test_a_protocol_is_data_and_says_what_it_is() -> None:
    way = Protocol(match="size", width=128, height=128, repeats=3)  # type: ignore[arg-type] # as people write it
    assert Protocol.from_json(way.to_json()) == way
    assert "same size, 128x128" in str(way)
    assert EQUAL_SEEDS in str(Protocol())
    made = plan(
        {CAT: None, "左边一只红猫": "a red cat on the left"}, TWO, seeds=[2**64 - 1], protocol=Protocol(repeats=2)
    )
    assert type(made).read(made.told()) == made
    assert made.count == 8


def test_matched_steps_and_size(engine: StubEngine) -> None:
    pair = {"one": "miniature-turbo", "other": {"model": "miniature-turbo", "shift": 2.0}}
    way = {"match": ("size", "steps"), "steps": 5, "width": 160, "height": 128}
    engine.compare(CAT, pair, protocol=way).wait(60)
    assert {(one.width, one.height, one.steps) for one in engine.drawn} == {(160, 128, 5)}


def test_matched_time_is_found_by_a_trial(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second one needs 20 ms a step, the first 10; besides, 50 ms each.
    def seconds(record: Any) -> float:  # noqa: ANN401 - a record
        return 0.05 + record.request.steps * (0.02 if record.request.shift == 2.0 else 0.01)

    monkeypatch.setattr(work, "drawing", seconds)
    pair = {"one": "miniature-turbo", "other": {"model": "miniature-turbo", "shift": 2.0}}
    comparison = engine.compare(CAT, pair, protocol="time").wait(60)
    assert [one.ground.steps for one in comparison.plan.contestants] == [8, 4]
    assert Comparison.load(comparison.id, home=engine.home).plan == comparison.plan
    assert "common time is 0.13 s" in " ".join(comparison.plan.notes)


def test_an_erased_prompt_leaves_its_comparison(engine: StubEngine) -> None:
    comparison = engine.compare(CAT, TWO, seeds=[1]).wait(60)
    record = next(iter(comparison.records().values()))
    with Records(engine.home) as records:
        records.erase_prompt(record.id)
    again = Comparison.load(comparison.id, home=engine.home)
    assert CAT not in again.plan.told()
    assert again.counts == {"succeeded": 2}
    with pytest.raises(InvalidRequest, match="were erased"):
        again.resume()


def test_what_is_compared_is_said_to_be(engine: StubEngine) -> None:
    comparison = engine.compare(CAT, TWO, seeds=[1]).wait(60)
    connection = sqlite3.connect(engine.home / DATABASE)
    assert connection.execute("SELECT DISTINCT source FROM jobs").fetchall() == [("compare",)]
    connection.close()
    assert models.find("miniature-turbo").id in comparison.frame()["model"].tolist()
    one = comparison.summary()[0]
    assert one.rate == 1e11
    assert one.process_bytes == 5e8
    assert one.flop is not None
    assert one.fraction == pytest.approx(one.flop / 0.001 / 1e11)
    table = comparison.table()
    assert list(table.columns) == ["eight", "three"]
    assert table.loc["Stars of blind raters (95 % interval)"].tolist() == ["no votes"] * 2
    assert "8 步" in comparison.table("zh").iloc[0, 0]
    with pytest.raises(InvalidRequest, match="no language"):
        comparison.table("fr")
    assert "no folder of a CLIP" in table.loc["CLIP score", "eight"]
