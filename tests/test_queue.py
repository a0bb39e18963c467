"""The durable queue: what is accepted is on the disk, is taken in order, and ends once, with a record and an event."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from queues import REQUEST, leased, names, succeed
from samples import record

from zimage_lab.errors import InvalidRequest, QueueFull
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.jobs import STATES
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as made:
        yield made


def test_put_and_get(queue: Queue, tmp_path: Path) -> None:
    parent = str(uuid4())
    job = queue.put(
        REQUEST, key="k", priority=3, parent_id=parent, name="n", source="panel", user="u", paused=True, engine="e"
    )
    assert (job.state, job.attempts, job.done, job.cursor) == ("queued", 0, False, 1)
    assert (job.parent_id, job.name, job.source, job.user) == (parent, "n", "panel", "u")
    assert (job.paused, job.engine, job.priority, job.retry_of) == (True, "e", 3, None)
    with Queue(tmp_path) as other:
        assert other.get(job.id) == job
        assert other.get(job.id).request == REQUEST
        assert other.home == tmp_path


def test_seed_is_text_in_the_file(queue: Queue, tmp_path: Path) -> None:
    queue.put(REQUEST)
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        assert connection.execute("SELECT seed, typeof(seed) FROM jobs").fetchone() == (str(2**64 - 1), "text")


def test_lease_order(queue: Queue) -> None:
    low, first, second, high = (queue.put(REQUEST, priority=priority).id for priority in (-1, 0, 0, 5))
    assert [leased(queue).job.id for _ in range(4)] == [high, first, second, low]
    assert queue.lease("engine") is None


def test_lease_opens_an_attempt(queue: Queue) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue, "engine-a")
    assert (lease.job.id, lease.job.state, lease.attempt, lease.engine_id) == (job.id, "running", 1, "engine-a")
    (attempt,) = queue.attempts(job.id)
    assert (attempt.engine_id, attempt.pid, attempt.outcome, attempt.number) == ("engine-a", os.getpid(), "running", 1)
    assert attempt.record_id == lease.record_id


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "invalid_output"])
def test_every_end_has_a_record_and_an_event(queue: Queue, tmp_path: Path, state: str) -> None:
    job = queue.put(REQUEST, source="shell")
    lease = leased(queue)
    made = record(id=lease.record_id, job_id=job.id, state=state) if state == "succeeded" else None
    ended = queue.finish(lease, state, "why", made)
    assert (ended.state, ended.error, ended.record_id, ended.done) == (state, "why", lease.record_id, True)
    assert queue.attempts(job.id)[0].outcome == state
    with Records(tmp_path) as records, StoredEvents(tmp_path) as events:
        assert [one.state for one in records.by_job(job.id)] == [state]
        last = events.since(0)[-1]
    assert (last.cursor, last.kind, last.job) == (ended.cursor, "state", job.id)
    assert last.data == {"state": state, "error": "why", "record_id": lease.record_id}
    assert queue.finish(lease, state, "again", made) == ended  # told twice, because the first answer got lost


def test_the_record_must_be_the_attempt_s(queue: Queue, tmp_path: Path) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)
    for wrong in (
        None,
        record(job_id=job.id),
        record(id=lease.record_id),
        record(id=lease.record_id, job_id=job.id, state="failed"),
    ):
        with pytest.raises(InvalidRequest, match=r"^record: "):
            queue.finish(lease, "succeeded", None, wrong)
    with pytest.raises(InvalidRequest, match="is not a state here"):
        queue.finish(lease, "quarantined")
    assert queue.get(job.id).state == "running"
    with Records(tmp_path) as records:
        assert records.list() == []


def test_cancel_at_each_stage(queue: Queue, tmp_path: Path) -> None:
    waiting, running, ended = (queue.put(REQUEST).id for _ in range(3))
    assert queue.cancel(waiting).state == "cancelled"
    assert queue.cancel(waiting).state == "cancelled"
    with Records(tmp_path) as records:
        (noted,) = records.by_job(waiting)
    assert (noted.state, noted.id) == ("cancelled", queue.get(waiting).record_id)
    lease = leased(queue)
    assert queue.cancel_requested([running, ended]) == set()
    asked = queue.cancel(running)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    assert queue.cancel_requested([running, ended]) == {running}
    assert queue.finish(lease, "cancelled").state == "cancelled"
    assert queue.cancel_requested([running, ended]) == set()
    succeed(queue, leased(queue))
    assert queue.cancel(ended).state == "succeeded"


def test_keys(queue: Queue, tmp_path: Path) -> None:
    first = queue.put(REQUEST, key="click-1")
    assert queue.put(REQUEST, key="click-1").id == first.id
    assert queue.put(REQUEST, key="click-2").id != first.id
    assert queue.put(REQUEST).id != queue.put(REQUEST).id
    with pytest.raises(InvalidRequest) as caught:
        queue.put(REQUEST.replace(seed=1), key="click-1")
    assert caught.value.field == "key"
    with Queue(tmp_path) as after_a_restart:
        assert after_a_restart.put(REQUEST, key="click-1").id == first.id
        with pytest.raises(InvalidRequest):
            after_a_restart.put(REQUEST.replace(seed=1), key="click-1")
    assert succeed(queue, leased(queue)) == queue.put(REQUEST, key="click-1")


@pytest.mark.parametrize("field", ["key", "name", "source", "user", "engine"])
@pytest.mark.parametrize("value", ["", " ", "a\0", "x" * 201, 7, b"k", "\ud800"])
def test_wrong_texts(queue: Queue, field: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest, match=rf"^{field}: "):
        queue.put(REQUEST, **{field: value})
    assert queue.list() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("priority", value) for value in (True, 1.0, None, 1001, -1001, 2**70)),
        *(("parent_id", value) for value in ("", "x", 7, "\ud800")),
        *(("paused", value) for value in (1, None, "yes")),
    ],
)
def test_wrong_options(queue: Queue, field: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest, match=rf"^{field}: "):
        queue.put(REQUEST, **{field: value})
    assert queue.list() == []


@pytest.mark.parametrize("job_id", ["", "nothing", None, 7, "\ud800"])
def test_unknown_job_is_never_done(queue: Queue, job_id: Any) -> None:  # noqa: ANN401
    for ask in (queue.get, queue.cancel, queue.retry, queue.move, lambda job: queue.set_priority(job, 1)):
        with pytest.raises(InvalidRequest, match="is no job of this home"):
            ask(job_id)


def test_list_counts_and_beginnings(queue: Queue) -> None:
    ids = [queue.put(REQUEST).id for _ in range(12)]
    queue.cancel(ids[0])
    assert [job.id for job in queue.list()] == ids[::-1]
    assert [job.id for job in queue.list(["cancelled"])] == ids[:1]
    assert [job.id for job in queue.list(["cancelled", "queued"], limit=2)] == ids[:9:-1]
    assert queue.list([]) == []
    assert queue.list(limit=-1) == []
    assert queue.counts() == {**dict.fromkeys(STATES, 0), "queued": 11, "cancelled": 1}
    with pytest.raises(InvalidRequest, match="Did you mean 'queued'"):
        queue.list(["queue"])
    assert [job.id for job in queue.starting_with(ids[3][:13].upper())] == ids[3:4]
    assert len(queue.starting_with("")) == 10
    assert queue.starting_with("é") == queue.starting_with("zz") == []


def test_twenty_resends_at_once_are_one_job(tmp_path: Path, queue: Queue) -> None:
    def resend(_: int) -> str:
        with Queue(tmp_path) as own:
            return own.put(REQUEST, key="one click").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(resend, range(20)))) == 1
    assert len(queue.list()) == 1


def test_threads_share_a_queue_and_no_job_is_leased_twice(queue: Queue) -> None:
    jobs = {queue.put(REQUEST).id for _ in range(30)}
    taken: list[str] = []

    def work(name: str) -> None:
        while (lease := queue.lease(name)) is not None:
            taken.append(lease.job.id)
            succeed(queue, lease)

    threads = [threading.Thread(target=work, args=(f"engine-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(jobs)


def test_many_or_none(queue: Queue) -> None:
    rows = queue.put_many((REQUEST.replace(seed=seed), {"name": str(seed), "key": f"k{seed}"}) for seed in range(3))
    assert names(rows) == ["0", "1", "2"]
    assert [row.cursor for row in rows] == [1, 2, 3]
    with pytest.raises(InvalidRequest, match=r"^key: "):
        queue.put_many([(REQUEST, {"name": "3"}), (REQUEST, {"key": "k0"})])
    assert names(queue.list()) == ["2", "1", "0"]


def test_a_full_queue_says_when_to_come_again(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("queue_jobs = 2\n")
    with Queue(tmp_path) as queue:
        kept = queue.put(REQUEST, key="k")
        queue.put(REQUEST)
        with pytest.raises(QueueFull, match="2 jobs wait already") as caught:
            queue.put(REQUEST)
        assert caught.value.retry_after >= 1
        assert queue.put(REQUEST, key="k") == kept  # a resend is no new job
        with pytest.raises(QueueFull):
            queue.put_many([(REQUEST, {})])
        lease = leased(queue)
        queue.put(REQUEST)
        queue.release(lease)  # an accepted job comes back, whether there is room or not
        assert queue.counts()["queued"] == 3


def test_a_queue_is_bounded_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("queue_mb = 0.02\n")
    long = REQUEST.replace(prompt="红" * 3000)
    with Queue(tmp_path) as queue:
        first = queue.put(long)
        queue.put(long)
        with pytest.raises(QueueFull, match="MB already"):
            queue.put(long)
        queue.cancel(first.id)
        assert queue.put(long).state == "queued"


def test_retry_is_a_new_job(queue: Queue) -> None:
    parent = str(uuid4())
    old = queue.put(REQUEST, key="k", name="n", priority=2, parent_id=parent)
    with pytest.raises(InvalidRequest, match="is still queued"):
        queue.retry(old.id)
    queue.finish(leased(queue), "failed", "why")
    new = queue.retry(old.id)
    assert new.id != old.id
    assert (new.retry_of, new.request, new.key) == (old.id, REQUEST, None)
    assert (new.name, new.priority, new.parent_id) == ("n", 2, parent)
    assert queue.get(old.id).state == "failed"


PUTTER = """
import sys
from pathlib import Path
from zimage_lab.request import GenerationRequest
from zimage_lab.store.queue import Queue
queue = Queue(Path(sys.argv[1]))
request = GenerationRequest.from_json(sys.argv[2])
while True:
    print(queue.put(request).id, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PUTTER, str(tmp_path), REQUEST.canonical_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(5)]
        child.kill()
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    with Queue(tmp_path) as queue:
        there = {job.id for job in queue.list(limit=10**6)}
        assert set(acknowledged) <= there
        assert len(there) <= len(acknowledged) + 1


@pytest.mark.parametrize("change", ["put", "lease", "move", "cancel", "waiting", "list", "counts", "recover"])
def test_cost_is_flat(tmp_path: Path, change: str) -> None:
    """The steps of SQLite's machine are counted, which no load of this one can change."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def cost(queue: Queue, number: int) -> int:
        nonlocal steps
        rows = queue.put_many((REQUEST, {}) for _ in range(number))
        middle = rows[number // 2].id
        calls = {
            "put": lambda: queue.put(REQUEST),
            "lease": lambda: queue.lease("engine"),
            "move": lambda: queue.move(middle, rows[number // 4].id),
            "cancel": lambda: queue.cancel(middle),
            "waiting": lambda: queue.waiting(5),
            "list": lambda: queue.list(limit=5),
            "counts": queue.counts,
            "recover": queue.recover,
        }
        with queue._database.read() as connection:
            connection.set_progress_handler(step, 1)
        steps = 0
        calls[change]()
        with queue._database.read() as connection:
            connection.set_progress_handler(None, 1)
        return steps

    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    with Queue(tmp_path / "few") as few, Queue(tmp_path / "many") as many:
        assert cost(many, 3000) <= cost(few, 20) * 1.2 + 50
