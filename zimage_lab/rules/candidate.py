"""One picture of a search, and all of them as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from zimage_lab.engine import Job
    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage


class Progress(NamedTuple):
    """How far a search is: a sentence, pictures that have ended, of all."""

    stage: str
    step: int
    steps: int
    seconds_left: float | None = None


@dataclass
class Candidate:
    """One picture of a search: `score` is NaN until there is one, `error` says why there is none."""

    number: int
    request: GenerationRequest
    job: Job | None = None
    score: float = math.nan
    error: str | None = None
    image: GeneratedImage | None = None
    done: bool = False

    @property
    def state(self) -> str:
        """The job's state, or "not begun"."""
        return "not begun" if self.job is None else self.job.state


def frame(candidates: Iterable[Candidate], kept: Container[int]) -> Any:  # noqa: ANN401 - a pandas.DataFrame
    """Give candidates as a pandas data frame; `kept` are the numbers of the best."""
    import pandas as pd

    rows = [
        {
            "number": one.number,
            "seed": one.request.seed,
            "state": one.state,
            "score": one.score,
            "kept": one.number in kept,
            "error": one.error,
            "path": None if one.image is None or one.image.path is None else str(one.image.path),
            "record_id": None if one.image is None else one.image.record.id,
        }
        for one in candidates
    ]
    return pd.DataFrame(rows).astype({"seed": "uint64"})
