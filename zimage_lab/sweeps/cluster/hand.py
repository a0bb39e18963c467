"""A worker as the asking side knows it: what it holds, what it draws, how quick it is."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.sweeps.cluster.agreement import Facts, Needs

if TYPE_CHECKING:
    from zimage_lab.engine.job import Progress
    from zimage_lab.store.leases import Lease

RATE_SECONDS = 120.0
"""How far back the cells a minute are counted."""

PROMPT = 40
"""Characters of a prompt in a worker's line."""


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker in a line.

    Attributes
    ----------
    name
        Machine and number.
    device
        Where it computes: "cuda:0", "cpu".
    state
        starting, ready, drawing, refused (it differs in something), or lost.
    cells
        Pictures that it made.
    per_minute
        How many a minute lately.
    drawing
        What it draws now, or why it was refused or lost.
    pid
        Its process on its machine; 0 where it is not known yet.
    """

    name: str
    device: str
    state: str
    cells: int = 0
    per_minute: float = 0.0
    drawing: str = ""
    pid: int = 0

    def __str__(self) -> str:
        made = f"{self.cells} cell{'' if self.cells == 1 else 's'}"
        pace = f", {self.per_minute:.1f} a minute" if self.per_minute else ""
        now = f"; {self.drawing}" if self.drawing else ""
        return f"{self.name} ({self.device}), {self.state}: {made}{pace}{now}"


@dataclass(slots=True, eq=False)
class Hand:
    """A worker of the crew; only the conductor's thread changes it.

    Attributes
    ----------
    name, slot
        What it is called, and its place: the node's id and a number there.
    actor
        Ray's handle of its `Replica`.
    state
        starting, ready, refused or lost.
    note
        Why it was refused or lost.
    agreed
        What it was found to have in common with the asking side; None before it was.
    leases
        Jobs that it holds, by their record's id, in the order in which they were handed to it.
    begun
        Those of them that it draws.
    asked_back, cancelled
        Those of them that it was asked to give back or to stop.
    pictures
        Hashes of the pictures to begin with that it has.
    """

    name: str
    slot: tuple[str, int]
    actor: Any
    device: str
    state: str = "starting"
    note: str = ""
    pid: int = 0
    facts: Facts = field(default_factory=Facts)
    agreed: Needs | None = None
    leases: dict[str, Lease] = field(default_factory=dict)
    begun: dict[str, Progress | None] = field(default_factory=dict)
    asked_back: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    cells: int = 0
    ends: deque[float] = field(default_factory=deque)
    since: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> list[str]:
        """Records of the jobs that it holds and, as far as is known, has not begun."""
        return [one for one in self.leases if one not in self.begun and one not in self.asked_back]

    def drop(self, record_id: str) -> Lease | None:
        """Forget a job; None where it holds none of this record."""
        self.begun.pop(record_id, None)
        self.asked_back.discard(record_id)
        self.cancelled.discard(record_id)
        return self.leases.pop(record_id, None)

    def made(self) -> None:
        """Count a picture."""
        self.cells += 1
        self.ends.append(time.monotonic())

    def line(self) -> WorkerLine:
        """Tell of it in a line."""
        now, begun = time.monotonic(), dict(self.begun)
        ends = [end for end in list(self.ends) if now - end <= RATE_SECONDS]
        span = min(RATE_SECONDS, now - self.since)
        drawing = self.note
        first = next((self.leases.get(one) for one in begun), None)
        if first is not None:
            prompt = " ".join(first.job.request.prompt.split())
            prompt = prompt if len(prompt) <= PROMPT else prompt[: PROMPT - 1] + "…"
            step = next((one for one in begun.values() if one is not None), None)
            drawing = prompt if step is None else f"{prompt}, {step.stage} {step.step}/{step.steps}"
            drawing += f" and {len(begun) - 1} more" if len(begun) > 1 else ""
        state = "drawing" if begun and self.state == "ready" else self.state
        per_minute = len(ends) / span * 60 if ends and span > 0 else 0.0
        return WorkerLine(self.name, self.device, state, self.cells, per_minute, drawing, self.pid)
