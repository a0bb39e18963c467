"""Several GPUs of one machine without a cluster: an engine for each, all at the same queue."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from zimage_lab.engine import independent
from zimage_lab.engine.devices import NVIDIA_DEVICES, device_name
from zimage_lab.engine.remote import RemoteEngine
from zimage_lab.store import engines as store
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.cluster.hand import WorkerLine

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.sweeps.cluster.options import Engines

VISIBLE = "CUDA_VISIBLE_DEVICES"

_known: dict[tuple[str, str], RemoteEngine] = {}


def engines(options: Engines, home: Path) -> RemoteEngine:
    """See that every device has its engine, and give the door to all of them: their jobs are pinned to none.

    Parameters
    ----------
    options
        Which devices.
    home
        The home folder, whose queue they share.

    Raises
    ------
    EngineStopped
        One did not start; the message names its log.
    """
    names = [device_name(device) for device in options.devices or gpus() or (None,)]
    with store.Engines(home) as known:
        there = {row.device for row in known.living() if row.shared}
    missing = [name for name in dict.fromkeys(names) if name not in there]
    if missing:
        with ThreadPoolExecutor(len(missing)) as pool:
            list(pool.map(partial(independent.start, home), missing))
    found = _known.get((str(home), names[0]))
    if found is None or found.stopped:
        found = _known[str(home), names[0]] = RemoteEngine(home, model=None, device=names[0], pin=None)
    return found


def gpus() -> list[str]:
    """List the GPUs of this machine that may be used, without torch."""
    if device_name(None) != "cuda:0":
        return []
    visible = os.environ.get(VISIBLE)
    count = len(list(NVIDIA_DEVICES.iterdir())) if visible is None else len([one for one in visible.split(",") if one])
    return [f"cuda:{number}" for number in range(count)]


def lines(home: Path, sweep_id: str) -> list[WorkerLine]:
    """Give a line for each engine of the home that drew cells of a sweep or may do so."""
    with Sweeps(home) as sweeps, store.Engines(home) as known:
        made = sweeps.made_by(sweep_id)
        living = {row.id: row for row in known.living()}
    found = []
    for engine_id in dict.fromkeys([*living, *made]):
        row = living.get(engine_id)
        if row is not None and not row.shared and engine_id not in made:
            continue  # somebody's own, which takes no job of others
        state = "lost" if row is None else "drawing" if row.running else "ready"
        cells, seconds = made.get(engine_id, (0, 0.0))
        pace = 60 * cells / seconds if seconds > 0 else 0.0
        device = "gone" if row is None else row.device
        found.append(WorkerLine(engine_id[:8], device, state, cells, pace, "", 0 if row is None else row.pid))
    return found
