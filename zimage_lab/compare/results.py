"""What came of every picture of a comparison, as the store has it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.compare.cells import WAITING
from zimage_lab.compare.summary import TERA
from zimage_lab.compare.work import drawing
from zimage_lab.errors import ZImageError
from zimage_lab.result import GeneratedImage
from zimage_lab.store.comparisons import Comparisons

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from zimage_lab.compare.plan import Plan
    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.comparisons import Index

FIGURES = ("accuracy", "clip", "text", "sharpness")


@dataclass(frozen=True)
class Result:
    """What came of one picture.

    Attributes
    ----------
    index
        Places of prompt, seed and contestant, and number of the repeat.
    state
        waiting, or as a job tells it.
    error
        Why there is no picture.
    record
        Its run record, or None.
    image
        The picture, read when it is asked for, or None.
    figures
        What was measured of it, by name.
    """

    index: Index
    state: str
    error: str | None = None
    record: RunRecord | None = None
    image: GeneratedImage | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """What it took, without reading weights and saving."""
        return None if self.record is None else drawing(self.record)


def read(plan: Plan, comparison_id: str, home: Path, places: Sequence[Index] | None = None) -> list[Result]:
    """Give what came of cells, without `places` of all, in the order of prompts, seeds, contestants, repeats."""
    wanted = [(p, s, c, r) for p, s, c, r in itertools.product(*map(range, plan.shape))] if places is None else places
    with Comparisons(home) as store:
        jobs = store.cells(comparison_id)
        # A few are asked for while pictures are made: the others' records need not be read each time.
        ids = None if places is None else [str(job.record_id) for place in places if (job := jobs.get(place))]
        records = store.records(comparison_id, ids)
        figures: dict[str, dict[str, float]] = defaultdict(dict)
        for figure in store.figures(comparison_id):
            if figure.value is not None:
                figures[figure.record_id][figure.name] = figure.value
    found = []
    for index in wanted:
        job = jobs.get(index)
        if job is None:
            found.append(Result(index, WAITING))
            continue
        record = records.get(job.record_id or "") if job.state == "succeeded" else None
        taken = figures.get(record.id, {}) if record is not None else {}
        found.append(Result(index, job.state, job.error, record, _image(record, home), taken))
    return found


def frame(plan: Plan, results: Iterable[Result]) -> Any:  # noqa: ANN401 - a pandas.DataFrame
    """Make the data frame of results."""
    import pandas as pd

    rows = []
    for one in results:
        p, s, c, r = one.index
        record, contestant = one.record, plan.contestants[c]
        seconds = {} if record is None else record.seconds
        measured = {} if record is None else record.measured
        flop, rate = one.figures.get("flop"), measured.get("matrix_rate")
        reached = None if flop is None or not one.seconds else flop / one.seconds
        rows.append(
            {
                "prompt": plan.prompts[p].text,
                "seed": plan.seeds[s],
                "contestant": contestant.label,
                "model": contestant.model,
                "steps": contestant.ground.steps,
                "width": contestant.ground.width,
                "height": contestant.ground.height,
                "repeat": r,
                "state": one.state,
                "seconds": one.seconds,
                **{stage: seconds.get(stage) for stage in ("encode", "denoise", "decode", "load")},
                **{name: measured.get(name) for name in ("process_peak_bytes", "device_peak_bytes", "others_bytes")},
                "tflop": None if flop is None else flop / TERA,
                "fraction": None if reached is None or not rate else reached / rate,
                **{name: one.figures.get(name) for name in FIGURES},
                "path": None if one.image is None else str(one.image.path),
                "record_id": None if record is None else record.id,
                "error": one.error,
            }
        )
    made = pd.DataFrame(rows).astype({"seed": "UInt64"})
    texts = ("prompt", "contestant", "model", "state", "path", "record_id", "error")
    whole = ("steps", "width", "height", "repeat", "seed")
    numbers = [name for name in made.columns if name not in (*texts, *whole)]
    return made.astype(dict.fromkeys(numbers, "Float64") | dict.fromkeys(texts, "string"))


def _image(record: RunRecord | None, home: Path) -> GeneratedImage | None:
    if record is None:
        return None
    try:
        found = GeneratedImage.from_record(record, home)
    except ZImageError:
        return None
    return found if found.path is not None and found.path.is_file() else None
