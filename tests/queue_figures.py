"""Prints what the queue costs: `python tests/queue_figures.py [FOLDER]`, milliseconds a call with few and many jobs.

Wall time holds the waits for the disk (each call that changes something is on it before it returns); CPU time does not.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from samples import record

from zimage_lab.store.queue import Queue
from zimage_lab.store.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 100


def measured(call: Callable[[], object]) -> str:
    """Give wall and CPU milliseconds of one call, the mean of many."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(CALLS):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{wall / CALLS * 1000:8.2f} {cpu / CALLS * 1000:8.2f}"


def figures(queue: Queue) -> None:
    """Print the costs of a queue as it is."""
    request = record().request

    def whole() -> None:
        queue.put(request)
        lease = queue.lease("engine")
        assert lease is not None
        done = record(id=lease.record_id, job_id=lease.job.id)
        queue.finish(lease, "succeeded", None, done)

    held = queue.lease("engine")
    assert held is not None
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: queue.put(request),
        "put with a key": lambda: queue.put(request, key="the same"),
        "lease": lambda: queue.lease("engine"),
        "heartbeat": lambda: queue.heartbeat(held),
        "put + lease + finish": whole,
        "waits": lambda: queue.waits("engine"),
        "counts": queue.counts,
        "list": lambda: queue.list(limit=20),
    }
    for name, call in calls.items():
        print(f"{name:24}{measured(call)}")


def main(folder: Path) -> None:
    """Print everything."""
    request = record().request
    with Queue(folder) as queue:
        for number in (CALLS + 10, 10_000):
            queue.put_many((request, {}) for _ in range(number - queue.counts()["queued"]))
            print(f"\n{queue.counts()['queued']} jobs wait         wall ms   CPU ms")
            figures(queue)
        began = time.perf_counter()
        print(f"\nclear: {queue.clear()} jobs in {time.perf_counter() - began:.1f} s")
    with Watch(folder, lambda: None):
        cpu = time.process_time()
        time.sleep(5)
        print(f"watch, idle: {(time.process_time() - cpu) / 5 * 100:.2f} % of a core")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        main(Path(made))
