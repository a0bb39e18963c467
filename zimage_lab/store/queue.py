"""The durable queue: a job that was accepted is in the file, and a job whose engine died comes back.

A job's state moves queued -> running -> succeeded | failed | cancelled | invalid_output; an attempt whose engine died
is ``interrupted`` and its job queued again, three deaths in all, then quarantined: a job that kills its engine must
not kill every engine after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.errors import LeaseLost
from zimage_lab.store import jobs, leases, order, recovery
from zimage_lab.store.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Unpack

    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.jobs import JobRow, JobRows
    from zimage_lab.store.leases import Lease
    from zimage_lab.store.order import Options


class Queue(Steering):
    """The jobs of one home folder.

    Parameters
    ----------
    home
        The home folder; its settings bound the queue.
    """

    _swept = False

    def put(self, request: GenerationRequest, **options: Unpack[Options]) -> JobRow:
        """Take a job in; when this returns, it is on the disk.

        Parameters
        ----------
        request
            What to draw.
        key
            Names one click: the same key again gives the first job and queues nothing.
        priority
            Higher goes first, -1000..1000; equal ones go in the order they came.
        parent_id
            UUID of the batch or sweep that it belongs to.
        name, source, user
            What to call it, which face it came from, and who asked.
        paused
            Whether it waits until it is resumed.
        engine
            The only engine, by its id, or device ("cuda:1") that may take it.
        retry_of
            The job that it repeats.

        Raises
        ------
        InvalidRequest
            When the key was used for another request, or an option is wrong.
        QueueFull
            When too many wait.
        """
        wishes = order.checked(options)
        with self._database.write() as connection:
            return order.add(connection, request, wishes, self._limits)

    def put_many(self, wanted: Iterable[tuple[GenerationRequest, Options]]) -> JobRows:
        """Take in many jobs, each with the options of `put`: all of them or, on an error, none."""
        checked = [(request, order.checked(options)) for request, options in wanted]
        with self._database.write() as connection:
            return [order.add(connection, request, wishes, self._limits) for request, wishes in checked]

    def waits(self, engine_id: str, pins: tuple[str, ...] = (), *, shared: bool = True) -> bool:
        """Whether `lease` would give a job."""
        with self._database.read() as connection:
            return leases.first_waiting(connection, (engine_id, *pins), shared=shared) is not None

    def lease(
        self,
        engine_id: str,
        pins: tuple[str, ...] = (),
        *,
        shared: bool = True,
        fits: Callable[[JobRow], bool] | None = None,
    ) -> Lease | None:
        """Give an engine the next job and open an attempt of it: highest priority first, then in order.

        Parameters
        ----------
        engine_id
            The engine that will run it; jobs pinned to this id are its own.
        pins
            What else it answers to, such as its device.
        shared
            Whether it takes jobs that are pinned to nobody.
        fits
            Asked of the next job; where it says no, nothing is taken, and no other job is looked at.

        Returns
        -------
        Lease or None
            None when nothing waits for it, the next one does not fit, or the queue is paused.
        """
        if not self.waits(engine_id, pins, shared=shared):  # an idle engine asks often: no write lock for nothing
            return None
        with self._database.write() as connection:
            job_id = leases.first_waiting(connection, (engine_id, *pins), shared=shared)
            if job_id is None or (fits is not None and not fits(jobs.find(connection, job_id))):
                return None
            return leases.begin(connection, job_id, engine_id)

    def heartbeat(self, lease: Lease) -> bool:
        """Say that the engine is still at it; False when the lease was lost."""
        with self._database.write() as connection:
            return leases.beat(connection, lease)

    def finish(
        self,
        lease: Lease,
        state: str,
        error: str | None = None,
        record: RunRecord | None = None,
        others: Sequence[RunRecord] = (),
    ) -> JobRow:
        """End a job: its attempt, its state, its record and the event, in one transaction.

        Parameters
        ----------
        lease
            The lease under which it ran.
        state
            succeeded, failed, cancelled or invalid_output.
        error
            The sentence that says why there is no picture.
        record
            The run record, bearing the lease's `record_id`; a minimal one is made where there is no picture.
        others
            Records of further pictures of the same job, as a workflow makes them.

        Raises
        ------
        LeaseLost
            When the job is not this engine's any more: nothing is written, and its picture is removed.
        """
        try:
            with self._database.write() as connection:
                return leases.finish(connection, lease, state, error, record, others)
        except LeaseLost:
            for record_id in (lease.record_id, *(other.id for other in others)):
                leases.remove_picture(self.home, record_id)
            raise

    def release(self, lease: Lease, *, paused: bool = True, reason: str = "Its engine was stopped.") -> JobRow:
        """Put a running job back, its attempt interrupted: for an engine that stops in the middle on purpose.

        Raises
        ------
        LeaseLost
            When the job is not this engine's any more.
        """
        with self._database.write() as connection:
            return leases.release(connection, lease, paused=paused, reason=reason)

    def withdraw(self, lease: Lease) -> JobRow:
        """Put back a job that the engine holds and has not begun; it leaves no trace, unlike `release`.

        Raises
        ------
        LeaseLost
            When the job is not this engine's any more.
        """
        with self._database.write() as connection:
            return leases.withdraw(connection, lease)

    def interrupted(self, lease: Lease, reason: str) -> JobRow:
        """Say that what drew a job is dead: it is queued again, or quarantined, as `recover` does for whole engines.

        Raises
        ------
        LeaseLost
            When the job is not this engine's any more.
        """
        with self._database.write() as connection:
            leases.held(connection, lease)
            return recovery.interrupt(connection, self.home, lease.job.id, reason)

    def recover(self) -> JobRows:
        """Find the jobs whose engine is dead or silent; mark those attempts interrupted and queue the jobs again.

        A job that was to be cancelled is cancelled; one that took three engines down is quarantined. Jobs that only
        an engine could take which is gone may then be taken by any.

        Returns
        -------
        list of JobRow
            The jobs that were found, as they are now.
        """
        with self._database.read() as connection:
            if not self._swept:
                recovery.sweep(connection, self.home)
                self._swept = True
            if not recovery.overdue(connection) and not recovery.unheard_pins(connection):
                return []
        with self._database.write() as connection:
            recovery.unpin(connection)
            return [
                recovery.interrupt(connection, self.home, job_id, reason)
                for job_id, reason in recovery.overdue(connection)
            ]
