"""The engine: one thread that holds the models of a device and makes every picture asked for there."""

from __future__ import annotations

from zimage_lab.engine.door import engines, load
from zimage_lab.engine.engine import Engine
from zimage_lab.engine.events import Event, Events
from zimage_lab.engine.job import Job, Progress
from zimage_lab.engine.remote import RemoteEngine

__all__ = ["Engine", "Event", "Events", "Job", "Progress", "RemoteEngine", "engines", "load"]
