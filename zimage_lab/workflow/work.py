"""A workflow's job in the engine's thread: its graph is checked once more, run, and all its pictures are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from zimage_lab.engine import fallback
from zimage_lab.errors import Cancelled, InvalidRequest
from zimage_lab.workflow import summary
from zimage_lab.workflow.errors import InvalidWorkflow
from zimage_lab.workflow.given import Named
from zimage_lab.workflow.reading import read
from zimage_lab.workflow.running import Memory, Run
from zimage_lab.workflow.validation import checked

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from PIL import Image

    from zimage_lab.engine.attempt import Attempt
    from zimage_lab.engine.job import Stage
    from zimage_lab.engine.residency import Residency

_STAGES: dict[str, Stage] = {
    "CLIPTextEncode": "encoding",
    "VAEEncode": "encoding",
    "KSampler": "denoising",
    "KSamplerAdvanced": "denoising",
    "VAEDecode": "decoding",
}

_remembered: WeakKeyDictionary[Residency, Memory] = WeakKeyDictionary()
"""What the last graph of each engine gave."""


def draw(
    attempt: Attempt,
    residency: Residency,
    *,
    ended: Callable[[Attempt, Exception], None],
    drawn: Callable[[Attempt, Image.Image], None],
) -> None:
    """Run a workflow's job.

    Parameters
    ----------
    attempt
        Of a job whose request holds a graph.
    residency
        Gives the models.
    ended
        Called once where it ends without a picture, with the reason.
    drawn
        Called once with the job's own picture; the others are the attempt's.
    """
    try:
        first, *further = _run(attempt, residency)
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
        ended(attempt, error)
        return
    attempt.with_others(first[0], further)
    drawn(attempt, first[1])


def _run(attempt: Attempt, residency: Residency) -> list[Any]:
    attempt.enter("loading")
    graph, home = read(json.loads(str(attempt.job.request.workflow))), residency.home
    pictures = Named(home)
    errors, graph = checked(graph, home, pictures)
    if errors:
        raise InvalidWorkflow(errors)
    attempt.warn([*attempt.job.warnings, *summary.notes(graph, home)])
    memory = _remembered.setdefault(residency, Memory())
    watcher = _Watcher(attempt, {number: node["class_type"] for number, node in graph.items()})
    tiled = False

    def whole() -> Run:
        run = Run(graph, home, pictures, residency, watcher, tiled=tiled)
        run.all(memory)
        return run

    def smaller() -> list[str]:
        nonlocal tiled
        tiled, model = True, attempt.model_id
        memory.values.clear()
        others = ["other models unloaded"] if model is not None and residency.keep_only(model) else []
        return [*others, "pictures in tiles"]

    run = fallback.retry_smaller(whole, smaller, attempt.fallen_back)
    for stage, seconds in run.seconds.items():
        attempt.spent(stage, seconds)
    if not run.kept:
        field, what = "workflow", "it made no picture"
        raise InvalidRequest(field, None, what, "Save at least one.")
    return run.kept


class _Watcher:
    def __init__(self, attempt: Attempt, kinds: dict[str, str]) -> None:
        self._attempt, self._kinds = attempt, kinds

    def node(self, number: str, state: str) -> None:
        stage = _STAGES.get(self._kinds[number])
        self._attempt.tell_node(number, state)
        if state == "executing" and stage is not None:
            self._attempt.enter(stage)

    def cached(self, numbers: list[str]) -> None:
        self._attempt.tell_node(None, "cached", nodes=numbers)

    def step(self, number: int, of: int, expected: torch.Tensor) -> None:
        self._attempt.on_step(number, expected, of)

    def breathe(self) -> None:
        if self._attempt.job.cancelled:
            message = "The job was cancelled."
            raise Cancelled(message)

    def uses(self, family: Any) -> None:  # noqa: ANN401 - a family of models
        self._attempt.drawn_by(family, 0, 1)
