"""Random use of one queue by several processes, compared with a model that fits on a page."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from queue_worker import Worker
from queues import REQUEST
from samples import record

from zimage_lab.errors import InvalidRequest, LeaseLost, QueueFull
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.leases import LEASE_SECONDS
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.recovery import DEATHS

if TYPE_CHECKING:
    from zimage_lab.store.leases import Lease

ROOM = 5
CLOCKS = (2026, 1999, 2199)  # each process believes in another year
DEVICE = "cuda:1"
workers = st.integers(0, len(CLOCKS) - 1)


@dataclass
class Known:
    """What the model knows of a job."""

    seed: int
    state: str = "queued"
    priority: int = 0
    pin: str | None = None
    paused: bool = False
    asked: bool = False
    deaths: int = 0
    attempts: int = 0


class QueueMachine(RuleBasedStateMachine):
    """The model: a dictionary of jobs, and one list that is the line."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()  # hypothesis gives a machine no tmp_path
        self.home = Path(self.folder.name)
        (self.home / "config.toml").write_text(f"queue_jobs = {ROOM}\n")
        self.queue = Queue(self.home)
        self.workers = [Worker(self.home, clock) for clock in CLOCKS]
        self.jobs: dict[str, Known] = {}
        self.line: list[str] = []
        self.keys: dict[str, str] = {}
        self.held: list[tuple[int, Lease]] = []
        self.lost: list[Lease] = []
        self.stopped = False

    def teardown(self) -> None:
        """Look at records and events, which outlive every job, and remove everything."""
        for worker in self.workers:
            worker.kill()
        try:
            self.check_what_was_written()
        finally:
            self.queue.close()
            self.folder.cleanup()

    def check_what_was_written(self) -> None:
        """Every attempt has its record, every job's last event is its state, and the chain holds."""
        with Records(self.home) as records, StoredEvents(self.home) as events:
            assert records.broken() == ()
            told = {event.job: event.data["state"] for event in events.since(0, limit=10**6) if event.kind == "state"}
            assert told == {job: known.state for job, known in self.jobs.items()}
            for job in self.jobs:
                ended = [one.outcome for one in self.queue.attempts(job) if one.outcome != "running"]
                made = [one.state for one in records.by_job(job)]
                assert made[: len(ended)] == ended
                assert made[len(ended) :] in ([], ["cancelled"])  # cancelled while it waited

    # What the model says.

    def in_state(self, *states: str) -> list[str]:
        return [job for job, known in self.jobs.items() if known.state in states]

    def waiting(self) -> list[str]:
        """Give the line as it is to be run; sorting keeps the order of equals."""
        queued = [job for job in self.line if self.jobs[job].state == "queued"]
        return sorted(queued, key=lambda job: -self.jobs[job].priority)

    def comes_back(self, job: str, *, death: bool) -> None:
        known = self.jobs[job]
        known.deaths += death
        if known.asked:
            known.state = "cancelled"
        else:
            known.state = "quarantined" if death and known.deaths >= DEATHS else "queued"

    def join(self, job: str, known: Known) -> None:
        assert job not in self.jobs
        self.jobs[job] = known
        self.line.append(job)

    # What processes do.

    @initialize(number=st.integers(0, ROOM), worker=workers)
    def begin(self, number: int, worker: int) -> None:
        for row in self.workers[worker]("put_many", [(REQUEST.replace(seed=0), {})] * number):
            self.join(row.id, Known(0))

    @rule(
        worker=workers,
        key=st.sampled_from(["a", "b"]) | st.none(),
        seed=st.integers(0, 1),
        priority=st.integers(-1, 1),
        pin=st.sampled_from([None, None, DEVICE]),
        paused=st.sampled_from([False, False, True]),
    )
    def put(self, worker: int, key: str | None, seed: int, priority: int, pin: str | None, *, paused: bool) -> None:
        def put() -> str:
            request = REQUEST.replace(seed=seed)
            row = self.workers[worker]("put", request, key=key, priority=priority, engine=pin, paused=paused)
            assert row.request == request
            return str(row.id)

        if key in self.keys:
            first = self.keys[key]
            if self.jobs[first].seed == seed:
                assert put() == first
            else:
                with pytest.raises(InvalidRequest, match=r"^key: "):
                    put()
        elif len(self.in_state("queued")) >= ROOM:
            with pytest.raises(QueueFull):
                put()
        else:
            job = put()
            self.join(job, Known(seed, priority=priority, pin=pin, paused=paused))
            if key is not None:
                self.keys[key] = job

    @rule(worker=workers, shared=st.booleans(), pins=st.sampled_from([(), (DEVICE,)]))
    def lease(self, worker: int, *, shared: bool, pins: tuple[str, ...]) -> None:
        fits = [
            job
            for job in self.waiting()
            if not self.jobs[job].paused and (self.jobs[job].pin in pins if self.jobs[job].pin else shared)
        ]
        expected = fits[0] if fits and not self.stopped else None
        assert self.workers[worker]("waits", "engine", pins, shared=shared) == (expected is not None)
        lease = self.workers[worker]("lease", "engine", pins, shared=shared)
        assert (lease.job.id if lease else None) == expected
        if lease is not None:
            known = self.jobs[lease.job.id]
            known.state, known.attempts = "running", known.attempts + 1
            assert lease.attempt == known.attempts
            self.held.append((worker, lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=st.sampled_from(["succeeded", "failed", "cancelled", "invalid_output"]))
    def finish(self, data: st.DataObject, state: str) -> None:
        worker, lease = data.draw(st.sampled_from(self.held))
        made = record(id=lease.record_id, job_id=lease.job.id, state=state, attempt=lease.attempt)
        ended = self.workers[worker]("finish", lease, state, None, made)
        assert (ended.state, ended.record_id) == (state, lease.record_id)
        self.jobs[lease.job.id].state = state
        self.held.remove((worker, lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), paused=st.booleans())
    def release(self, data: st.DataObject, *, paused: bool) -> None:
        worker, lease = data.draw(st.sampled_from(self.held))
        back = self.workers[worker]("release", lease, paused=paused)
        self.comes_back(lease.job.id, death=False)
        self.jobs[lease.job.id].paused = paused and back.state == "queued"
        self.held.remove((worker, lease))
        self.lost.append(lease)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def heartbeat(self, data: st.DataObject) -> None:
        worker, lease = data.draw(st.sampled_from(self.held))
        assert self.workers[worker]("heartbeat", lease) is True

    @precondition(lambda self: self.lost)
    @rule(data=st.data(), worker=workers)
    def come_too_late(self, data: st.DataObject, worker: int) -> None:
        lease = data.draw(st.sampled_from(self.lost))
        made = record(id=lease.record_id, job_id=lease.job.id, attempt=lease.attempt)
        assert self.workers[worker]("heartbeat", lease) is False
        with pytest.raises(LeaseLost):
            self.workers[worker]("finish", lease, "succeeded", None, made)
        with pytest.raises(LeaseLost):
            self.workers[worker]("release", lease)

    # What goes wrong.

    def recovered(self, worker: int, leases: list[Lease]) -> None:
        found = {row.id: row.state for row in self.workers[worker]("recover")}
        for lease in leases:
            self.comes_back(lease.job.id, death=True)
        assert found == {lease.job.id: self.jobs[lease.job.id].state for lease in leases}
        self.held = [(holder, lease) for holder, lease in self.held if lease not in leases]
        self.lost += leases

    @rule(victim=workers, next_worker=workers)
    def kill(self, victim: int, next_worker: int) -> None:
        self.workers[victim].kill()
        self.workers[victim] = Worker(self.home, CLOCKS[victim])
        self.recovered(next_worker, [lease for holder, lease in self.held if holder == victim])

    @rule(worker=workers, next_worker=workers)
    def run_and_die(self, worker: int, next_worker: int) -> None:
        for _ in range(DEATHS):
            self.lease(worker, shared=True, pins=(DEVICE,))
            self.kill(worker, next_worker)

    @precondition(lambda self: self.in_state("running"))
    @rule(data=st.data(), next_worker=workers)
    def cancel_and_die(self, data: st.DataObject, next_worker: int) -> None:
        worker, lease = data.draw(st.sampled_from(self.held))
        self.workers[next_worker]("cancel", lease.job.id)
        self.jobs[lease.job.id].asked = True
        self.kill(worker, next_worker)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), next_worker=workers)
    def fall_silent(self, data: st.DataObject, next_worker: int) -> None:
        _, lease = data.draw(st.sampled_from(self.held))
        with self.queue._database.write() as connection:
            connection.execute(
                "UPDATE attempts SET beat = ? WHERE record_id = ?",
                (time.monotonic() - LEASE_SECONDS - 1, lease.record_id),
            )
        self.recovered(next_worker, [lease])

    # What people do.

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), worker=workers)
    def cancel(self, data: st.DataObject, worker: int) -> None:
        known = self.jobs[job := data.draw(st.sampled_from(list(self.jobs)))]
        row = self.workers[worker]("cancel", job)
        if known.state == "queued":
            known.state, known.paused = "cancelled", False
        known.asked = known.asked or known.state == "running"
        assert (row.state, row.cancel_requested) == (known.state, known.asked)

    @precondition(lambda self: self.in_state("queued"))
    @rule(data=st.data(), worker=workers, before=st.booleans())
    def move(self, data: st.DataObject, worker: int, *, before: bool) -> None:
        job = data.draw(st.sampled_from(self.in_state("queued")))
        first = next(one for one in self.waiting() if self.jobs[one].priority == self.jobs[job].priority)
        other = data.draw(st.sampled_from(self.in_state("queued"))) if before else first
        self.workers[worker]("move", job, other if before else None)
        if other != job:
            self.line.remove(job)
            self.line.insert(self.line.index(other), job)
            self.jobs[job].priority = self.jobs[other].priority

    @precondition(lambda self: self.in_state("queued"))
    @rule(data=st.data(), worker=workers, priority=st.integers(-1, 1), paused=st.booleans())
    def change(self, data: st.DataObject, worker: int, priority: int, *, paused: bool) -> None:
        job = data.draw(st.sampled_from(self.in_state("queued")))
        self.workers[worker]("set_priority", job, priority)
        self.workers[worker]("pause" if paused else "resume", job)
        self.jobs[job].priority, self.jobs[job].paused = priority, paused

    @precondition(lambda self: self.in_state("succeeded", "failed", "cancelled", "invalid_output", "quarantined"))
    @rule(data=st.data(), worker=workers)
    def retry(self, data: st.DataObject, worker: int) -> None:
        ended = self.in_state("succeeded", "failed", "cancelled", "invalid_output", "quarantined")
        old = self.jobs[job := data.draw(st.sampled_from(ended))]
        if len(self.in_state("queued")) >= ROOM:
            with pytest.raises(QueueFull):
                self.workers[worker]("retry", job)
            return
        row = self.workers[worker]("retry", job)
        assert row.retry_of == job
        self.join(row.id, Known(old.seed, priority=old.priority, pin=old.pin))

    @rule(worker=workers, paused=st.booleans())
    def pause_or_resume_all(self, worker: int, *, paused: bool) -> None:
        self.workers[worker]("pause" if paused else "resume")
        self.stopped = paused

    @precondition(lambda self: len(self.in_state("queued")) > 3)
    @rule(worker=workers)
    def clear(self, worker: int) -> None:
        queued = self.in_state("queued")
        assert self.workers[worker]("clear") == len(queued)
        for job in queued:
            self.jobs[job].state, self.jobs[job].paused = "cancelled", False

    # What must hold after each of them.

    @invariant()
    def the_file_agrees(self) -> None:
        rows = {row.id: row for row in self.queue.list(limit=1000)}
        assert {job: (row.state, row.priority, row.paused, row.attempts) for job, row in rows.items()} == {
            job: (known.state, known.priority, known.paused, known.attempts) for job, known in self.jobs.items()
        }
        assert [row.id for row in self.queue.waiting()] == self.waiting()
        counts = self.queue.counts()
        assert counts == {state: len(self.in_state(state)) for state in counts}
        assert self.queue.paused == self.stopped
        running = [job for job in self.jobs if self.jobs[job].state == "running"]
        assert self.queue.cancel_requested(self.jobs) == {job for job in running if self.jobs[job].asked}


pytestmark = pytest.mark.timeout(600)  # the long form takes minutes
TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=400 if "ZIMAGE_LAB_LONG_TESTS" in os.environ else 30,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)
