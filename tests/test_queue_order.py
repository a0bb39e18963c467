"""The line of waiting jobs: moved, paused, pinned, cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from queues import REQUEST, leased, names, succeed

from zimage_lab.errors import InvalidRequest
from zimage_lab.store.engines import Engines
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as made:
        yield made


def four(queue: Queue) -> dict[str, str]:
    """Queue four jobs; gives their ids by name."""
    return {str(row.name): row.id for row in queue.put_many((REQUEST, {"name": name}) for name in "abcd")}


def line(queue: Queue) -> str:
    """Give the names of the waiting jobs in order."""
    return "".join(str(job.name) for job in queue.waiting())


def test_move(queue: Queue) -> None:
    ids = four(queue)
    queue.move(ids["d"])
    assert line(queue) == "dabc"
    queue.move(ids["d"], before=ids["c"])
    assert line(queue) == "abdc"
    queue.move(ids["a"], before=ids["a"])
    queue.move(ids["a"])
    assert line(queue) == "abdc"
    assert [leased(queue).job.name for _ in range(4)] == ["a", "b", "d", "c"]


def test_a_move_takes_the_other_job_s_priority(queue: Queue) -> None:
    ids = four(queue)
    queue.set_priority(ids["c"], 5)
    assert line(queue) == "cabd"
    assert queue.move(ids["b"], before=ids["c"]).priority == 5
    assert line(queue) == "bcad"
    queue.set_priority(ids["d"], 5)
    queue.move(ids["d"])
    assert line(queue) == "dbca"


def test_a_hundred_moves_to_the_same_place(queue: Queue) -> None:
    ids = four(queue)
    for _ in range(50):
        queue.move(ids["c"], before=ids["b"])
        assert line(queue) == "acbd"
        queue.move(ids["d"], before=ids["b"])
        assert line(queue) == "acdb"
        queue.move(ids["d"], before=ids["c"])
        queue.move(ids["c"], before=ids["d"])
        queue.move(ids["b"], before=ids["d"])
        assert line(queue) == "acbd"


def test_what_comes_back_stands_where_it_stood(queue: Queue) -> None:
    ids = four(queue)
    lease = leased(queue)
    queue.move(ids["d"], before=ids["b"])
    queue.release(lease, paused=False)
    assert line(queue) == "adbc"


def test_only_waiting_jobs_are_moved(queue: Queue) -> None:
    ids = four(queue)
    lease = leased(queue)
    for change in (
        lambda: queue.move(ids["a"]),
        lambda: queue.move(ids["b"], before=ids["a"]),
        lambda: queue.set_priority(ids["a"], 1),
        lambda: queue.pause(ids["a"]),
        lambda: queue.resume(ids["a"]),
    ):
        with pytest.raises(InvalidRequest, match="is running and cannot be"):
            change()
    succeed(queue, lease)
    with pytest.raises(InvalidRequest, match="is succeeded and cannot be moved"):
        queue.move(ids["a"])


def test_pause_of_a_job(queue: Queue, tmp_path: Path) -> None:
    ids = four(queue)
    paused = queue.pause(ids["a"])
    assert paused is not None
    assert paused.paused
    assert queue.pause(ids["a"]) == paused
    assert leased(queue).job.name == "b"
    resumed = queue.resume(ids["a"])
    assert resumed is not None
    with StoredEvents(tmp_path) as events:
        told = {event.cursor: event.data for event in events.since(0)}
    assert told[paused.cursor]["paused"] is True
    assert "paused" not in told[resumed.cursor]
    assert leased(queue).job.name == "a"
    queue.put(REQUEST, name="e", paused=True)
    assert [leased(queue).job.name for _ in range(2)] == ["c", "d"]
    assert not queue.waits("engine")


def test_pause_of_the_whole_queue(queue: Queue, tmp_path: Path) -> None:
    queue.put(REQUEST)
    with Queue(tmp_path) as other:
        assert other.pause() is None
    queue.pause()
    assert queue.paused
    assert not queue.waits("engine")
    assert queue.lease("engine") is None
    queue.resume()
    queue.resume()
    assert not queue.paused
    assert queue.waits("engine")
    with StoredEvents(tmp_path) as events:
        assert [event.data for event in events.since(0) if event.kind == "queue"] == [
            {"paused": True},
            {"paused": False},
        ]


def test_release_is_no_death_and_waits_for_a_person(queue: Queue, tmp_path: Path) -> None:
    job = queue.put(REQUEST)
    for attempt in range(1, 6):
        lease = leased(queue)
        assert lease.attempt == attempt
        back = queue.release(lease, reason="The kernel was restarted.")
        assert (back.state, back.paused) == ("queued", True)
        assert queue.lease("engine") is None
        queue.resume(job.id)
    assert {one.outcome for one in queue.attempts(job.id)} == {"interrupted"}
    with Records(tmp_path) as records:
        assert [(one.state, one.attempt) for one in records.by_job(job.id)] == [
            ("interrupted", number) for number in range(1, 6)
        ]
        assert records.broken() == ()


def test_release_of_a_job_that_was_to_be_cancelled(queue: Queue) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)
    queue.cancel(job.id)
    assert queue.release(lease).state == "cancelled"


def test_pins(queue: Queue) -> None:
    for name, engine in (("free", None), ("mine", "me"), ("device", "cuda:1"), ("other", "you")):
        queue.put(REQUEST, name=name, engine=engine)
    assert leased(queue, "me", pins=("me", "cuda:1"), shared=False).job.name == "mine"
    assert leased(queue, "me", pins=("me", "cuda:1")).job.name == "free"
    assert leased(queue, "me", pins=("cuda:1",)).job.name == "device"
    assert queue.lease("me", pins=("cuda:1",)) is None
    assert not queue.waits("me", ("cuda:1",))
    assert queue.waits("you", shared=False)


def test_pins_keep_the_order_of_the_whole_line(queue: Queue) -> None:
    for name, engine, priority in (("c", None, 0), ("d", "me", 0), ("a", "cuda", 1), ("b", None, 1)):
        queue.put(REQUEST, name=name, engine=engine, priority=priority)
    assert [leased(queue, "me", pins=("cuda",)).job.name for _ in range(4)] == ["a", "b", "c", "d"]


def test_jobs_of_an_engine_that_is_gone_are_for_everybody(queue: Queue, tmp_path: Path) -> None:
    with Engines(tmp_path) as engines:
        engines.register("gone", device="cpu")
        engines.register("here", device="cpu")
        for engine in ("gone", "here", "cuda:1"):
            queue.put(REQUEST, name=engine, engine=engine)
        queue.recover()
        assert queue.lease("me") is None
        engines.end("gone")
        assert queue.recover() == []
    assert leased(queue, "me").job.name == "gone"
    assert queue.lease("me") is None


def test_clear(queue: Queue, tmp_path: Path) -> None:
    ids = four(queue)
    lease = leased(queue)
    queue.pause(ids["b"])
    assert queue.clear() == 3
    assert queue.counts()["cancelled"] == 3
    assert queue.clear() == 0
    assert queue.clear(("running",)) == 1
    assert queue.cancel_requested([lease.job.id]) == {lease.job.id}
    with pytest.raises(InvalidRequest, match="is not a state here"):
        queue.clear(("succeeded",))
    with Records(tmp_path) as records:
        assert [one.state for one in records.list()] == ["cancelled"] * 3


def test_clear_of_more_than_one_transaction(queue: Queue) -> None:
    queue.put_many((REQUEST, {}) for _ in range(1001))
    assert queue.clear() == 1001
    assert names(queue.waiting()) == []
