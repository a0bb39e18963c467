"""How a sweep begins: planned as a whole, kept by its name, then made."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import GenerationRequest
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps import executors
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.plan import LIMIT, plan
from zimage_lab.sweeps.sweep import Sweep

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from zimage_lab.engine.desk import Desk
    from zimage_lab.sweeps.cluster import Engines, Ray
    from zimage_lab.sweeps.grid import Grid

LOG = logging.getLogger(__name__)


def start(
    engine: Desk,
    prompt: str | Iterable[str] | GenerationRequest,
    *,
    name: str | None = None,
    limit: int | None = LIMIT,
    wildcards: bool = False,
    executor: str | Ray | Engines | None = None,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Sweep:
    """Make a picture for each combination of values; returns at once.

    Parameters
    ----------
    engine
        Who makes them.
    prompt
        What the pictures show; several prompts are an axis. Or a whole request, on which the axes are put.
    name
        Name under which it is kept; None gives it a number. With the name of a sweep that has the same axes that one
        goes on, so that a notebook may be run again from its beginning.
    limit
        Most cells; None, or a number of your own, lifts what holds a slip of the hand: 1000 cells, and as many pixels
        as 1000 pictures of 1024 x 1024 have.
    wildcards
        Whether `{red|blue}` and `__animals__` in the prompt are read; each combination is a prompt of the axis.
    executor
        Where it is made. None: by the engine. "ray": a Ray cluster on this machine, "ray://host:10001" or "host:6379":
        one elsewhere, all after `pip install 'zimage-lab[ray]'`. "engines": one engine on each GPU of this machine. Or
        an object `sweeps.Ray` or `sweeps.Engines`, with more to say. The first worker is waited for.
    options
        Fields of the request. Several values of one are an axis (`steps=[4, 8]`, `model=["miniature-turbo", ...]`); for
        numbers so is a notation: "4, 6, 8", "1-10", "1-10 (+2)", "0.5-1.5 [5]", "1, 2, .., 10". A list of LoRAs is one
        value, a list of such lists an axis. Besides: `seeds` (a number of seeds, counted from `seed` or from a drawn
        one, or the seeds), `size` (pairs of width and height), `lora_weight` (of all LoRAs), and `prompt_replace`
        (`{"cat": ["dog", "fish"]}`: three cells, the needle first).

    Raises
    ------
    InvalidRequest
        Something cannot be, or is more than the limit, or a worker differs from what is here; nothing was begun.
    """
    model = options.pop("model", None)
    if model is None and not isinstance(prompt, GenerationRequest):
        model = getattr(engine, "model", None)
    made = plan(prompt, wildcards=wildcards, limit=limit, model=model, place=engine.home, **options)
    drawn = options.get("seed") is None and (options.get("seeds") is None or isinstance(options["seeds"], int))
    maker = engine if executor is None else executors.engine(executor, engine.home, made.grid)
    LOG.info("A sweep begins: %s", made)
    with Sweeps(engine.home) as store:
        try:
            row = store.put(str(uuid.uuid4()), grids.write(made.grid), made.count, name)
        except InvalidRequest as error:
            if error.field != "name" or name not in {one.name for one in store.every()}:
                raise
            row = store.get(str(name))
            if not _same(grids.read(row.told), made.grid, drawn=drawn):
                raise
            return Sweep.load(row.id, engine=maker).resume(executor=executor)
    return Sweep(row, made.grid, engine.home, maker, executor)._go([])  # noqa: SLF001 - its own beginning


def saved(home: str | os.PathLike[str] | None = None) -> list[Sweep]:
    """List the sweeps of the home, the newest first."""
    with Sweeps(homes.home(home)) as store:
        rows = store.every()
    return [Sweep.load(row.id, home=home) for row in rows]


def _same(old: Grid, new: Grid, *, drawn: bool) -> bool:
    """Whether two grids ask for the same; where the new one's seeds were drawn, their number alone counts."""
    if old.erased:
        return False
    if not drawn:
        return (old.axes, old.grounds) == (new.axes, new.grounds)
    axes = [[(axis, 0) if axis.kind != "seed" else (None, len(axis)) for axis in one.axes] for one in (old, new)]
    seedless = [[ground.replace(seed=0) for ground in one.grounds] for one in (old, new)]
    return axes[0] == axes[1] and seedless[0] == seedless[1]
