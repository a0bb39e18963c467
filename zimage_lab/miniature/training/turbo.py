"""Turbo: the base model distilled to eight steps without guidance, by regression on the guided teacher's path.

The student's step from one share of noise to the next is taught as the teacher's guided way between the two, in several
smaller steps. Half of the starting points are noisy pictures of the training set, half are where the student itself
comes to from pure noise, so that it learns to mend what its own steps do. After Salimans and Ho 2022 (arXiv 2202.00512)
and Meng et al. 2023 (arXiv 2210.03142).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature.training import autoencoder, emphasis, flow, latents, sampling, tokenizer
from zimage_lab.miniature.training.forward import MULTIPLE, Captions, velocity
from zimage_lab.miniature.training.loop import Loop, trapezoid
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

STAGE = "turbo"

STEPS = 8
"""Steps of the student."""

INNER = 2
"""Steps of the teacher for one of the student's: 16 in all, as right as the 28 that the teacher is used with."""

OWN = 0.5
"""Share of updates that start from the student's own way."""


def train(
    folder: Path,
    *,
    steps: int,
    batch: int = 64,
    learning_rate: float = 5e-4,
    guidance: float = 2.0,
    minutes: float | None = None,
    device: str = "cpu",
    former: Path | None = None,
    compiling: bool = True,
    seed: int = 3,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the student, which begins as the teacher, or go on from `turbo.safetensors` in `folder`.

    Parameters
    ----------
    folder
        Working folder that holds `latents.safetensors` and `flow.safetensors`.
    steps, batch, learning_rate, minutes, device, compiling, seed, report
        As for `flow.train`.
    guidance
        The teacher's, as Z-Image counts it.
    former
        Working folder of a student whose teacher has since been trained on: the new student begins as the new teacher
        with what the former one had learned on top, which saves most of the way.

    Returns
    -------
    Path of the checkpoint.
    """
    import torch

    data, scenes, factors = latents.load(folder)
    words = tokenizer.build()
    known, _ = flow.trained(folder / f"{flow.STAGE}.safetensors")
    teacher, student = flow.network(words, device), flow.network(words, device)
    teacher.load_state_dict(known)
    student.load_state_dict(known if former is None else carried(former, known))
    teacher.requires_grad_(requires_grad=False)
    nothing = Captions.of(words, [""], device)
    ends = sampling.sigmas(STEPS)
    compiled = torch.compile(velocity, dynamic=False) if compiling else velocity
    path = folder / f"{STAGE}.safetensors"
    loop = Loop(
        path,
        student,
        flow.optimizers(student, learning_rate),
        steps=steps,
        rate=trapezoid(learning_rate),
        decay=0.995,
        minutes=minutes,
        seed=seed,
        show=lambda: flow.samples(student, words, autoencoder.trained(folder).to(device), factors, device=device),
        report=report,
    )
    for _ in loop:
        chosen = [loop.rng.randrange(len(scenes)) for _ in range(batch)]
        clean = data[chosen].float().to(device)
        drawn = [scenes[n] for n in chosen]
        asked, weights = flow.captions(words, drawn, loop.rng, device, drop=0.0), emphasis.weights(drawn, device)
        run = compiled if asked.ids.shape[1] == MULTIPLE else velocity
        step, noise = loop.rng.randrange(STEPS), torch.randn_like(clean)
        now, then = ends[step : step + 2]
        with half(device):
            with torch.no_grad():
                if loop.rng.random() < OWN:
                    start = sampling.denoise(sampling.Guided(student, asked, run=run), noise, ends[: step + 1])
                else:
                    start = (1 - now) * clean + now * noise
                target = _way(sampling.Guided(teacher, asked, nothing, guidance, run), start, now, then)
            predicted = sampling.Guided(student, asked, run=run)(start, start.new_full((batch,), now))
        loop.learn(((predicted - target).square() * weights).mean(), batch)
    return path


def carried(former: Path, known: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Add to a teacher's weights what distilling changed in those of a former one.

    What a distillation adds is nearly the same for every teacher of one descent (Luo et al. 2023, arXiv 2311.05556).
    """
    before, after = (flow.trained(former / f"{stage}.safetensors")[0] for stage in (flow.STAGE, STAGE))
    return {name: value + after[name] - before[name] for name, value in known.items()}


def _way(teacher: sampling.Guided, start: torch.Tensor, now: float, then: float) -> torch.Tensor:
    """Give the mean velocity with which the teacher goes from one share of noise to another."""
    between = [now + (then - now) * part / INNER for part in range(INNER + 1)]
    end = sampling.denoise(teacher, start, between)
    return (end - start) / (then - now)
