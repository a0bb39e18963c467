"""Pictures that stop forming until a test lets them go on: how a test looks at a run for as long as it likes.

A startup file of IPython puts a gate behind one step of the kernel's real engine. It costs no time while nobody holds
it, and a test never has to guess how fast the machine is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Lab

STEP = 3
"""The step after which a held picture stops."""

STARTUP = f"""
import time
from pathlib import Path

from zimage_lab.engine.attempt import Attempt

_whole = Attempt.on_step


def _held(self, number, latents):
    _whole(self, number, latents)
    while number == {STEP} and Path(HELD).exists() and not self.job.cancelled:
        time.sleep(0.01)


Attempt.on_step = _held
"""


def _file(lab: Lab) -> Path:
    return lab.home.parent / "held"


@contextmanager
def gate(lab: Lab) -> Iterator[None]:
    """Give the kernels that start from now on the gate."""
    startup = lab.home.parent / "ipython" / "profile_default" / "startup" / "00-gate.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    startup.write_text(STARTUP.replace("HELD", repr(str(_file(lab)))), encoding="utf-8")
    try:
        yield
    finally:
        startup.unlink()


@contextmanager
def held(lab: Lab) -> Iterator[None]:
    """Let no picture go past its third step; it goes on afterwards, unless it was cancelled."""
    _file(lab).touch()
    try:
        yield
    finally:
        _file(lab).unlink()
