"""Runs the ways in turn over the same requests and sums up what the clock said."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine import families, flops, random_weights
from zimage_lab.engine.bench.device import matrix_rate
from zimage_lab.engine.bench.measured import TERA, Measured
from zimage_lab.engine.bench.ways import Diffusers, Ours
from zimage_lab.engine.environment import environment
from zimage_lab.models import memory, tokens
from zimage_lab.models.load_stable_diffusion import scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.families import Family
    from zimage_lab.request import GenerationRequest

PROMPT = (
    "A red paper lantern hanging over a quiet canal at dusk, warm light on wet stone, an old man in a blue coat on a "
    "bridge on the left, a white cat on the right, film photograph, soft focus"
)
"""About fifty tokens with its template, so that it is padded to 64 as the floors in BENCHMARKS.md assume."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Parameters
    ----------
    prompt
        Each run appends its number: a prompt that was seen before costs the engine no encoding.
    runs
        Times that each way is measured, after one that warms it up and is told apart.
    seeds
        Pictures of one prompt in a run.
    options
        Further fields of the requests; what is missing is the model's default.
    baseline
        Whether diffusers' pipeline is measured as well.
    """

    prompt: str = PROMPT
    runs: int = 5
    seeds: int = 1
    options: dict[str, Any] | None = None
    baseline: bool = True

    def requests(self, model: str, run: int) -> list[GenerationRequest]:
        """Give the requests of a run, checked against the model's card."""
        options = self.options or {}
        made = [
            models.build(f"{self.prompt} {run}", model, seed=1000 * run + number, **options)
            for number in range(self.seeds)
        ]
        models.check(made[0])
        return made


def load(model: str, device: str | None = None, *, random: bool = False) -> Family:
    """Load a model as the engine does, or build its architecture with random weights.

    Parameters
    ----------
    model
        As for `models.find`.
    device
        As torch names it; None takes the settings', or the best there is.
    random
        Build instead of load.
    """
    settings = homes.settings(homes.home())
    device = device or settings.device
    if not random:
        return families.load(models.find(model), device, settings)
    entry = random_weights.architecture(model)
    chosen, dtype = memory.choose_device(device)
    if entry.card.family == "stable_diffusion":
        from zimage_lab.engine.families.stable_diffusion import StableDiffusion, precision

        dtype = precision(chosen)
        modules = random_weights.modules(entry, device=chosen, dtype=dtype)
        return StableDiffusion(entry, modules | {"scheduler": scheduler(entry)}, chosen, dtype)
    from zimage_lab.engine.families.z_image import ZImage

    modules = random_weights.modules(entry, device=chosen, dtype=dtype)
    options: dict[str, Any] = {"reference": settings.path == "reference", "compiling": settings.compile == "auto"}
    return ZImage(entry, modules, chosen, dtype, **options)


def compare(family: Family, plan: Plan, *, tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Measure a loaded model.

    Parameters
    ----------
    family
        From `load`.
    plan
        What to measure.
    tell
        Called with a line now and then.

    Returns
    -------
    dict
        The report, of plain values for JSON: what was measured, on what, and for each way seconds, stages, rates and
        peak memory; between the ways speedup and difference of the pixels.
    """
    model = family.model
    first = plan.requests(model.id, 0)[0]
    cost = flops.picture(
        random_weights.configs(model),
        width=first.width,
        height=first.height,
        steps=first.steps,
        tokens=len(tokens.encode(model, first.prompt)),
        guided=first.guidance_scale > 0,
    )
    tell("Measuring the device's matrix rate")
    rate = matrix_rate(family.device, family.dtype)
    ours = Ours(family)
    ways: list[Ours | Diffusers] = [ours]
    if plan.baseline and model.card.family == "z_image":  # Stable Diffusion runs by diffusers' pipeline anyhow
        ways.append(Diffusers(family))
        if plan.seeds > 1:
            ways.append(Diffusers(family, together=True))
    with tempfile.TemporaryDirectory(prefix="zimage-lab-bench-") as folder:
        measured = Measured(family.device, Path(folder))
        for way in ways:
            tell(f"Warming up: {way.name}")
            measured.warm_up(way, plan.requests(model.id, 0))
        for run in range(1, plan.runs + 1):
            tell(f"Run {run} of {plan.runs}")
            # Forth and back, so that a device that slows down does not slow one way alone.
            for way in ways if run % 2 else reversed(ways):
                measured.run(way.name, way, plan.requests(model.id, run))
                if way is ours:
                    again = [one.replace(seed=one.seed + 500) for one in plan.requests(model.id, run)]
                    measured.run(f"{ours.name}, prompt seen before", ours, again)
            measured.compare(ours.name, [way.name for way in ways[1:]])
    named = environment(family.device, str(family.dtype).removeprefix("torch.")).model_dump()
    return {
        "model": model.id,
        **{name: named[name] for name in ("device", "device_name", "threads", "dtype")},
        "versions": {name: metadata.version(name) for name in ("torch", "diffusers", "transformers", "zimage-lab")},
        "facts": dict(family.facts),
        **{name: getattr(first, name) for name in ("prompt", "width", "height", "steps", "guidance_scale")},
        "tokens": len(tokens.encode(model, first.prompt)),
        "runs": plan.runs,
        "seeds": plan.seeds,
        "tflop": {**{name: value / TERA for name, value in cost._asdict().items()}, "total": cost.total / TERA},
        "matrix_tflops": rate / TERA,
        "weights_bytes": sum(family.memory_bytes.values()),
        "ways": measured.report(cost, rate, plan.seeds),
        "against": measured.against(ours.name, [way.name for way in ways[1:]]),
    }
