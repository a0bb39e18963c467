"""Sums up what was measured of each contestant, from the store alone."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from zimage_lab.compare.work import drawing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zimage_lab.compare.plan import Plan
    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.comparisons import Figure, Index

Across: TypeAlias = Literal["seconds", "steps"]
"""What quality is held against."""

TERA = 1e12
Z_95 = 1.959964
"""The normal distribution's quantile for 95 %."""

CHINESE = range(0x4E00, 0xA000)
"""The block of CJK Unified Ideographs."""


@dataclass(frozen=True)
class Share:
    """A share of pictures with its interval at 95 % (Wilson 1927); NaN where none could be judged."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.of if self.of else math.nan

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval: pictures of one prompt are taken as independent, which makes it rather narrow."""
        if not self.of:
            return math.nan, math.nan
        n, p, z = self.of, self.value, Z_95
        middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


@dataclass(frozen=True)
class Summary:
    """What was measured of a contestant.

    Attributes
    ----------
    label, model
        Its names.
    settings
        width, height, steps, guidance_scale.
    pictures, failed
        Pictures that are there, and that ended otherwise.
    seconds
        Of each picture, from the prompt to the pixels; reading of weights and saving are not in it.
    stages
        Median seconds of encode, denoise, decode.
    process_bytes, device_bytes
        Peak memory with this model alone: less the weights of others that were resident; None where not told.
    flop
        Mean operations of a picture.
    rate
        Operations a second that the device reaches in plain matrix products of this precision.
    accuracy, chinese
        Pictures that are as their prompts say, of all, and of those with Chinese prompts.
    means
        Mean of each other figure (clip, text, sharpness); missing where there is none.
    notes
        By figure, why it is missing for some.
    """

    label: str
    model: str
    settings: Mapping[str, Any]
    pictures: int
    failed: int
    seconds: Sequence[float]
    stages: Mapping[str, float]
    process_bytes: float | None
    device_bytes: float | None
    flop: float | None
    rate: float | None
    accuracy: Share
    chinese: Share
    means: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median seconds of a picture; NaN without one."""
        return statistics.median(self.seconds) if self.seconds else math.nan

    @property
    def quartiles(self) -> tuple[float, float]:
        """The seconds between which half of the pictures lie."""
        if len(self.seconds) < 2:  # noqa: PLR2004 - no spread
            return self.median, self.median
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high

    @property
    def reached(self) -> float | None:
        """Operations a second of the median picture."""
        return None if self.flop is None or not self.seconds or not self.median else self.flop / self.median

    @property
    def fraction(self) -> float | None:
        """The same as a share of the device's rate."""
        return None if self.reached is None or not self.rate else self.reached / self.rate


def summaries(
    plan: Plan, found: Mapping[Index, RunRecord], figures: Iterable[Figure], failed: Mapping[int, int]
) -> list[Summary]:
    """Sum up.

    Parameters
    ----------
    plan
        The comparison.
    found
        The record of each picture that was made, by its place.
    figures
        What was measured of them.
    failed
        By the contestant's number, cells that ended without a picture.
    """
    by_record: dict[str, dict[str, Figure]] = defaultdict(dict)
    for figure in figures:
        by_record[figure.record_id][figure.name] = figure
    return [
        _summary(plan, number, {i: r for i, r in found.items() if i[2] == number}, by_record, failed.get(number, 0))
        for number in range(len(plan.contestants))
    ]


def is_chinese(text: str) -> bool:
    """Whether a text holds a Chinese character."""
    return any(ord(letter) in CHINESE for letter in text)


def _summary(
    plan: Plan, number: int, found: Mapping[Index, RunRecord], figures: Mapping[str, Mapping[str, Figure]], failed: int
) -> Summary:
    contestant, records = plan.contestants[number], list(found.values())
    ground = contestant.ground
    stages = {
        stage: statistics.median(record.seconds.get(stage, 0.0) for record in records)
        for stage in ("encode", "denoise", "decode")
        if records
    }
    values: dict[str, list[float]] = defaultdict(list)
    notes: dict[str, dict[str, None]] = defaultdict(dict)
    judged: list[tuple[Index, float]] = []
    for index, record in found.items():
        for name, figure in figures.get(record.id, {}).items():
            if figure.value is not None:
                values[name].append(figure.value)
                if name == "accuracy":
                    judged.append((index, figure.value))
            elif figure.note is not None:
                notes[name][figure.note] = None
    in_chinese = [value for index, value in judged if is_chinese(plan.prompts[index[0]].text)]
    return Summary(
        contestant.label,
        contestant.model,
        {name: getattr(ground, name) for name in ("width", "height", "steps", "guidance_scale")},
        len(records),
        failed,
        [drawing(record) for record in records],
        stages,
        _peak(records, "process_peak_bytes", own=any(r.environment.device == "cpu" for r in records)),
        _peak(records, "device_peak_bytes", own=True),
        _mean(values["flop"]),
        max((record.measured.get("matrix_rate", 0.0) for record in records), default=0.0) or None,
        Share(round(sum(value for _, value in judged)), len(judged)),
        Share(round(sum(in_chinese)), len(in_chinese)),
        {name: mean for name in ("clip", "text", "sharpness") if (mean := _mean(values[name])) is not None},
        {name: tuple(found_) for name, found_ in notes.items()},
        records[0].environment.model_dump() if records else {},
    )


def _peak(records: Sequence[RunRecord], name: str, *, own: bool) -> float | None:
    """Give the highest peak; where the weights are in this memory, without those of other models."""
    peaks = [
        record.measured[name] - (record.measured.get("others_bytes", 0.0) if own else 0.0)
        for record in records
        if name in record.measured
    ]
    return max(peaks, default=None)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
