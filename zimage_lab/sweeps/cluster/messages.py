"""What a worker tells: that it began, how far it is, how it looks, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from zimage_lab.engine.job import Stage
    from zimage_lab.recipe import RunRecord
    from zimage_lab.sweeps.cluster.agreement import Facts


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who a worker is and what it has; `device` as its machine names it."""

    host: str
    pid: int
    device: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Begun:
    """A job was begun; it is known by the record that its attempt will have."""

    record_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is."""

    record_id: str
    stage: Stage
    step: int
    steps: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Preview:
    """How a picture looks so far, as JPEG bytes."""

    record_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended; with the bytes of its PNG, which bears its recipe inside, where there is a picture."""

    record_id: str
    state: str
    error: str | None
    record: RunRecord | None
    data: bytes = b""


Message: TypeAlias = Begun | Step | Preview | Ended
