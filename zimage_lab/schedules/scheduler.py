"""The process that keeps to the schedules: one a home, filled from the table, at ease with being stopped or killed.

A due time is dealt with once: as a run, as one that was skipped because the one before still ran, or, where nobody was
there, as missed. The table says which, whatever happens to this process.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from zimage_lab.errors import ZImageError
from zimage_lab.home import RUN
from zimage_lab.schedules.command import filled
from zimage_lab.schedules.cron import COUNTED
from zimage_lab.schedules.process import STOP_SECONDS, Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from zimage_lab.schedules.table import Run, Schedule, Schedules

LOG = logging.getLogger(__name__)

LOCK = "scheduler.lock"
LOCK_SECONDS = 2.0
"""How long a start waits: whoever lists schedules holds the lock for a moment, to see whether it is free."""

LOOK = 1.0
"""Seconds between two looks at the table."""

ACCOUNT = 60.0
"""Seconds between two accounts of what was due."""

GRACE = 55
"""Seconds by which a run may begin late (the machine was busy); later it is missed. Less than a minute, the grain of
cron, so that the minute in which a run begins is the one for which it was due."""


class Busy(ZImageError):  # noqa: N818 - it says what is the case
    """Another scheduler of this home runs."""


class Scheduler:
    """Runs what is due.

    Parameters
    ----------
    schedules
        The table; its clock is the scheduler's.
    tell
        Told, in a sentence, of what happens.

    Raises
    ------
    Busy
        When another one is at work.
    """

    def __init__(self, schedules: Schedules, tell: Callable[[str], None] = LOG.info) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        self._table, self._tell = schedules, tell
        self._lock = FileLock(lock_path(schedules.home), timeout=LOCK_SECONDS, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            message = "A scheduler of this home is at work already. One is enough for all schedules."
            raise Busy(message) from None
        self._known: dict[int, tuple[str, str]] = {}
        self._runs: dict[int, tuple[Process, threading.Thread]] = {}
        self._runs_lock = threading.Lock()
        self._closing = False
        self._accounted = schedules.clock()
        # Without a store of its own: APScheduler's persistent ones pickle, and ours is the table.
        self._clockwork = BackgroundScheduler(
            timezone=UTC,
            daemon=True,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE},
        )

    def start(self) -> None:
        """Account for the time in which no scheduler ran, and begin."""
        lost = self._table.interrupted()
        if lost:
            self._tell(f"{_runs(lost)} of a scheduler that was killed: how it ended is not known.")
        self._account(self._table.clock())
        self._clockwork.start()
        self.look()

    def serve(self, stop: threading.Event) -> None:
        """Work until the event is set."""
        self.start()
        try:
            while not stop.wait(LOOK):
                self.look()
        finally:
            self.close()

    def look(self) -> None:
        """Follow changes of the table, and account for what was due a while ago."""
        try:
            wanted = {one.id: one for one in self._table.list() if not one.paused}
            for gone in [known for known in self._known if known not in wanted]:
                self._clockwork.remove_job(str(gone))
                del self._known[gone]
            for one in wanted.values():
                self._plan(one)
            at = self._table.clock()
            if abs(at - self._accounted) >= ACCOUNT:
                self._accounted = at
                self._account(at - 2 * GRACE)
        except ZImageError as error:  # a locked file, a full disk: the next look may be luckier
            LOG.warning("The schedules cannot be read now: %s", error)

    def fire(self, schedule_id: int) -> Run | None:
        """Begin the run that is due in this minute; gives its line, or None where it was dealt with."""
        at = self._table.clock()
        due = at - at % 60
        try:
            one = self._table.get(schedule_id)
            if one.paused or self._closing:
                return None
            run = self._table.begin(one.id, due)
        except ZImageError as error:
            LOG.warning("Schedule %d cannot run now: %s", schedule_id, error)
            return None
        if run is None or run.state == "skipped":
            if run is not None:
                self._tell(f"Schedule {one.id} was due and is skipped: the run before it has not ended.")
            return run
        local = datetime.fromtimestamp(due, UTC).astimezone(zone_of(one))
        process = Process(filled(one.command, local), self._table.home, one.folder, f"schedule-run-{run.id}")
        thread = threading.Thread(target=self._run, args=(one, run, process), name=f"zimage-lab-run-{run.id}")
        with self._runs_lock:
            self._runs[run.id] = (process, thread)
        self._tell(f"Schedule {one.id} begins: {' '.join(one.command[:2])} ...")
        thread.start()
        return run

    def close(self, timeout: float = STOP_SECONDS + 5) -> None:
        """Begin nothing more, ask what runs to end, wait for it, and let the lock go."""
        self._closing = True
        if self._clockwork.running:
            self._clockwork.shutdown(wait=False)
        with self._runs_lock:
            left = list(self._runs.values())
        for process, _ in left:
            process.stop()
        for _, thread in left:
            thread.join(timeout)
        self._account(self._table.clock())
        self._lock.release()

    def hurry(self) -> None:
        """End what runs at once."""
        with self._runs_lock:
            left = list(self._runs.values())
        for process, _ in left:
            process.kill()

    def next_run(self, schedule_id: int) -> datetime | None:
        """Give when the clockwork means to run a schedule next."""
        job: Any = self._clockwork.get_job(str(schedule_id))
        return None if job is None else job.next_run_time

    def _plan(self, one: Schedule) -> None:
        key = (one.cron, one.zone)
        if self._known.get(one.id) != key:
            self._clockwork.add_job(self.fire, one.times.trigger, args=[one.id], id=str(one.id), replace_existing=True)
            self._known[one.id] = key

    def _run(self, one: Schedule, run: Run, process: Process) -> None:
        try:
            outcome = process.run()
            self._table.end(run, outcome.state, exit_code=outcome.exit_code, error=outcome.error, output=outcome.output)
            why = f": {outcome.error}" if outcome.error else "."
            self._tell(f"Schedule {one.id} {outcome.state}{why}")
        except Exception:
            LOG.exception("The run %d of schedule %d could not be written down", run.id, one.id)
        finally:
            with self._runs_lock:
                self._runs.pop(run.id, None)

    def _account(self, until: float) -> None:
        for missed in self._table.account(until):
            at = datetime.fromtimestamp(missed.due, UTC).astimezone()
            count = f"at least {missed.times} runs" if missed.times >= COUNTED else _runs(missed.times)
            self._tell(f"Schedule {missed.schedule_id} missed {count}, the last at {at:%Y-%m-%d %H:%M}.")


def zone_of(one: Schedule) -> ZoneInfo:
    """Give the time zone that a schedule means."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(one.zone)


def lock_path(home: Path) -> Path:
    """Give the file whose lock a scheduler holds."""
    return home / RUN / LOCK


def is_running(home: Path) -> bool:
    """Say whether a scheduler of the home is at work."""
    lock = FileLock(lock_path(home), timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
