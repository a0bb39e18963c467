"""A process to be killed in the middle of a sweep: an engine of its own with plain pictures, and whoever resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stub_engine import StubEngine

from zimage_lab import sweeps

if TYPE_CHECKING:
    from pathlib import Path

NAME = "killed"
AXES = {"steps": [4, 5, 6], "seeds": range(60), "prompt_replace": {"cat": ["dog"]}}


def sweeper(home: Path) -> None:
    """Begin the sweep, or go on with it, as a notebook does that is run again from its beginning."""
    engine = StubEngine(home)
    sweeps.start(engine, "a red cat", name=NAME, **AXES).wait()
    engine.stop()
