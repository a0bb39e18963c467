"""Begins with a picture instead of noise alone: image to image, and inpainting behind a mask.

The steps are those of `ZImageImg2ImgPipeline` and `ZImageInpaintPipeline` (diffusers 0.42.1): the first steps are left
out as `strength` says, the picture's latents get the noise of the first one that is left, and with a mask what shall
stay is put back after each step. At the end its pixels are put back, too, behind a soft edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.store import inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.request import GenerationRequest

EDGE = 3
"""Radius in pixels of the blur that softens the edge of what is put back."""

_HALF = 127


@dataclass(frozen=True, slots=True)
class Source:
    """What a picture begins with, in the size that is drawn.

    Parameters
    ----------
    picture
        RGB.
    mask
        White where it is drawn anew, black where it stays; None draws everything anew.
    """

    picture: Image.Image
    mask: Image.Image | None

    def pasted(self, drawn: Image.Image) -> Image.Image:
        """Put back the pixels that shall stay."""
        from PIL import Image, ImageFilter

        if self.mask is None:
            return drawn
        return Image.composite(drawn, self.picture, self.mask.filter(ImageFilter.GaussianBlur(EDGE)))


@dataclass(frozen=True, slots=True)
class Start:
    """Where the steps begin.

    Parameters
    ----------
    latents
        (batch, channels, height, width), float32: the picture's, noised.
    sigmas
        Noise shares of the steps that are left.
    settle
        Puts back what shall stay after a step; None without a mask.
    """

    latents: torch.Tensor
    sigmas: list[float]
    settle: Callable[[torch.Tensor, float], torch.Tensor] | None


def source(request: GenerationRequest, home: Path) -> Source | None:
    """Read what a request begins with; None where it begins with noise.

    Raises
    ------
    InvalidRequest
        A stored picture is missing or was changed.
    """
    if request.init_image is None:
        return None
    size = (request.width, request.height)
    mask = None
    if request.mask is not None:
        mask = fitted(inputs.opened(request.mask, home, "mask").convert("L"), size)
        mask = mask.point(lambda value: 255 if value > _HALF else 0)
    return Source(fitted(inputs.opened(request.init_image, home).convert("RGB"), size), mask)


def references(request: GenerationRequest, home: Path) -> list[Image.Image]:
    """Read the pictures that an edit is about, each scaled and cut to the size that is drawn.

    Raises
    ------
    InvalidRequest
        A stored picture is missing or was changed.
    """
    size = (request.width, request.height)
    return [fitted(inputs.opened(one, home, inputs.SEVERAL).convert("RGB"), size) for one in request.reference_images]


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Fill a size with a picture: scaled with its proportions, and cut where these are others, evenly."""
    from PIL import Image, ImageOps

    return picture if picture.size == size else ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def start(
    given: Source,
    requests: Sequence[GenerationRequest],
    sigmas: list[float],
    *,
    vae: Any,  # noqa: ANN401 - a module
    device: str,
) -> Start:
    """Noise a picture for the seeds of a batch.

    Parameters
    ----------
    given
        The picture.
    requests
        Of one batch: their seeds and strength are read.
    sigmas
        Of all steps, and 0.
    vae
        diffusers' `AutoencoderKL`.
    device
        Where the VAE is.
    """
    import torch

    kept = sigmas[max(0, len(sigmas) - 1 - requests[0].denoising_steps) :]  # a schedule may have fewer steps
    with torch.inference_mode():
        posterior = vae.encode(tensor(given.picture).to(device, vae.dtype)).latent_dist
    clean, noise = [], []
    for request in requests:
        # The order of diffusers' pipelines: the posterior's sample first, then the noise, from one generator.
        generator = torch.Generator("cpu").manual_seed(request.seed)
        mean, deviation = posterior.mean.float().cpu(), posterior.std.float().cpu()
        clean.append(mean + deviation * torch.randn(mean.shape, generator=generator))
        noise.append(torch.randn(mean.shape, generator=generator))
    latents = (torch.cat(clean) - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
    drawn = torch.cat(noise)

    def noised(sigma: float) -> torch.Tensor:
        mixed: torch.Tensor = sigma * drawn + (1.0 - sigma) * latents
        return mixed

    if given.mask is None:
        return Start(noised(kept[0]), kept, None)
    anew = _mask(given.mask, (latents.shape[2], latents.shape[3])).to(device)

    def settle(x: torch.Tensor, sigma: float) -> torch.Tensor:
        return (1 - anew) * noised(sigma).to(x.device) + anew * x

    return Start(noised(kept[0]), kept, settle)


def tensor(picture: Image.Image) -> torch.Tensor:
    """Give an RGB picture as the VAE takes it: (1, 3, height, width), -1 to 1."""
    import numpy as np
    import torch

    array = np.asarray(picture, np.float32) / 127.5 - 1
    return torch.from_numpy(array).permute(2, 0, 1).unsqueeze(0)


def _mask(mask: Image.Image, size: tuple[int, int]) -> torch.Tensor:
    """Give the mask in the latents' size; a latent is drawn anew where any of its pixels is."""
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.asarray(mask, np.float32) / 255)[None, None]
    return torch.nn.functional.adaptive_max_pool2d(pixels, size)
