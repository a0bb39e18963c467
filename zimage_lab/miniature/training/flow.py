"""Third stage of training: transformer and text encoder together, by flow matching on the cached latents.

Prompts are dropped in one sample of ten, which is what classifier-free guidance needs. While it learns, the transformer
also says what its patches will show (`placement`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.sayings import EXAMPLES
from zimage_lab.miniature.training import (
    architecture,
    autoencoder,
    checkpoint,
    emphasis,
    latents,
    placement,
    sampling,
    tokenizer,
)
from zimage_lab.miniature.training.forward import MULTIPLE, Captions, text_features, velocity_and_tokens
from zimage_lab.miniature.training.loop import Loop, trapezoid
from zimage_lab.miniature.training.muon import Muon
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from PIL import Image
    from transformers import Qwen2Tokenizer

    from zimage_lab.miniature.world import Scene

STAGE = "flow"

DROP = 0.1
"""Share of samples whose prompt is dropped."""

EARLY, FROM = 0.15, 0.8
"""Share of samples drawn evenly from the noisiest levels, and where these begin.

There it is settled what stands where and how many there are, and the schedule of eight steps takes half of them there.
"""

LONG = 48
"""One batch in this many has captions of any length."""

TRIES = 8
"""How often captions that are too long are drawn anew."""


def network(words: Qwen2Tokenizer, device: str) -> Any:  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
    """Build text encoder and transformer as one module."""
    import torch

    encoder = architecture.text_encoder(len(words), words.eos_token_id, words.pad_token_id)
    return torch.nn.ModuleDict({"transformer": architecture.transformer(), "text_encoder": encoder}).to(device)


def optimizers(module: torch.nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for all else."""
    import torch

    hidden: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, value in module.named_parameters():
        inside = "attention.to_" in name or "feed_forward" in name or "self_attn" in name or ".mlp." in name
        (hidden if inside and value.ndim == 2 and "t_embedder" not in name else rest).append(value)
    return [
        Muon(hidden, learning_rate),
        torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def drawn_sigmas(count: int, device: str) -> torch.Tensor:
    """Draw noise shares as Z-Image's shift of 3 wants them: logit-normal, one in ten uniform, some early on purpose."""
    import torch

    u = torch.sigmoid(torch.randn(count, device=device))
    u = torch.where(torch.rand(count, device=device) < 0.1, torch.rand(count, device=device), u)
    sigma = architecture.SHIFT * u / (1 + (architecture.SHIFT - 1) * u)
    early = 1 - (1 - FROM) * torch.rand(count, device=device)
    return torch.where(torch.rand(count, device=device) < EARLY, early, sigma)


def captions(
    words: Qwen2Tokenizer, scenes: list[Scene], rng: random.Random, device: str, drop: float = DROP
) -> Captions:
    """Caption scenes, half in each language, some not at all; mostly so that a batch is padded to 32 tokens.

    A batch is padded to its longest caption, and few captions are longer than that: they are drawn anew, but for one
    batch in `LONG`, from which the model learns longer ones.
    """
    short = rng.randrange(LONG) > 0

    def written(scene: Scene) -> str:
        return "" if rng.random() < drop else caption(scene, rng.choice(("en", "zh")), rng)

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
    weights: torch.Tensor,
    placed: placement.Placed,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the mean squared error of the predicted velocity, each cell with its weight, and that of the placement."""
    features = text_features(module["text_encoder"], Captions(ids, padding))
    predicted, tokens = velocity_and_tokens(module["transformer"], noisy, sigma, features, padding)
    told = ((predicted.float() - wanted).square() * weights).mean()
    return told, placement.error(module[placement.NAME], tokens, placed)


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
    """Train the base model, or go on from `flow.safetensors` in `folder`.

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

    Returns
    -------
    Path of the checkpoint.
    """
    import torch

    torch.manual_seed(seed)
    path = folder / f"{STAGE}.safetensors"
    data, scenes, factors = latents.load(folder)
    words = tokenizer.build()
    module = network(words, device)
    module[placement.NAME] = placement.layer(architecture.DIM).to(device)
    compiled = torch.compile(error, dynamic=False) if compiling else error
    loop = Loop(
        path,
        module,
        optimizers(module, learning_rate),
        steps=steps,
        rate=trapezoid(learning_rate),
        decay=0.998,
        minutes=minutes,
        seed=seed,
        show=lambda: samples(module, words, autoencoder.trained(folder).to(device), factors, device=device),
        report=report,
    )
    for _ in loop:
        chosen = [loop.rng.randrange(len(scenes)) for _ in range(batch)]
        clean = data[chosen].float().to(device)
        drawn = [scenes[n] for n in chosen]
        asked, weights = captions(words, drawn, loop.rng, device), emphasis.weights(drawn, device)
        noise, sigma = torch.randn_like(clean), drawn_sigmas(batch, device)
        share = sigma.view(-1, 1, 1, 1)
        noisy = (1 - share) * clean + share * noise
        usual = asked.ids.shape[1] == MULTIPLE  # the one shape worth the two minutes of compiling
        with half(device):
            measure = compiled if usual else error
            told, second = measure(
                module, noisy, sigma, asked.ids, asked.padding, noise - clean, weights, placement.placed(drawn, device)
            )
        loop.learn(told, batch, placement.weighted(second, loop.step, loop.steps))
    return path


def trained(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what a stage has come to, without the layer that only training needs."""
    average, state = checkpoint.average(path)
    return {name: value for name, value in average.items() if not name.startswith(f"{placement.NAME}.")}, state


def samples(
    module: Any,  # noqa: ANN401 - as `network` gives it
    words: Qwen2Tokenizer,
    vae: Any,  # noqa: ANN401 - an AutoencoderKL, which has types only at run time
    factors: dict[str, float],
    *,
    steps: int = 8,
    guidance: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
) -> list[Image.Image]:
    """Draw the card's examples as the network sees them now."""
    import torch

    texts = [example[language] for example in EXAMPLES for language in ("en", "zh")]
    noise = torch.randn(len(texts), architecture.LATENT_CHANNELS, 16, 16, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        asked, nothing = Captions.of(words, texts, device), Captions.of(words, [""], device)
        predict = sampling.Guided(module, asked, nothing, guidance)
        return sampling.pictures(vae, sampling.denoise(predict, noise.to(device), sampling.sigmas(steps)), factors)
