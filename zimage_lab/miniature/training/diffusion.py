"""The miniature Stable Diffusion: UNet and text encoder together, taught to tell the velocity of the cached latents.

English captions only, as with the original. Prompts are dropped in one sample of ten, which is what classifier-free
guidance needs. While it learns, the UNet also says what its patches will show (`placement`), in its middle, which has
as many places as there are patches.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.sayings import EXAMPLES
from zimage_lab.miniature.training import (
    architecture_sd,
    autoencoder,
    emphasis,
    flow,
    latents,
    placement,
    sampling,
    tokenizer_sd,
)
from zimage_lab.miniature.training.loop import Loop, trapezoid
from zimage_lab.miniature.training.muon import Muon
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from PIL import Image
    from transformers import CLIPTokenizer

STAGE, FAMILY = "diffusion", "stable_diffusion"

STEPS, GUIDANCE = 20, 2.0
"""Of the samples on a sheet, and of the model's use.

Version 1.5 is used with 7.5, which pays where captions say little of a picture; these say all of it.
"""


def network(words: CLIPTokenizer, device: str) -> Any:  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
    """Build text encoder and UNet as one module."""
    import torch

    encoder = architecture_sd.text_encoder(len(words), words.bos_token_id, words.eos_token_id)
    return torch.nn.ModuleDict({"unet": architecture_sd.unet(), "text_encoder": encoder}).to(device)


def optimizers(module: torch.nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices and convolutions of the blocks, AdamW for all else; see `flow.optimizers`."""
    import torch

    inside = ("_block", "encoder.layers")
    hidden: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, value in module.named_parameters():
        (hidden if value.ndim > 1 and any(part in name for part in inside) else rest).append(value)
    return [
        Muon(hidden, learning_rate),
        torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01),
    ]


class Taught:
    """The network with the layer that reads its patches, and what both of them get wrong.

    Parameters
    ----------
    module
        As `network` gives it, with the layer at `placement.NAME`.
    """

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - as `network` gives it
        self._module = module
        self._middle: list[torch.Tensor] = []
        module["unet"].mid_block.attentions[-1].register_forward_hook(
            lambda _module, _given, made: self._middle.append(made[0])
        )

    def errors(  # noqa: PLR0917 - tensors alone, which is what can be compiled
        self,
        noisy: torch.Tensor,
        times: torch.Tensor,
        ids: torch.Tensor,
        wanted: torch.Tensor,
        weights: torch.Tensor,
        placed: placement.Placed,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the mean squared error of the velocity, each cell with its weight, and that of the placement."""
        states = self._module["text_encoder"](ids)[0]
        told = self._module["unet"](noisy, times, encoder_hidden_states=states, return_dict=False)[0]
        tokens = self._middle.pop().flatten(2).transpose(1, 2)
        missed = ((told.float() - wanted).square() * weights).mean()
        return missed, placement.error(self._module[placement.NAME], tokens, placed)


def train(
    folder: Path,
    *,
    steps: int,
    batch: int = 64,
    learning_rate: float = 1e-3,
    minutes: float | None = None,
    device: str = "cpu",
    compiling: bool = True,
    seed: int = 8,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the model, or go on from `diffusion.safetensors` in `folder`.

    Parameters
    ----------
    folder
        Working folder that holds `latents-stable_diffusion.safetensors`.
    steps, batch, learning_rate, minutes, device, compiling, seed, report
        As for `flow.train`.

    Returns
    -------
    Path of the checkpoint.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    torch.manual_seed(seed)
    data, scenes, factors = latents.load(folder, FAMILY)
    words = tokenizer_sd.build()
    module = network(words, device)
    module[placement.NAME] = placement.layer(module["unet"].config.block_out_channels[-1]).to(device)
    kept = architecture_sd.scheduler().alphas_cumprod.to(device)
    taught = Taught(module)
    measure = torch.compile(taught.errors, dynamic=False) if compiling else taught.errors
    path = folder / f"{STAGE}.safetensors"
    loop = Loop(
        path,
        module,
        optimizers(module, learning_rate),
        steps=steps,
        rate=trapezoid(learning_rate),
        decay=0.998,
        minutes=minutes,
        seed=seed,
        show=lambda: samples(module, words, autoencoder.trained(folder, FAMILY).to(device), factors, device=device),
        report=report,
    )
    for _ in loop:
        chosen = [loop.rng.randrange(len(scenes)) for _ in range(batch)]
        clean = data[chosen].float().to(device)
        drawn = [scenes[n] for n in chosen]
        texts = ["" if loop.rng.random() < flow.DROP else caption(scene, "en", loop.rng) for scene in drawn]
        noise, times = torch.randn_like(clean), torch.randint(len(kept), (batch,), device=device)
        share = kept[times].view(-1, 1, 1, 1)
        noisy = share.sqrt() * clean + (1 - share).sqrt() * noise
        wanted = share.sqrt() * noise - (1 - share).sqrt() * clean
        placed, weights = placement.placed(drawn, device), emphasis.weights(drawn, device)
        # Attention as plain products: on a CPU the fused one's way back takes twice as long at these sizes.
        with warnings.catch_warnings(), half(device), sdpa_kernel(SDPBackend.MATH):
            warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools.lru_cache`")
            told, second = measure(noisy, times, token_ids(words, texts, device), wanted, weights, placed)
        loop.learn(told, batch, placement.weighted(second, loop.step, loop.steps))
    return path


def token_ids(words: CLIPTokenizer, texts: Sequence[str], device: str) -> torch.Tensor:
    """Tokenize texts to (batch, 77), padded and cut as the pipeline does it."""
    rows: torch.Tensor = words(
        list(texts), padding="max_length", max_length=architecture_sd.TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    return rows.to(device)


def samples(
    module: Any,  # noqa: ANN401 - as `network` gives it
    words: CLIPTokenizer,
    vae: Any,  # noqa: ANN401 - an AutoencoderKL, which has types only at run time
    factors: dict[str, float],
    *,
    guidance: float = GUIDANCE,
    steps: int = STEPS,
    seed: int = 0,
    device: str = "cpu",
) -> list[Image.Image]:
    """Draw the card's examples as the network sees them now, by the scheduler's steps."""
    import torch

    texts, scheduler = [example["en"] for example in EXAMPLES], architecture_sd.scheduler()
    scheduler.set_timesteps(steps, device=device)
    x = torch.randn(len(texts), 4, 16, 16, generator=torch.Generator().manual_seed(seed)).to(device)
    with torch.inference_mode():
        states = module["text_encoder"](token_ids(words, [*[""] * len(texts), *texts], device))[0]
        for time in scheduler.timesteps:
            told = module["unet"](torch.cat([x, x]), time, encoder_hidden_states=states, return_dict=False)[0]
            without, asked = told.float().chunk(2)
            x = scheduler.step(without + guidance * (asked - without), time, x, return_dict=False)[0]
    return sampling.pictures(vae, x, factors)
