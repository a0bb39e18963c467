"""Fourth stage of training: the guided base model distilled into eight steps at guidance 0.

The student starts as the base model and runs its own eight steps, as it will in use; at every state on the way it
learns the velocity that the teacher with guidance has there. So it never meets a state in use that it has not met in
training, and one forward pass a step replaces two.
"""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.miniature import architecture, checkpoint, latents, tokenizer, train_flow
from zimage_lab.miniature.forward import Captions, text_features, velocity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

STEPS = 8


def schedule(steps: int = STEPS) -> list[float]:
    """Noise shares of Z-Image-Turbo: linear from 1 to 1/steps, shifted by 3, then 0 (`ZImagePipeline`)."""
    raw = [1 - k / steps for k in range(steps)]
    shift = architecture.SHIFT
    return [shift * s / (1 + (shift - 1) * s) for s in raw] + [0.0]


def train(
    folder: Path,
    *,
    steps: int,
    batch: int = 16,
    learning_rate: float = 4e-4,
    guidance: float = 2.0,
    minutes: float | None = None,
    device: str = "cpu",
    seed: int = 3,
    report: Callable[[str], None] = print,
) -> Path:
    """Distil the base model, or go on from `turbo.safetensors` in `folder` (written every 100 steps).

    Parameters
    ----------
    folder
        Working folder that holds `latents.safetensors` and `flow.safetensors`.
    steps, batch, learning_rate
        Number of updates; prompts per update, each of which gives eight states; peak rate.
    guidance
        Z-Image's guidance scale of the teacher: `with + guidance * (with - without)`.
    minutes
        Where given, the schedule is fitted to this much time instead of to `steps`.
    device, seed
        Where to compute; where the randomness starts.
    report
        Called with a line of progress.
    """
    import torch

    path = folder / "turbo.safetensors"
    _, scenes, _ = latents.load(folder)
    words = tokenizer.build()
    base = {k.removeprefix("average."): v for k, v in checkpoint.load(folder / "flow.safetensors")[0].items()}
    teacher, student = train_flow.network(words, device).eval(), train_flow.network(words, device)
    teacher.load_state_dict({name: base[name] for name in teacher.state_dict()})
    student.load_state_dict(teacher.state_dict())
    average, step = checkpoint.Average(student, 0.99), 0
    if path.exists():
        tensors, state = checkpoint.load(path)
        student.load_state_dict(tensors)
        average = checkpoint.Average(student, 0.99)
        average.steps = step = state["step"]
    steppers = train_flow.optimizers(student, learning_rate)
    torch.manual_seed(seed + step)
    rng = random.Random(seed + step)
    empty = Captions.of(words, [""], device)
    levels = schedule()
    began, first, seen = time.monotonic(), step, 0.0
    while step < steps:
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = train_flow.rate(step, steps, learning_rate)
        captions = Captions.of(words, train_flow.texts(rng.choices(scenes, k=batch), rng, 0.0), device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            states, targets = _visited(teacher, student, captions, empty, levels=levels, guidance=guidance)
            every = Captions(captions.ids.repeat(STEPS, 1), captions.padding.repeat(STEPS, 1))
            sigma = torch.tensor(levels[:-1], device=device).repeat_interleave(batch)
            features = text_features(student["text_encoder"], captions).repeat(STEPS, 1, 1)
            predicted = velocity(student["transformer"], states, sigma, features, every.padding)
        loss = (predicted.float() - targets).square().mean()
        for stepper in steppers:
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
        average.update(student)
        step += 1
        seen = loss.item() if seen == 0 else 0.95 * seen + 0.05 * loss.item()
        spent = time.monotonic() - began
        if minutes is not None and step - first >= 5:
            steps = first + max(step - first, round(minutes * 60 / (spent / (step - first))))
        if step % 20 == 0:
            pace = f"{batch * (step - first) / spent:.1f} prompts/s  {spent / 60:.1f} min"
            report(f"step {step}/{steps}  loss {seen:.4f}  {pace}")
        if step % 100 == 0 or step >= steps:
            checkpoint.save(path, average.values, {"step": step, "steps": steps, "loss": seen})
    return path


def _visited(
    teacher: Any,  # noqa: ANN401 - as `network` gives it
    student: Any,  # noqa: ANN401
    captions: Captions,
    empty: Captions,
    *,
    levels: list[float],
    guidance: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the student's own steps; return its states and the guided teacher's velocities there, step by step."""
    import torch

    batch = len(captions.ids)
    with torch.no_grad():
        own = text_features(student["text_encoder"], captions)
        told = text_features(teacher["text_encoder"], captions)
        untold = text_features(teacher["text_encoder"], empty).expand(batch, -1, -1)
        # The dropped prompt is shorter than a caption; both are padded to one length.
        untold = torch.nn.functional.pad(untold, (0, 0, 0, told.shape[1] - untold.shape[1]))
        blank = torch.nn.functional.pad(
            empty.padding.expand(batch, -1), (0, told.shape[1] - empty.padding.shape[1]), value=True
        )
        both = torch.cat([told, untold]), torch.cat([captions.padding, blank])
        x = torch.randn(batch, architecture.LATENT_CHANNELS, 16, 16, device=captions.ids.device)
        states, targets = [], []
        for now, following in itertools.pairwise(levels):
            sigma = torch.full((batch,), now, device=x.device)
            with_prompt, without = (
                velocity(teacher["transformer"], x.repeat(2, 1, 1, 1), sigma.repeat(2), *both).float().chunk(2)
            )
            states.append(x)
            targets.append(with_prompt + guidance * (with_prompt - without))
            x = x + (following - now) * velocity(student["transformer"], x, sigma, own, captions.padding).float()
    return torch.cat(states), torch.cat(targets)
