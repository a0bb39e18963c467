"""Edit: the base model taught to change a picture by an instruction, by flow matching on pairs.

It begins with the base model's weights. The picture to change stands beside the noisy one as clean latents and as
SigLIP's features, in the sequence that `ZImageTransformer2DModel` builds for its omni mode. As with the base model, the
transformer also says what the patches of the changed picture will show (`placement`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.instructions import instruction
from zimage_lab.miniature.training import (
    architecture,
    autoencoder,
    emphasis,
    flow,
    latents,
    pairs,
    placement,
    sampling,
    tokenizer,
)
from zimage_lab.miniature.training.forward_edit import Edits, velocity_and_tokens
from zimage_lab.miniature.training.loop import Loop, trapezoid
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image
    from transformers import Qwen2Tokenizer

STAGE = "edit"

SHOWN = 12
"""Pairs on a sheet: the pictures before, and below them the changed ones."""


def network(words: Qwen2Tokenizer, device: str, base: Path | None = None) -> Any:  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
    """Build text encoder, SigLIP and transformer as one module, with the base model's weights where they are given."""
    import torch

    encoder = architecture.text_encoder(len(words), words.eos_token_id, words.pad_token_id)
    parts = {
        "transformer": architecture.transformer(sees=True),
        "text_encoder": encoder,
        "siglip": architecture.siglip(),
    }
    module = torch.nn.ModuleDict(parts)
    if base is not None:
        known, own = flow.trained(base)[0], module.state_dict()
        for name, value in known.items():
            own[name][: len(value)] = value  # the vocabulary has grown at its end
        module.load_state_dict(own)
    return module.to(device)


def train(
    folder: Path,
    *,
    steps: int,
    batch: int = 32,
    learning_rate: float = 1e-3,
    minutes: float | None = None,
    device: str = "cpu",
    compiling: bool = True,
    seed: int = 5,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the edit model, or go on from `edit.safetensors` in `folder`.

    Parameters
    ----------
    folder
        Working folder that holds `pairs.safetensors` and `flow.safetensors`.
    steps, batch, learning_rate, minutes, device, compiling, seed, report
        As for `flow.train`.

    Returns
    -------
    Path of the checkpoint.
    """
    import torch

    torch.manual_seed(seed)
    data, factors = pairs.load(folder), latents.factors(folder)
    words = tokenizer.build(sees=True)
    module = network(words, device, folder / f"{flow.STAGE}.safetensors")
    module[placement.NAME] = placement.layer(architecture.DIM).to(device)
    run = torch.compile(velocity_and_tokens, dynamic=False) if compiling else velocity_and_tokens
    path = folder / f"{STAGE}.safetensors"

    def edits(chosen: list[int], rng: random.Random, drop: float) -> Edits:
        said = [
            "" if rng.random() < drop else instruction(edit.kind, *edit.things, rng.choice(("en", "zh")), rng)
            for edit in (data.edits[n] for n in chosen)
        ]
        return Edits.of(words, said, data.before[chosen].float(), data.patches[chosen], device)

    def show() -> list[Image.Image]:
        chosen = list(range(SHOWN))
        noise = torch.randn(len(chosen), *data.before.shape[1:], generator=torch.Generator().manual_seed(0)).to(device)
        with torch.inference_mode():
            asked = edits(chosen, loop.rng, 0.0)
            made = sampling.denoise(asked.seen_by(module), noise, sampling.sigmas(20))
            both = torch.cat([data.before[chosen].float().to(device), made])
            return sampling.pictures(autoencoder.trained(folder).to(device), both, factors)

    loop = Loop(
        path,
        module,
        flow.optimizers(module, learning_rate),
        steps=steps,
        rate=trapezoid(learning_rate),
        decay=0.998,
        minutes=minutes,
        seed=seed,
        show=show,
        report=report,
    )
    for _ in loop:
        chosen = [loop.rng.randrange(len(data.edits)) for _ in range(batch)]
        clean, asked = data.after[chosen].float().to(device), edits(chosen, loop.rng, flow.DROP)
        drawn = [data.edits[n] for n in chosen]
        weights = emphasis.standing(drawn, device)
        noise, sigma = torch.randn_like(clean), flow.drawn_sigmas(batch, device)
        share = sigma.view(-1, 1, 1, 1)
        with half(device):
            told, tokens = run(module, (1 - share) * clean + share * noise, sigma, *asked.inputs(module))
            wanted = placement.placed([edit.after for edit in drawn], device, [edit.where for edit in drawn])
            second = placement.error(module[placement.NAME], tokens, wanted)
        loss = ((told.float() - (noise - clean)).square() * weights).mean()
        loop.learn(loss, batch, placement.weighted(second, loop.step, loop.steps))
    return path
