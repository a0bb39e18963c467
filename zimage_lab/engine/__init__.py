"""The engine: one thread that holds the models of a device and makes every picture asked for there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab import lazy

if TYPE_CHECKING:
    from zimage_lab.engine.door import engines, load
    from zimage_lab.engine.engine import Engine
    from zimage_lab.engine.events import Event, Events
    from zimage_lab.engine.job import Job, Progress
    from zimage_lab.engine.remote import RemoteEngine

__all__ = ["Engine", "Event", "Events", "Job", "Progress", "RemoteEngine", "engines", "load"]

_HOMES = {
    "Engine": "engine",
    "Event": "events",
    "Events": "events",
    "Job": "job",
    "Progress": "job",
    "RemoteEngine": "remote",
    "engines": "door",
    "load": "door",
}

__getattr__, __dir__ = lazy.names(__name__, _HOMES)
