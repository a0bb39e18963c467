"""The thread that hands jobs to the workers and takes what they send: nothing lost, nothing twice, nobody waited for.

Every job that a worker holds is leased in the home's queue by this engine; its record's id names the delivery. A
worker that dies gives its jobs back to the queue, a picture that arrives a second time finds its lease ended.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import together
from zimage_lab.engine.job import Progress
from zimage_lab.errors import LeaseLost, ZImageError
from zimage_lab.store import inputs
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.cluster.crew import REPORT_SECONDS
from zimage_lab.sweeps.cluster.keeping import keep
from zimage_lab.sweeps.cluster.messages import Begun, Ended, Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.store.leases import Lease
    from zimage_lab.store.queue import Queue
    from zimage_lab.sweeps.cluster.crew import Call, Crew
    from zimage_lab.sweeps.cluster.hand import Hand
    from zimage_lab.sweeps.cluster.messages import Message

LOG = logging.getLogger(__name__)

TURN_SECONDS = 0.1
"""Longest wait for the workers before the queue is looked at again."""

OBEY_SECONDS = 0.2
"""Seconds between two looks at who was cancelled or paused in another process."""

STOP_SECONDS = 5.0
UNSAVED = 32
"""Most pictures that wait to be written before no further work is handed out."""


class Conductor(threading.Thread):
    """Hands out jobs.

    Parameters
    ----------
    engine_id, home, queue
        Under which name jobs are leased, and where.
    crew
        The workers.
    heard
        Called with a job's row and what a worker tells of it.
    look
        Called after each change of the queue.
    left
        Tells how many jobs wait, and how many have not ended.
    gave_up
        Called with the reason where there is no worker any more.
    """

    def __init__(
        self,
        engine_id: str,
        home: Path,
        queue: Queue,
        crew: Crew,
        *,
        heard: Callable[[str, Message], None],
        look: Callable[[], None],
        left: Callable[[], tuple[int, int]],
        gave_up: Callable[[str], None],
    ) -> None:
        super().__init__(name="zimage-lab-cluster", daemon=True)
        self._engine_id, self._home, self._queue, self._crew = engine_id, home, queue, crew
        self._heard, self._look, self._left, self._gave_up = heard, look, left, gave_up
        self._saving: dict[str, Lease] = {}
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="zimage-lab-saver")
        self._sweeps = Sweeps(home)
        self._batch, self._obeyed = 1, 0.0
        self._idle_since: float | None = time.monotonic()
        self.stopping = False

    @property
    def leases(self) -> list[Lease]:
        """What the workers hold, and what is being saved."""
        held = [lease for hand in self._crew.hands for lease in list(hand.leases.values())]
        return held + list(self._saving.values())

    @property
    def idle_since(self) -> float | None:
        """Since when nothing is to do; None while a job has not ended, a paused one too."""
        if self.leases or self._left()[1]:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        return self._idle_since

    def wake(self) -> None:
        """Say that there is something to do; it is seen within a turn."""

    def abandon(self, lease: Lease) -> None:
        """Stop what was begun under a lease that is lost."""
        self.cancel([lease.job.id])

    def cancel(self, job_ids: list[str]) -> None:
        """Have the workers stop these jobs at their next step; from any thread, and any number of times."""
        for hand in self._crew.hands:
            wanted = [one for one, lease in list(hand.leases.items()) if lease.job.id in job_ids]
            if wanted:
                hand.actor.cancel.remote(wanted)

    def run(self) -> None:
        """Hand out jobs until it shall stop."""
        while not self.stopping:
            try:
                self._turn()
            except Exception:
                LOG.exception("The workers could not be served, and are served again")
                time.sleep(TURN_SECONDS)
        held = [lease for hand in self._crew.hands for lease in hand.leases.values()]
        self._crew.close(STOP_SECONDS)
        self._saver.shutdown()
        for lease in held:
            self._back(lease, lambda one: self._queue.release(one, paused=False))
        self._sweeps.close()

    def _turn(self) -> None:
        self._crew.tend()
        if time.monotonic() - self._obeyed >= OBEY_SECONDS:
            self._obeyed = time.monotonic()
            self._obey()
        if not self.stopping:
            self._fill()
            self._even_out()
        for call, given, error in self._crew.wait(TURN_SECONDS):
            if call.hand.state == "lost":
                continue
            if error is not None:
                self._lost(call.hand, error)
            else:
                self._answered(call, given)
        if self._crew.hopeless is not None:
            self._gave_up(self._crew.hopeless)

    def _answered(self, call: Call, given: Any) -> None:  # noqa: ANN401 - what each method gives
        if call.what == "hello":
            self._crew.greeted(call.hand, given)
        elif call.what == "report":
            for message in given:
                self._take(call.hand, message)
            self._crew.call(call.hand, "report", REPORT_SECONDS)
        elif call.what == "withdraw":
            self._returned(call.hand, given)

    def _fill(self) -> None:
        """Give every worker a little more than it draws, and none more than its share of what is left."""
        while len(self._saving) < UNSAVED:
            hands = self._crew.ready
            if not hands:
                return
            hand = min(hands, key=lambda one: len(one.leases))
            share = -(-(self._left()[0] + sum(len(one.leases) for one in hands)) // len(hands))
            room = min(self._batch, share, self._crew.ahead * self._batch - len(hand.leases))
            leases: list[Lease] = []
            while len(leases) < room:
                lease = self._queue.lease(self._engine_id, shared=False)
                if lease is None:
                    break
                leases.append(lease)
                self._batch = together.most(lease.job.request, hand.device.partition(":")[0])
            if not leases:
                return
            self._hand(hand, leases)

    def _hand(self, hand: Hand, leases: list[Lease]) -> None:
        pictures: dict[str, bytes] = {}
        for lease in leases:
            for field, digest in inputs.named(lease.job.request):
                if digest not in hand.pictures:
                    pictures[digest] = inputs.path(digest, self._home, field).read_bytes()
        hand.leases |= {lease.record_id: lease for lease in leases}
        hand.pictures |= set(pictures)
        self._crew.call(hand, "take", leases, pictures)
        self._look()

    def _even_out(self) -> None:
        """Where one worker has nothing to do and nothing waits, take back what a slower one has not begun."""
        hands = self._crew.ready
        if len(hands) == 1 or all(hand.leases for hand in hands) or any(hand.asked_back for hand in hands):
            return
        slow = max(hands, key=lambda hand: len(hand.waiting))
        if slow.begun and slow.waiting:
            self._ask_back(slow, slow.waiting[len(slow.waiting) // 2 :])

    def _ask_back(self, hand: Hand, record_ids: list[str]) -> None:
        if record_ids:
            hand.asked_back |= set(record_ids)
            self._crew.call(hand, "withdraw", record_ids)

    def _obey(self) -> None:
        """See who was cancelled or paused, here or in another process."""
        held = {lease.job.id: lease for hand in self._crew.hands for lease in hand.leases.values()}
        if not held:
            return
        cancelled = self._queue.cancel_requested(list(held))
        if cancelled:
            self.cancel(list(cancelled))
        parents = {lease.job.parent_id for lease in held.values()} - {None}
        paused = {parent for parent in parents if self._sweeps.wished(str(parent)) == "pause"}
        whole = self._queue.paused
        for hand in self._crew.hands:
            back = [one for one in hand.waiting if whole or hand.leases[one].job.parent_id in paused]
            self._ask_back(hand, back)

    def _take(self, hand: Hand, message: Message) -> None:
        """Take what a worker tells; of a delivery that it does not hold any more, nothing."""
        lease = hand.leases.get(message.record_id)
        if lease is None:
            return
        if isinstance(message, Begun):
            hand.begun[message.record_id] = None
        elif isinstance(message, Step):
            progress = Progress(message.stage, message.step, message.steps, message.seconds_left)
            hand.begun[message.record_id] = progress
        if not isinstance(message, Ended):
            self._heard(lease.job.id, message)
            return
        self._saving[message.record_id] = lease
        hand.drop(message.record_id)
        if message.state == "succeeded":
            hand.made()
        self._saver.submit(self._save, lease, message)

    def _save(self, lease: Lease, ended: Ended) -> None:
        try:
            keep(self._queue, self._home, lease, ended)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
        except Exception:
            LOG.exception("The end of job %s could not be written", lease.job.id)
        finally:
            self._saving.pop(lease.record_id, None)
            self._look()

    def _returned(self, hand: Hand, record_ids: list[str]) -> None:
        for record_id in record_ids:
            lease = hand.drop(record_id)
            if lease is not None:
                self._back(lease, self._queue.withdraw)
        hand.asked_back.clear()  # the others were begun meanwhile
        self._look()

    def _lost(self, hand: Hand, error: Exception) -> None:
        """Hand on what a dead worker held: an attempt at what it drew, nothing at all at the rest."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # Ray goes on with what may have been the cause; its first sentence is enough for a line.
        reason = lines[-1].partition(". ")[0] if lines else type(error).__name__
        LOG.warning("The worker %s is lost: %s", hand.name, reason)
        begun = set(hand.begun) or set(hand.leases)  # it may have died before it could say which
        leases = dict(hand.leases)
        hand.leases = {}
        self._crew.lose(hand, reason)
        for record_id, lease in leases.items():
            if record_id in begun:
                self._back(lease, lambda one: self._queue.interrupted(one, f"The worker {hand.name} is gone."))
            else:
                self._back(lease, self._queue.withdraw)
        self._look()

    def _back(self, lease: Lease, give: Callable[[Lease], Any]) -> None:
        try:
            give(lease)
        except LeaseLost as lost:
            LOG.info("%s", lost)
        except ZImageError:
            LOG.exception("Job %s could not be given back; its lease will run out", lease.job.id)
