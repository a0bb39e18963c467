"""One LoRA training under way: the model's own objective, flow matching, on the encoded examples.

Logit-normal shares of noise after Esser et al. 2024 (arXiv 2403.03206), shifted as the model's steps are; LoRA: Hu et
al. 2021 (arXiv 2106.09685).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.lora_training import adapter, learned
from zimage_lab.models import build

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.families.z_image import ZImage
    from zimage_lab.lora_training.examples import Example
    from zimage_lab.lora_training.learned import Learned
    from zimage_lab.models.catalog import Model

WARM = 20
"""Updates of warm-up."""


@dataclass(frozen=True)
class Settings:
    """What a training's result depends on; two that are equal give the same file on one machine."""

    model: str
    examples: str
    rank: int
    alpha: int
    steps: int
    batch: int
    learning_rate: float
    caption_dropout: float
    seed: int


class Run:
    """One training under way: the model, its LoRA and what it learns from.

    Every update draws its randomness from its own number, so that a training that goes on ends as one that never
    stopped.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        device: str | None,
        shown_examples: Sequence[Example],
        prompts: Sequence[str],
        *,
        gradient_checkpointing: bool,
    ) -> None:
        import torch

        from zimage_lab.engine.families.z_image import ZImage

        self.settings, self.step = settings, 0
        self.family: ZImage = ZImage.load(model, device, memory_policy="resident", compiling=False)
        usual, card = model.card.defaults, model.card

        def size(width: int, height: int) -> tuple[int, int]:
            target = (usual.width, usual.height)
            return learned.size_of(width, height, target, card.multiple, fixed=card.trained_size is not None)

        self._examples, self._nothing = learned.encode(self.family, shown_examples, size)
        self._asked = [build(text, seed=number, model=model.id) for number, text in enumerate(prompts, 1)]
        self._features = [self.family.encode([request]) for request in self._asked]
        self.family.text_encoder.to("cpu")  # nothing asks it any more
        transformer = self.family.transformer
        torch.manual_seed(settings.seed)
        self._learned = adapter.add(transformer, settings.rank, settings.alpha)
        self._checkpointing = gradient_checkpointing
        self._optimizer = torch.optim.AdamW(self._learned, lr=settings.learning_rate, betas=(0.9, 0.99))

    def take_up(self, checkpoint: Path, step: int) -> None:
        """Go on from a checkpoint."""
        adapter.take_up(checkpoint, self._learned, self._optimizer, step)
        self.step = step

    def keep(self, checkpoint: Path) -> None:
        """Write a checkpoint."""
        adapter.keep(checkpoint, self._learned, self._optimizer, {"step": self.step, "settings": asdict(self.settings)})

    def update(self) -> float:
        """Make one update; gives its loss."""
        import torch

        settings, device = self.settings, self.family.device
        draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.step)
        chosen: list[Learned] = [
            self._examples[int(number)]
            for number in torch.randint(len(self._examples), (settings.batch,), generator=draw)
        ]
        dropped = torch.rand(settings.batch, generator=draw) < settings.caption_dropout
        shift = self.family.model.card.defaults.shift
        share = torch.sigmoid(torch.randn(settings.batch, generator=draw))
        sigma = (shift * share / (1 + (shift - 1) * share)).to(device)
        noise = [torch.randn(one.latents.shape, generator=draw).to(device) for one in chosen]
        clean = [one.latents.to(device) for one in chosen]
        noisy = [(1 - s) * x + s * n for s, x, n in zip(sigma, clean, noise, strict=True)]
        captions = [
            (self._nothing if drop else one.features).to(device, self.family.dtype)
            for one, drop in zip(chosen, dropped, strict=True)
        ]
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(self.step, settings.steps)
        transformer = self.family.transformer
        if self._checkpointing:
            transformer.train().enable_gradient_checkpointing()
        mixed = self.family.dtype != torch.float32
        with torch.autocast(torch.device(device).type, self.family.dtype, enabled=mixed):
            said = transformer(noisy, 1 - sigma, captions, return_dict=False)[0]
            # The transformer predicts picture minus noise.
            parts = [(out.float() - (x - n)).square().mean() for out, x, n in zip(said, clean, noise, strict=True)]
        loss = torch.stack(parts).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._learned, 1.0)
        self._optimizer.step()
        if self._checkpointing:
            transformer.eval().disable_gradient_checkpointing()
        self.step += 1
        return loss.item()

    def samples(self) -> list[Image.Image]:
        """Draw the sample prompts with the LoRA as it is now."""
        drawn: list[Image.Image] = []
        for request, features in zip(self._asked, self._features, strict=True):
            noise = self.family.noise([request])
            drawn += self.family.decode(self.family.denoise([request], features, noise, _nothing))
        return drawn


def _rate(step: int, steps: int) -> float:
    """Give the share of the peak rate: warmed up, then falling along a cosine to a twentieth."""
    return min(1.0, (step + 1) / WARM) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _nothing(_step: int, _latents: Any) -> None:  # noqa: ANN401 - nobody looks
    """Watch no step."""
