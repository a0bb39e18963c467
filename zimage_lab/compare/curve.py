"""The contestants of a speed curve: each model at several numbers of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.engine.pace import plural
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import STEPS_RANGE
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = (1, 2, 4, 8, 16, 28)
"""From one step to the most that Z-Image is asked for; a few between, each about twice the one before."""


def curve(models: str | Iterable[str], steps: Iterable[int] = STEPS) -> dict[str, dict[str, Any]]:
    """Give what `engine.compare` takes as models, so that a report shows quality against steps and seconds.

    Parameters
    ----------
    models
        One or several ids.
    steps
        Numbers of steps that each of them takes.

    Raises
    ------
    InvalidRequest
        A number of steps cannot be.
    """
    names = [models] if isinstance(models, str) else list(models)
    numbers = [checked_integer("steps", number, *STEPS_RANGE) for number in steps]
    if not names or not numbers:
        field = "steps" if names else "models"
        raise InvalidRequest(field, None, "there is none", "Give at least one model and two numbers of steps.")
    return {
        f"{name}, {plural(number, 'step')}": {"model": name, "steps": number} for name in names for number in numbers
    }
