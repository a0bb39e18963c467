"""The durable queue: accepted means on the disk, and a dead engine's job comes back, not a live one's."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.request import GenerationRequest
from zimage_lab.store import process
from zimage_lab.store.database import MIGRATIONS, connect
from zimage_lab.store.jobs import STATES
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = GenerationRequest(
    prompt="a red circle", model="miniature-turbo", width=128, height=128, steps=8, guidance_scale=0.0, seed=2**64 - 1
)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as made:
        yield made


def only_running(queue: Queue, **values: object) -> None:
    """Change the columns of the running attempt behind the queue's back."""
    with queue._database.write() as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE attempts SET {name} = ? WHERE outcome = 'running'", (value,))  # noqa: S608


def test_put_and_get(queue: Queue, tmp_path: Path) -> None:
    job = queue.put(REQUEST)
    assert (job.state, job.attempts, job.done) == ("queued", 0, False)
    with Queue(tmp_path) as other:
        assert other.get(job.id) == job
        assert other.get(job.id).request == REQUEST


def test_seed_is_text_in_the_file(queue: Queue, tmp_path: Path) -> None:
    queue.put(REQUEST)
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        assert connection.execute("SELECT seed, typeof(seed) FROM jobs").fetchone() == (str(2**64 - 1), "text")


def test_the_file_is_safe(queue: Queue) -> None:
    with queue._database.read() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_lease_order(queue: Queue) -> None:
    low, first, second, high = (queue.put(REQUEST, priority=priority).id for priority in (-1, 0, 0, 5))
    leased = [queue.lease("engine") for _ in range(4)]
    assert [job.id for job in leased if job] == [high, first, second, low]
    assert queue.lease("engine") is None


def test_lease_opens_an_attempt(queue: Queue) -> None:
    job = queue.put(REQUEST)
    leased = queue.lease("engine-a")
    assert leased is not None
    assert (leased.id, leased.state, leased.attempts) == (job.id, "running", 1)
    (attempt,) = queue.attempts(job.id)
    assert (attempt.engine_id, attempt.pid, attempt.outcome, attempt.number) == ("engine-a", os.getpid(), "running", 1)


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "invalid_output"])
def test_finish(queue: Queue, state: str) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    ended = queue.finish(job.id, state, error="why", record_id="r")
    assert (ended.state, ended.error, ended.record_id, ended.done) == (state, "why", "r", True)
    assert queue.attempts(job.id)[0].outcome == state
    assert queue.finish(job.id, "failed") == ended  # the first end stands


def test_finish_needs_a_running_job(queue: Queue) -> None:
    job = queue.put(REQUEST)
    with pytest.raises(StoreError, match="is queued"):
        queue.finish(job.id, "succeeded")
    with pytest.raises(InvalidRequest, match="is not a state here"):
        queue.finish(job.id, "quarantined")


def test_cancel_at_each_stage(queue: Queue) -> None:
    waiting, running, ended = (queue.put(REQUEST).id for _ in range(3))
    assert queue.cancel(waiting).state == "cancelled"
    assert queue.cancel(waiting).state == "cancelled"
    queue.lease("engine")
    asked = queue.cancel(running)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    assert queue.finish(running, "cancelled").state == "cancelled"
    queue.lease("engine")
    queue.finish(ended, "succeeded")
    assert queue.cancel(ended).state == "succeeded"


def test_keys(queue: Queue) -> None:
    first = queue.put(REQUEST, key="click-1")
    assert queue.put(REQUEST, key="click-1").id == first.id
    assert queue.put(REQUEST, key="click-2").id != first.id
    assert queue.put(REQUEST).id != queue.put(REQUEST).id
    with pytest.raises(InvalidRequest) as caught:
        queue.put(REQUEST.replace(seed=1), key="click-1")
    assert caught.value.field == "key"
    queue.lease("engine")
    assert queue.finish(first.id, "succeeded") == queue.put(REQUEST, key="click-1")


@pytest.mark.parametrize("key", ["", " ", "a\0", "x" * 201, 7, b"k", "\ud800"])
def test_wrong_keys(queue: Queue, key: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest, match=r"^key: "):
        queue.put(REQUEST, key=key)
    assert queue.list() == []


@pytest.mark.parametrize("priority", [True, 1.0, None, 1001, -1001, 2**70])
def test_wrong_priorities(queue: Queue, priority: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest, match=r"^priority: "):
        queue.put(REQUEST, priority=priority)


@pytest.mark.parametrize("job_id", ["", "nothing", None, 7, "\ud800"])
def test_unknown_job_is_never_done(queue: Queue, job_id: Any) -> None:  # noqa: ANN401
    for ask in (queue.get, queue.cancel, queue.release, lambda job: queue.finish(job, "succeeded")):
        with pytest.raises(InvalidRequest, match="is no job of this home"):
            ask(job_id)


def test_list_and_counts(queue: Queue) -> None:
    ids = [queue.put(REQUEST).id for _ in range(3)]
    queue.cancel(ids[0])
    assert [job.id for job in queue.list()] == ids[::-1]
    assert [job.id for job in queue.list(["cancelled"])] == ids[:1]
    assert [job.id for job in queue.list(limit=1)] == ids[2:]
    assert queue.list([]) == []
    assert queue.counts() == {**dict.fromkeys(STATES, 0), "queued": 2, "cancelled": 1}
    with pytest.raises(InvalidRequest, match="Did you mean 'queued'"):
        queue.list(["queue"])


def test_twenty_resends_at_once_are_one_job(tmp_path: Path, queue: Queue) -> None:
    def resend(_: int) -> str:
        with Queue(tmp_path) as own:
            return own.put(REQUEST, key="one click").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(resend, range(20)))) == 1
    assert len(queue.list()) == 1


def test_threads_share_a_queue_and_no_job_is_leased_twice(queue: Queue) -> None:
    jobs = {queue.put(REQUEST).id for _ in range(30)}
    leased: list[str] = []

    def work(name: str) -> None:
        while (job := queue.lease(name)) is not None:
            leased.append(job.id)
            queue.finish(job.id, "succeeded")

    threads = [threading.Thread(target=work, args=(f"engine-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leased) == sorted(jobs)


def test_heartbeat(queue: Queue) -> None:
    job = queue.put(REQUEST)
    assert not queue.heartbeat(job.id, "engine")
    queue.lease("engine")
    before = queue.attempts(job.id)[0].heartbeat_at
    assert queue.heartbeat(job.id, "engine")
    assert queue.attempts(job.id)[0].heartbeat_at > before
    assert not queue.heartbeat(job.id, "another")
    queue.finish(job.id, "succeeded")
    assert not queue.heartbeat(job.id, "engine")


def test_release_puts_a_job_back(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    assert queue.release(job.id).state == "queued"
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["interrupted"]
    again = queue.lease("engine")
    assert again is not None
    assert again.attempts == 2


def test_recover_leaves_a_live_process_alone(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("an engine that is another object in this process")
    assert queue.recover() == []
    assert queue.get(job.id).state == "running"


def test_recover_when_a_pid_came_round_again(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    known = process.identity(os.getpid())
    only_running(queue, process=known[:-1] + ("1" if known[-1] == "0" else "0"))
    (back,) = queue.recover()
    assert (back.id, back.state) == (job.id, "queued")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_recover_after_a_restart_of_the_machine(queue: Queue) -> None:
    queue.put(REQUEST)
    queue.lease("engine")
    only_running(queue, process="linux:another-boot:0:123")
    assert [job.state for job in queue.recover()] == ["queued"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_container_is_dead_only_after_long_silence(queue: Queue) -> None:
    queue.put(REQUEST)
    queue.lease("engine")
    _, boot, _, ticks = process.identity(os.getpid()).split(":")
    only_running(queue, process=f"linux:{boot}:another:{ticks}")
    assert queue.recover() == []
    only_running(queue, heartbeat_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert [job.state for job in queue.recover()] == ["queued"]


def test_identity_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_boot", lambda: "")
    known = process.identity(os.getpid())
    assert known.startswith("psutil:")
    assert process.life(os.getpid(), known) is process.Life.ALIVE
    assert process.life(2**30, known) is process.Life.GONE
    assert process.life(os.getpid(), "psutil:1.0") is process.Life.GONE


def test_third_interruption_is_quarantine(queue: Queue) -> None:
    job = queue.put(REQUEST)
    states = []
    for _ in range(3):
        queue.lease("engine")
        only_running(queue, process="psutil:1.0")
        states += [found.state for found in queue.recover()]
    assert states == ["queued", "queued", "quarantined"]
    assert queue.lease("engine") is None
    error = queue.get(job.id).error
    assert error is not None
    assert error.startswith("It was interrupted 3 times.")
    assert [attempt.outcome for attempt in queue.attempts(job.id)] == ["interrupted"] * 3


def test_cancelled_job_of_a_dead_engine_stays_cancelled(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    queue.cancel(job.id)
    only_running(queue, process="psutil:1.0")
    assert [found.state for found in queue.recover()] == ["cancelled"]
    assert queue.attempts(job.id)[0].outcome == "interrupted"


HOLDER = """
import sys, time
from pathlib import Path
from zimage_lab.request import GenerationRequest
from zimage_lab.store.queue import Queue
queue = Queue(Path(sys.argv[1]))
running = queue.put(GenerationRequest.from_json(sys.argv[2])).id
print(running, queue.lease("engine of the child").id == running, flush=True)
print(queue.put(GenerationRequest.from_json(sys.argv[2])).id, flush=True)
time.sleep(60)
"""


def test_kill_in_the_middle_of_a_job(queue: Queue, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), REQUEST.canonical_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        running, leased = child.stdout.readline().split()
        waiting = child.stdout.readline().strip()
        assert leased == "True"
        # It lives, so nobody touches its job, and the job that it waits for is left to it.
        assert queue.recover() == []
        assert queue.lease("engine of the parent") is None
        child.send_signal(signal.SIGKILL)
        # Not yet waited for, it is a zombie for a moment or for long: dead all the same.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        (back,) = queue.recover()
    assert (back.id, back.state, back.attempts) == (running, "queued", 1)
    (attempt,) = queue.attempts(running)
    assert (attempt.outcome, attempt.error) == ("interrupted", f"Its process {child.pid} is gone.")
    for job_id in (running, waiting):
        again = queue.lease("engine of the parent")
        assert again is not None
        assert again.id == job_id
        assert queue.finish(job_id, "succeeded").state == "succeeded"


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


OPENER = """
import sys
from pathlib import Path
from zimage_lab.store.database import connect
sys.stdin.readline()
connect(Path(sys.argv[1])).close()
"""


def test_processes_that_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", OPENER, str(tmp_path)], stdin=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for child in children:
        child.communicate("go\n")
    assert [child.returncode for child in children] == [0] * 4


def test_newer_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with closing(connect(tmp_path)) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="written by a newer zimage_lab"):
        Queue(tmp_path)


def test_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lab.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is damaged"):
        Queue(tmp_path)


def test_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Queue(tmp_path / "nowhere")


def test_full_disk_fails_the_job_and_not_the_lab(queue: Queue) -> None:
    first = queue.put(REQUEST)
    with queue._database.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="is full"):  # noqa: PT012 - which one fails is the page size's business
        for _ in range(100):
            queue.put(REQUEST)
    with queue._database.read() as connection:
        connection.execute(f"PRAGMA max_page_count={pages * 100}")
    assert queue.put(REQUEST).state == "queued"
    assert queue.get(first.id) == first


def test_an_exception_undoes_the_whole_transaction(queue: Queue) -> None:
    job = queue.put(REQUEST)

    def fails() -> None:
        with queue._database.write() as connection:
            connection.execute("UPDATE jobs SET state = 'failed'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert queue.get(job.id) == job


class QueueMachine(RuleBasedStateMachine):
    """Random use of the queue, compared with a model of what each job's state must be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()  # hypothesis gives a machine no tmp_path
        self.queue = Queue(Path(self.folder.name))
        self.states: dict[str, str] = {}
        self.tries: dict[str, int] = {}
        self.asked: set[str] = set()
        self.keys: dict[str, str] = {}

    def teardown(self) -> None:
        """Remove the file."""
        self.queue.close()
        self.folder.cleanup()

    def running(self) -> list[str]:
        """Give the jobs that run."""
        return [job for job, state in self.states.items() if state == "running"]

    @rule(key=st.sampled_from(["a", "b"]) | st.none())
    def put(self, key: str | None) -> None:
        job = self.queue.put(REQUEST, key=key).id
        if key in self.keys:
            assert job == self.keys[key]
            return
        if key is not None:
            self.keys[key] = job
        assert job not in self.states
        self.states[job], self.tries[job] = "queued", 0

    @rule()
    def lease(self) -> None:
        job = self.queue.lease("engine")
        waiting = [name for name, state in self.states.items() if state == "queued"]
        assert (job.id if job else None) == (waiting[0] if waiting else None)  # dicts keep the order of coming
        if job:
            self.states[job.id] = "running"
            self.tries[job.id] += 1

    @precondition(lambda self: self.running())
    @rule(data=st.data(), state=st.sampled_from(["succeeded", "failed", "cancelled", "invalid_output"]))
    def finish(self, data: st.DataObject, state: str) -> None:
        job = data.draw(st.sampled_from(self.running()))
        assert self.queue.finish(job, state).state == state
        self.states[job] = state

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(list(self.states)))
        self.queue.cancel(job)
        if self.states[job] == "queued":
            self.states[job] = "cancelled"
        elif self.states[job] == "running":
            self.asked.add(job)

    @rule()
    def crash(self) -> None:
        only_running(self.queue, process="psutil:1.0")
        found = {job.id for job in self.queue.recover()}
        assert found == set(self.running())
        for job in found:
            back = "quarantined" if self.tries[job] >= 3 else "queued"
            self.states[job] = "cancelled" if job in self.asked else back

    @invariant()
    def states_agree(self) -> None:
        assert {job.id: job.state for job in self.queue.list(limit=1000)} == self.states
        for job, state in self.states.items():
            outcomes = [attempt.outcome for attempt in self.queue.attempts(job)]
            assert len(outcomes) == self.tries[job]
            assert outcomes.count("running") == (state == "running")


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
