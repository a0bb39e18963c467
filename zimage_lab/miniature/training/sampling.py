"""Pictures from a network in training: Euler steps over a whole batch, as the pipeline takes them for one picture."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.training import architecture
from zimage_lab.miniature.training.forward import Captions, text_features, velocity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from PIL import Image


def sigmas(steps: int) -> list[float]:
    """Give the shares of noise at the ends of each step, from 1 to 0: the pipeline's, with the family's shift."""
    plain = [1 - step / steps for step in range(steps + 1)]
    return [architecture.SHIFT * s / (1 + (architecture.SHIFT - 1) * s) for s in plain]


class Guided:
    """Velocity of a network for some captions, with classifier-free guidance where its scale is above zero.

    Parameters
    ----------
    module
        Transformer and text encoder, as `flow.network` gives them.
    asked
        The captions.
    nothing
        The empty caption, or negative prompts: one row, or one for each caption; needed for guidance alone.
    guidance
        As Z-Image counts it: 0 is the plain prediction, `v + guidance * (v - v_nothing)` else.
    run
        `forward.velocity`, or that compiled.
    """

    def __init__(
        self,
        module: Any,  # noqa: ANN401 - a ModuleDict, whose parts have types only at run time
        asked: Captions,
        nothing: Captions | None = None,
        guidance: float = 0.0,
        run: Callable[..., torch.Tensor] = velocity,
    ) -> None:
        import torch

        self._transformer, self._guidance, self._count = module["transformer"], guidance, len(asked.ids)
        self._run = run
        self._features, self._padding = text_features(module["text_encoder"], asked), asked.padding
        if guidance and nothing is not None:
            length = asked.ids.shape[1]
            nothing = nothing.stretched(length, self._count)
            features = text_features(module["text_encoder"], nothing)
            self._features = torch.cat([self._features, features])
            self._padding = torch.cat([self._padding, nothing.padding])

    def __call__(self, latents: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Predict the velocity of latents (n, 16, height, width) at shares of noise (n,)."""
        if len(self._features) == self._count:
            return self._run(self._transformer, latents, sigma, self._features, self._padding).float()
        both = self._run(
            self._transformer, latents.repeat(2, 1, 1, 1), sigma.repeat(2), self._features, self._padding
        ).float()
        wanted, unwanted = both.chunk(2)
        return wanted + self._guidance * (wanted - unwanted)


def denoise(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], latents: torch.Tensor, ends: Sequence[float]
) -> torch.Tensor:
    """Take Euler steps between shares of noise, such as `sigmas` gives them."""
    for now, then in pairwise(ends):
        latents = latents + (then - now) * predict(latents, latents.new_full((len(latents),), now))
    return latents


def pictures(vae: Any, latents: torch.Tensor, factors: dict[str, float]) -> list[Image.Image]:  # noqa: ANN401 - as above
    """Decode normalised latents to RGB pictures."""
    import torch
    from PIL import Image

    with torch.inference_mode():
        decoded = vae.decode(latents / factors["scaling_factor"] + factors["shift_factor"]).sample
    pixels = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(one) for one in pixels]
