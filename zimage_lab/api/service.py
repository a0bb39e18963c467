"""What all handlers of a server share: the home's stores, the way into the queue, and what is heard of it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.api.bridge import Bridge, Heard
from zimage_lab.api.going import Going
from zimage_lab.api.intake import Intake
from zimage_lab.api.limits import WAITING, Rates
from zimage_lab.api.tokens import Tokens
from zimage_lab.errors import ZImageError
from zimage_lab.store.names import Names
from zimage_lab.store.prompts import Prompts
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zimage_lab.api.identity import Identity
    from zimage_lab.engine.desk import Desk
    from zimage_lab.store.jobs import JobRow

LOG = logging.getLogger(__name__)
WORKERS = 4
ENSURE_SECONDS = 1.0  # between two looks at whether somebody draws

P = ParamSpec("P")
T = TypeVar("T")


class Service:
    """The home, as a server sees it.

    Parameters
    ----------
    home
        The home folder.
    engines
        "start" one where jobs wait and none runs, or only "attach" to those that do.
    """

    def __init__(self, home: Path, *, engines: Literal["start", "attach"] = "start") -> None:
        self.home, self._engines = home, engines
        self.started = time.monotonic()
        self.tokens = Tokens(home)
        self.prompts = Prompts(home)
        self.reading = Prompts(home)  # for short questions on the loop, which no commit holds up
        self.records, self.names = Records(home), Names(home)
        self.rates, self.sweeps = Rates(), Going()
        self.intake = Intake(Prompts(home))
        self._pool = ThreadPoolExecutor(WORKERS, "zimage-lab-api")
        self._bridge: Bridge | None = None
        self._desk: Desk | None = None
        self._desk_lock = threading.Lock()
        self._ensured = 0.0

    @property
    def bridge(self) -> Bridge:
        """What is heard of the home, from the first use on."""
        if self._bridge is None:
            self._bridge = Bridge(self.home, asyncio.get_running_loop(), self._ensure)
        return self._bridge

    async def off(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call what may wait for the disk away from the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **options))

    def submit(self, function: Callable[P, object], *args: P.args, **options: P.kwargs) -> None:
        """Have something done away from the loop that nobody waits for."""
        self._pool.submit(partial(function, *args, **options))

    @property
    def default_model(self) -> str:
        """The model of requests that name none."""
        return homes.settings(self.home).model or models.DEFAULT_MODEL

    def desk(self) -> Desk:
        """Attach to the engine of the home; not on the loop."""
        from zimage_lab.engine import load

        with self._desk_lock:
            if self._desk is None or self._desk.stopped:
                self._desk = load(home=self.home, independent=True, warm=False)
            return self._desk

    def waiting_limit(self, identity: Identity) -> int | None:
        """Give the most jobs of an identity that may wait."""
        if identity.token is None:
            return None
        return WAITING if identity.token.waiting is None else identity.token.waiting

    def job(self, job_id: str, identity: Identity) -> JobRow | None:
        """Give a job that the identity may see; None for any other."""
        try:
            row = self.reading.get(job_id)
        except ZImageError:
            return None
        mine = identity.owns(row.user) or (row.parent_id in self.reading.parents(identity.owner))
        return row if mine else None

    async def finished(self, job_ids: Sequence[str]) -> list[JobRow]:
        """Wait until jobs have ended; gives them."""
        open_ids, ring = set(job_ids), asyncio.Event()

        def hear(heard: Heard) -> None:
            if heard.kind == "state" and heard.job in open_ids:
                ring.set()

        end = self.bridge.subscribe(hear)
        try:
            while True:
                rows = [self.reading.get(job_id) for job_id in job_ids]
                if all(row.done for row in rows):
                    return rows
                await ring.wait()
                ring.clear()
        finally:
            end()

    def close(self) -> None:
        """Let go of everything; jobs and engines go on."""
        if self._bridge is not None:
            self._bridge.close()
        self.intake.close()
        self._pool.shutdown(wait=True)
        with self._desk_lock:
            # An engine of this very process is its owner's to stop.
            if self._desk is not None and type(self._desk).__name__ == "RemoteEngine":
                self._desk.stop()
        for store in (self.tokens, self.prompts, self.reading, self.records, self.names):
            store.close()

    def _ensure(self) -> None:
        """See to it that somebody draws what waits; on the watch's thread."""
        now = time.monotonic()
        if self._engines == "attach" or now - self._ensured < ENSURE_SECONDS:
            return
        self._ensured = now
        counts = self.reading.counts()
        if counts["running"] or (counts["queued"] and not self.reading.paused):
            desk: Any = self.desk()
            if hasattr(desk, "ensure"):  # an engine of this process needs none
                desk.ensure()
