"""Leases: a dead engine's job comes back, a live one's does not, and whoever lost its lease writes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from queues import REQUEST, change_attempt, leased, succeed
from samples import record

from zimage_lab.errors import LeaseLost
from zimage_lab.store import jobs, leases, process
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.store.leases import Lease

DEAD = "psutil:1.0"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as made:
        yield made


def picture_of(home: Path, lease: Lease) -> Path:
    """Write what stands for the picture of an attempt."""
    path = home / "images" / lease.job.created_at[:10] / f"{lease.record_id}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a picture")
    return path


def test_heartbeat(queue: Queue) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)
    before = queue.attempts(job.id)[0].beat
    assert before <= time.monotonic()
    assert queue.heartbeat(lease)
    assert queue.attempts(job.id)[0].beat > before
    succeed(queue, lease)
    assert not queue.heartbeat(lease)


def test_recover_leaves_a_live_process_alone(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("an engine that is another object in this process")
    assert queue.recover() == []
    assert queue.get(job.id).state == "running"


def test_a_silent_engine_loses_its_lease_and_writes_nothing(queue: Queue, tmp_path: Path) -> None:
    job = queue.put(REQUEST)
    lost = leased(queue, "silent")
    change_attempt(queue, beat=time.monotonic() - leases.LEASE_SECONDS - 1)
    (back,) = queue.recover()
    assert (back.id, back.state, back.attempts) == (job.id, "queued", 1)
    assert "silent for 61 seconds" in str(queue.attempts(job.id)[0].error)
    again = leased(queue, "silent")  # even by the same engine: it is another attempt
    picture = picture_of(tmp_path, lost)
    assert not queue.heartbeat(lost)
    for late in (
        lambda: succeed(queue, lost),
        lambda: queue.finish(lost, "failed", "why"),
        lambda: queue.release(lost),
    ):
        with pytest.raises(LeaseLost, match="was taken from engine silent"):
            late()
    assert not picture.exists()
    assert succeed(queue, again).record_id == again.record_id
    with Records(tmp_path) as records:
        assert [(one.id, one.state) for one in records.by_job(job.id)] == [
            (lost.record_id, "interrupted"),
            (again.record_id, "succeeded"),
        ]
        assert records.broken() == ()


def test_a_clock_that_is_set_back_or_forward_changes_nothing(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    first = queue.put(REQUEST)
    lease = leased(queue)
    for clock in ("1999-01-01T00:00:00.000000+00:00", "2199-01-01T00:00:00.000000+00:00"):
        for module in (jobs, leases):
            monkeypatch.setattr(module, "now", lambda clock=clock: clock)
        monkeypatch.setattr("zimage_lab.store.order.now", lambda clock=clock: clock)
        monkeypatch.setattr(time, "time", lambda clock=clock: float(clock[:4]) * 1e7)
        queue.put(REQUEST, name=clock[:4])
        assert queue.heartbeat(lease)
        assert queue.recover() == []
    assert [job.name for job in queue.waiting()] == ["1999", "2199"]
    assert succeed(queue, lease).id == first.id
    assert [leased(queue).job.name for _ in range(2)] == ["1999", "2199"]


def test_recover_when_a_pid_came_round_again(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    known = process.identity(os.getpid())
    change_attempt(queue, process=known[:-1] + ("1" if known[-1] == "0" else "0"))
    (back,) = queue.recover()
    assert (back.id, back.state) == (job.id, "queued")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_recover_after_a_restart_of_the_machine(queue: Queue) -> None:
    queue.put(REQUEST)
    queue.lease("engine")
    change_attempt(queue, process="linux:another-boot:0:123", beat=time.monotonic() + 10**6)
    assert [job.state for job in queue.recover()] == ["queued"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_container_is_dead_only_after_silence(queue: Queue) -> None:
    queue.put(REQUEST)
    queue.lease("engine")
    _, boot, _, ticks = process.identity(os.getpid()).split(":")
    change_attempt(queue, process=f"linux:{boot}:another:{ticks}")
    assert queue.recover() == []
    change_attempt(queue, beat=time.monotonic() - leases.LEASE_SECONDS - 1)
    assert [job.state for job in queue.recover()] == ["queued"]


def test_identity_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_boot", lambda: "")
    known = process.identity(os.getpid())
    assert known.startswith("psutil:")
    assert process.life(os.getpid(), known) is process.Life.ALIVE
    assert process.life(2**30, known) is process.Life.GONE
    assert process.life(os.getpid(), DEAD) is process.Life.GONE


def test_third_death_is_quarantine(queue: Queue, tmp_path: Path) -> None:
    job = queue.put(REQUEST)
    states, pictures = [], []
    for _ in range(3):
        pictures.append(picture_of(tmp_path, leased(queue)))
        change_attempt(queue, process=DEAD)
        states += [found.state for found in queue.recover()]
    assert states == ["queued", "queued", "quarantined"]
    assert queue.lease("engine") is None
    ended = queue.get(job.id)
    assert str(ended.error).startswith("It was interrupted 3 times.")
    attempts = queue.attempts(job.id)
    assert [attempt.outcome for attempt in attempts] == ["interrupted"] * 3
    assert ended.record_id == attempts[-1].record_id
    assert not any(picture.exists() for picture in pictures)
    with Records(tmp_path) as records:
        assert [(one.attempt, one.state) for one in records.by_job(job.id)] == [
            (number, "interrupted") for number in (1, 2, 3)
        ]
    assert queue.retry(job.id).state == "queued"


def test_cancelled_job_of_a_dead_engine_stays_cancelled(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.lease("engine")
    queue.cancel(job.id)
    change_attempt(queue, process=DEAD)
    assert [found.state for found in queue.recover()] == ["cancelled"]
    assert queue.attempts(job.id)[0].outcome == "interrupted"


def test_a_picture_that_came_after_the_end_is_swept(queue: Queue, tmp_path: Path) -> None:
    kept = queue.put(REQUEST)
    lease = leased(queue)
    picture = picture_of(tmp_path, lease)
    queue.finish(lease, "succeeded", None, record(id=lease.record_id, job_id=kept.id))
    queue.put(REQUEST)
    lost = leased(queue)
    change_attempt(queue, process=DEAD)
    queue.recover()
    late = picture_of(tmp_path, lost)  # its engine was not dead after all, and died only now
    with Queue(tmp_path) as started_again:
        started_again.recover()
    assert picture.exists()
    assert not late.exists()


HOLDER = """
import sys, time
from pathlib import Path
from zimage_lab.request import GenerationRequest
from zimage_lab.store.queue import Queue
queue = Queue(Path(sys.argv[1]))
print(queue.put(GenerationRequest.from_json(sys.argv[2])).id, queue.lease("engine of the child").attempt, flush=True)
time.sleep(60)
"""


def test_kill_in_the_middle_of_a_job(queue: Queue, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), REQUEST.canonical_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        running, attempt = child.stdout.readline().split()
        assert attempt == "1"
        assert queue.recover() == []  # it lives, so nobody touches its job
        child.send_signal(signal.SIGKILL)
        # Not yet waited for, it is a zombie for a moment or for long: dead all the same.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        (back,) = queue.recover()
    assert (back.id, back.state, back.attempts) == (running, "queued", 1)
    (ended,) = queue.attempts(running)
    assert (ended.outcome, ended.error) == ("interrupted", f"Its process {child.pid} is gone.")
    assert succeed(queue, leased(queue)).state == "succeeded"


def test_what_was_not_begun_goes_back_without_a_trace(queue: Queue) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)
    back = queue.withdraw(lease)
    assert (back.state, back.paused, back.attempts, back.started_at) == ("queued", False, 0, None)
    with pytest.raises(LeaseLost):
        queue.withdraw(lease)
    again = leased(queue)
    assert again.job.id == job.id
    assert again.attempt == 1
    succeed(queue, again)
    with Records(queue.home) as records:
        assert [one.state for one in records.by_job(job.id)] == ["succeeded"]


def test_what_was_cancelled_meanwhile_does_not_go_back(queue: Queue) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)
    queue.cancel(job.id)
    assert queue.withdraw(lease).state == "cancelled"


def test_the_death_of_a_worker_counts_as_an_engines(queue: Queue) -> None:
    job = queue.put(REQUEST)
    states = [queue.interrupted(leased(queue), "It is gone.").state for _ in range(3)]
    assert states == ["queued", "queued", "quarantined"]
    assert [one.outcome for one in queue.attempts(job.id)] == ["interrupted"] * 3


def test_a_waiting_job_is_pinned_once(queue: Queue) -> None:
    job = queue.put(REQUEST)
    queue.pin(job.id, "one")
    queue.pin(job.id, "two")
    assert queue.get(job.id).engine == "one"
    assert queue.lease("two") is None
    assert queue.lease("one") is not None
