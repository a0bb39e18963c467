"""What a sweep starts from and what it varies, put together as `sweeps.start` takes it, and what it will cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab import models
from zimage_lab.errors import ZImageError
from zimage_lab.request import GenerationRequest
from zimage_lab.widgets.form import FOLLOWING

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.sweeps import Plan
    from zimage_lab.widgets.words import Words

MEGA = 1e6


class Asked(NamedTuple):
    """A sweep as it is asked for: its prompt, or several, and everything else."""

    prompt: Any
    options: dict[str, Any]


def asked(
    base: GenerationRequest, varied: dict[str, Any], seeds: int, place: Path | None = None, *, wildcards: bool = False
) -> Asked:
    """Put a request and what is varied of it together.

    Parameters
    ----------
    base
        What every cell has where nothing is varied.
    varied
        Values by the names that a sweep knows.
    seeds
        Seeds of each combination, from the request's own one on.
    place
        The home folder, where the models are.
    wildcards
        Make a prompt of each choice in `{a|b}` and `__name__`.
    """
    given = dict(base)
    unsaid = {name: field.get_default() for name, field in GenerationRequest.model_fields.items()}
    options = {name: value for name, value in given.items() if value != unsaid[name]}
    if "model" in varied:  # what the base has of its model's defaults is another model's own affair
        defaults = _defaults(base.model, place)
        options = {name: value for name, value in options.items() if defaults.get(name, value is None) != value}
    if "size" in varied:
        options.pop("width", None)
        options.pop("height", None)
    options |= varied
    options["seed"] = base.seed
    if seeds != 1:
        options["seeds"] = seeds
    if wildcards:
        options["wildcards"] = True
    return Asked(options.pop("prompt"), options)


def line(plan: Plan, words: Words) -> str:
    """Say what a sweep will do: pictures, pixels, time."""
    count = words("plan_one") if plan.count == 1 else words("plan_count", count=f"{plan.count:,}")
    pixels = plan.pixels / MEGA
    size = words("plan_pixels", number=f"{pixels:,.0f}" if pixels >= 10 else f"{pixels:.2g}")  # noqa: PLR2004 - digits
    time = words("plan_no_time") if plan.seconds is None else words("plan_time", time=words.time(plan.seconds))
    return f"{count} · {size} · {time}"


def _defaults(model: str, place: Path | None) -> dict[str, Any]:
    try:
        card = models.find(model, place).card
    except ZImageError:
        return {}
    return {name: getattr(card.defaults, name) for name in FOLLOWING}
