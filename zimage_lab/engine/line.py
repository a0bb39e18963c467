"""What an engine's thread asks of the line of jobs: the queue of a home, or what another machine was handed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease


class Line(Protocol):
    """Where jobs come from and where their ends go; the methods are those of `Queue`."""

    def lease(
        self,
        engine_id: str,
        pins: tuple[str, ...] = (),
        *,
        shared: bool = True,
        fits: Callable[[JobRow], bool] | None = None,
    ) -> Lease | None:
        """Give the next job, or None."""

    def get(self, job_id: str) -> JobRow:
        """Give a job as it is now."""

    def cancel_requested(self, job_ids: Iterable[str]) -> set[str]:
        """Say which of these somebody wants to stop."""

    def finish(
        self,
        lease: Lease,
        state: str,
        error: str | None = None,
        record: RunRecord | None = None,
        others: Sequence[RunRecord] = (),
    ) -> JobRow:
        """Take the end of a job."""

    def release(self, lease: Lease, *, paused: bool = True, reason: str = "") -> JobRow:
        """Take a job back whose engine stops."""


class Holder(Protocol):
    """Who holds leases that must be kept alive: an engine's thread, or who hands jobs to other machines."""

    @property
    def leases(self) -> list[Lease]:
        """The leases."""

    @property
    def idle_since(self) -> float | None:
        """Since when, by the monotonic clock, nothing is to do; None while something is."""

    def abandon(self, lease: Lease) -> None:
        """Stop what was begun under a lease that is lost."""

    def wake(self) -> None:
        """Say that there is something to do."""
