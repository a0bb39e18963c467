"""A process that does with a queue what it is told over a pipe, so that a test can drive several of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from forked import context

from zimage_lab.errors import ZImageError
from zimage_lab.store import jobs, leases, order
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


def serve(orders: Connection, home: Path, clock: int) -> None:
    """Call methods of a queue and answer with what they give or raise; the wall clock shows another year."""

    def now() -> str:
        moment = datetime.fromisoformat("2000-01-01T00:00:00.000000+00:00").replace(year=clock)
        return moment.isoformat(timespec="microseconds")

    for module in (jobs, leases, order):
        module.now = now  # type: ignore[attr-defined]
    with Queue(home) as queue:
        while True:
            name, args, options = orders.recv()
            try:
                orders.send(getattr(queue, name)(*args, **options))
            except ZImageError as error:
                orders.send(error)


class Worker:
    """Such a process, as a test holds it: each of its methods is one of the queue's."""

    def __init__(self, home: Path, clock: int) -> None:
        self._orders, theirs = context().Pipe()
        self._process = context().Process(target=serve, args=(theirs, home, clock), daemon=True)
        self._process.start()
        theirs.close()

    def __call__(self, name: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Call a method of the worker's queue."""
        self._orders.send((name, args, options))
        answer = self._orders.recv()
        if isinstance(answer, ZImageError):
            raise answer
        return answer

    def kill(self) -> None:
        """Kill -9."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._orders.close()
