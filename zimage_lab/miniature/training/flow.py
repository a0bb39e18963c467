"""Third stage of training: transformer and text encoder together, by flow matching on the cached latents.

Prompts are dropped in one sample of ten, so that the result can also be run with classifier-free guidance. In this
small world it needs none: at eight steps and guidance 0 it follows a prompt as well as with guidance.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.training import architecture, checkpoint, latents, tokenizer
from zimage_lab.miniature.training.forward import MULTIPLE, Captions, text_features, velocity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from transformers import Qwen2Tokenizer

    from zimage_lab.miniature.world import Scene

DROP = 0.1
"""Share of samples whose prompt is dropped."""

LONG = 16
"""One batch in this many has captions of any length."""

TRIES = 8
"""How often captions that are too long are drawn anew."""


def network(words: Qwen2Tokenizer, device: str) -> Any:  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
    """Build text encoder and transformer as one module."""
    import torch

    encoder = architecture.text_encoder(len(words), words.eos_token_id, words.pad_token_id)
    return torch.nn.ModuleDict({"transformer": architecture.transformer(), "text_encoder": encoder}).to(device)


def optimizers(module: torch.nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for all else; Muon's rate is matched to AdamW's step size.

    Muon: Jordan et al. 2024; the matched rate: Liu et al. 2025, arXiv 2502.16982.
    """
    import torch

    hidden: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, value in module.named_parameters():
        inside = "attention.to_" in name or "feed_forward" in name or "self_attn" in name or ".mlp." in name
        (hidden if inside and value.ndim == 2 and "t_embedder" not in name else rest).append(value)
    return [
        torch.optim.Muon(hidden, lr=learning_rate, weight_decay=0.02, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of a step: 100 steps of warm-up, then flat, then falling to a fiftieth over the last 45 %."""
    return peak * min(1.0, (step + 1) / 100, 0.02 + 0.98 * (steps - step) / (0.45 * steps))


def sigmas(count: int, device: str) -> torch.Tensor:
    """Draw noise shares as Z-Image's shift of 3 wants them: logit-normal, one in ten uniform for the far ends."""
    import torch

    u = torch.sigmoid(torch.randn(count, device=device))
    u = torch.where(torch.rand(count, device=device) < 0.1, torch.rand(count, device=device), u)
    return architecture.SHIFT * u / (1 + (architecture.SHIFT - 1) * u)


def captions(words: Qwen2Tokenizer, scenes: list[Scene], rng: random.Random, device: str) -> Captions:
    """Caption scenes, half in each language, some not at all; mostly so that a batch is padded to 32 tokens.

    A batch is padded to its longest caption, and few captions are longer than that: they are drawn anew, but for one
    batch in `LONG`, from which the model learns longer ones.
    """
    short = rng.randrange(LONG) > 0

    def written(scene: Scene) -> str:
        return "" if rng.random() < DROP else caption(scene, rng.choice(("en", "zh")), rng)

    texts = [written(scene) for scene in scenes]
    found = Captions.of(words, texts, device)
    for _ in range(TRIES if short else 0):
        if found.ids.shape[1] <= MULTIPLE:
            break
        long = (~found.padding).sum(dim=1) > MULTIPLE
        texts = [written(scene) if over else text for scene, text, over in zip(scenes, texts, long, strict=True)]
        found = Captions.of(words, texts, device)
    return found


def error(  # noqa: PLR0917 - tensors alone, which is what can be compiled
    module: Any,  # noqa: ANN401 - as `network` gives it
    noisy: torch.Tensor,
    sigma: torch.Tensor,
    ids: torch.Tensor,
    padding: torch.Tensor,
    wanted: torch.Tensor,
) -> torch.Tensor:
    """Give the mean squared error of the velocity that the network predicts."""
    features = text_features(module["text_encoder"], Captions(ids, padding))
    predicted = velocity(module["transformer"], noisy, sigma, features, padding)
    return (predicted.float() - wanted).square().mean()


def train(
    folder: Path,
    *,
    steps: int,
    batch: int = 64,
    learning_rate: float = 1.5e-3,
    minutes: float | None = None,
    device: str = "cpu",
    compiling: bool = True,
    seed: int = 2,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the base model, or go on from `flow.safetensors` in `folder` (written every 250 steps).

    Parameters
    ----------
    folder
        Working folder that holds `latents.safetensors`.
    steps, batch, learning_rate
        Length of the run, samples a step, peak rate.
    minutes
        Where given, the schedule is fitted to this much time instead of to `steps`.
    device, seed
        Where to compute; where the randomness starts.
    compiling
        Whether `torch.compile` is worth its two minutes: a third more samples a second on a CPU.
    report
        Called with a line of progress.
    """
    import torch

    path = folder / "flow.safetensors"
    compiled = torch.compile(error, dynamic=False) if compiling else error
    torch.manual_seed(seed)
    data, scenes, _ = latents.load(folder)
    words = tokenizer.build()
    module = network(words, device)
    average, step = checkpoint.Average(module, 0.998), 0
    steppers = optimizers(module, learning_rate)
    if path.exists():
        tensors, state = checkpoint.load(path)
        module.load_state_dict({k.removeprefix("now."): v for k, v in tensors.items() if k.startswith("now.")})
        step = state["step"]
        average.restore({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")}, step)
        torch.manual_seed(seed + step)
    rng = random.Random(seed + step)
    began, first, seen = time.monotonic(), step, 0.0
    while step < steps:
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = rate(step, steps, learning_rate)
        chosen = [rng.randrange(len(scenes)) for _ in range(batch)]
        clean = data[chosen].float().to(device)
        asked = captions(words, [scenes[n] for n in chosen], rng, device)
        noise, sigma = torch.randn_like(clean), sigmas(batch, device)
        share = sigma.view(-1, 1, 1, 1)
        noisy = (1 - share) * clean + share * noise
        usual = asked.ids.shape[1] == MULTIPLE  # the one shape worth the two minutes of compiling
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = (compiled if usual else error)(module, noisy, sigma, asked.ids, asked.padding, noise - clean)
        for stepper in steppers:
            stepper.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
        average.update(module)
        step += 1
        seen = loss.item() if seen == 0 else 0.98 * seen + 0.02 * loss.item()
        spent = time.monotonic() - began
        if minutes is not None and step - first >= 20:
            steps = first + max(step - first, round(minutes * 60 / (spent / (step - first))))
        if step % 50 == 0:
            pace = f"{batch * (step - first) / spent:.0f} samples/s  {spent / 60:.1f} min"
            report(f"step {step}/{steps}  loss {seen:.4f}  {pace}")
        if step % 250 == 0 or step >= steps:
            both = {f"now.{k}": v for k, v in module.state_dict().items()}
            both |= {f"average.{k}": v for k, v in average.values.items()}
            checkpoint.save(path, both, {"step": step, "steps": steps, "loss": seen})
    return path
