"""The engine: one thread that holds a model and makes every picture of this process."""

from __future__ import annotations

from zimage_lab.engine.engine import Engine, engines, load
from zimage_lab.engine.events import Event, Events
from zimage_lab.engine.job import Job, Progress

__all__ = ["Engine", "Event", "Events", "Job", "Progress", "engines", "load"]
