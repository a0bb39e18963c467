"""Who makes a sweep, where somebody named it: to the sweep, many GPUs are one engine like any other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from zimage_lab.sweeps.cluster import Engines, Ray, agreement, machine
from zimage_lab.sweeps.cluster.options import read

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine.desk import Desk
    from zimage_lab.sweeps.cluster.engine import ClusterEngine
    from zimage_lab.sweeps.grid import Grid

_known: dict[tuple[str, Ray], ClusterEngine] = {}
_lock = threading.Lock()


def engine(executor: object, home: Path, grid: Grid) -> Desk:
    """Give the engine of an executor: workers that are there already, or new ones.

    Parameters
    ----------
    executor
        "ray", "ray://host:10001", "host:6379", "engines", or an object `Ray` or `Engines`.
    home
        The home folder of who asks.
    grid
        What is to be made.

    Raises
    ------
    InvalidRequest
        It is no executor, ray is not installed, nothing answers, or a worker differs; no work was begun.
    ZImageError
        No worker came.
    """
    options = read(executor)
    if isinstance(options, Engines):
        return machine.engines(options, home)
    from zimage_lab.sweeps.cluster.engine import ClusterEngine

    with _lock:
        found = _known.get((str(home), options))
        if found is not None and not found.stopped:
            found.agree(agreement.needs(grid))
            return found
        made = ClusterEngine(home, options)
        try:
            made.agree(agreement.needs(grid))
        except BaseException:
            made.stop()
            raise
        _known[str(home), options] = made
        return made


def stop() -> None:
    """End all workers that this process began; without it they end after an idle time, or with the process."""
    with _lock:
        for made in _known.values():
            made.stop()
        _known.clear()
