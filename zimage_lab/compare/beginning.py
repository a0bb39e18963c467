"""How a comparison begins: planned as a whole, kept by its name, then made."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab.compare.comparison import Comparison
from zimage_lab.compare.plan import LIMIT, Plan, plan
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.comparisons import Comparisons

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from zimage_lab.compare.protocol import Protocol
    from zimage_lab.engine.desk import Desk

LOG = logging.getLogger(__name__)


def start(
    engine: Desk,
    prompts: str | Iterable[str] | Mapping[str, str | None],
    models: Iterable[Any] | Mapping[str, Any],
    *,
    seeds: int | Iterable[int] = 1,
    protocol: Protocol | str | dict[str, Any] | None = None,
    name: str | None = None,
    clip: str | os.PathLike[str] | None = None,
    limit: int | None = LIMIT,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Comparison:
    """Measure models on the same prompts; returns at once.

    Parameters
    ----------
    engine
        Who makes the pictures.
    prompts
        One or several texts, or a mapping from each to its meaning in plain English, which the miniatures' judge reads
        where it cannot read the text itself.
    models
        Two or more: ids, mappings with a model and settings of its own (`{"model": "miniature-turbo", "steps": 4}`), or
        a mapping from names of your choice to either.
    seeds
        How many, or which. Equal seeds mean nothing between models.
    protocol
        A `Protocol`, a mapping of its fields, or what to match: "size", "steps", "time". None takes each model at its
        recommended settings.
    name
        Name under which it is kept; None gives it a number. With the name of one that asks for the same, that one goes
        on, so that a notebook may be run again from its beginning.
    clip
        Folder of a CLIP model, as transformers saves it, that scores the pictures.
    limit
        Most pictures; None lifts it.
    options
        Fields of the request, the same for all models.

    Raises
    ------
    InvalidRequest
        Something cannot be; nothing was begun.
    """
    made = plan(prompts, models, seeds=seeds, protocol=protocol, clip=clip, limit=limit, place=engine.home, **options)
    drawn = isinstance(seeds, int)
    with Comparisons(engine.home) as store:
        try:
            row = store.put(str(uuid.uuid4()), made.told(), made.count, name)
        except InvalidRequest as error:
            if error.field != "name" or name not in {one.name for one in store.every()}:
                raise
            row = store.get(str(name))
            if not _same(Plan.read(row.told), made, drawn=drawn):
                raise
            return Comparison.load(row.id, engine=engine).resume()
    LOG.info("A comparison begins: %d pictures", made.count)
    return Comparison(row, engine.home, engine)._go()  # noqa: SLF001 - its own beginning


def saved(home: str | os.PathLike[str] | None = None) -> list[Comparison]:
    """List the comparisons of the home, the newest first."""
    place = homes.home(home)
    with Comparisons(place) as store:
        rows = store.every()
    return [Comparison.load(row.id, home=place) for row in rows]


def _same(old: Plan, new: Plan, *, drawn: bool) -> bool:
    """Whether two plans ask for the same; where the new one's seeds were drawn, their number alone counts."""
    if old.erased or old.prompts != new.prompts or old.protocol != new.protocol or old.clip != new.clip:
        return False
    if (len(old.seeds) != len(new.seeds)) if drawn else (old.seeds != new.seeds):
        return False
    if not new.settled:  # its steps are found by a trial
        return [(one.label, one.ground.replace(steps=1)) for one in old.contestants] == [
            (one.label, one.ground.replace(steps=1)) for one in new.contestants
        ]
    return old.contestants == new.contestants
