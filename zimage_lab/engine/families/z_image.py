"""Z-Image: prompt to text features, seed to noise, noise to latents in a few Euler steps, latents to pixels.

The modules are diffusers' and transformers' own; the loop around them is ours, so that a step can be watched and
stopped. With the same seed the pixels equal `ZImagePipeline`'s (a test compares them).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from zimage_lab.engine import checks
from zimage_lab.errors import InvalidRequest, ModelLoadError, shown
from zimage_lab.models import tokens
from zimage_lab.models.card import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from zimage_lab.models.catalog import Model
    from zimage_lab.request import GenerationRequest


@dataclass(frozen=True, slots=True)
class Features:
    """Text features of a prompt and, with guidance, of its negative, each (1, tokens, width)."""

    positive: torch.Tensor
    negative: torch.Tensor | None


def choose_device(wanted: str | None = None) -> tuple[str, torch.dtype]:
    """Choose where to compute and in which precision: bfloat16 on CUDA, else float32; never float16.

    Half precision overflows in this transformer and gives black pictures.

    Raises
    ------
    InvalidRequest
        The device that is wanted cannot be used here.
    """
    import torch

    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (AssertionError, RuntimeError) as error:  # AssertionError: torch was built without it
        field, what = "device", f"{shown(wanted)} cannot be used here ({reason(error)})"
        raise InvalidRequest(
            field, wanted, what, 'Use "cpu", or mend the driver: `zimage-lab doctor` looks.'
        ) from error
    return wanted, torch.bfloat16 if wanted.startswith("cuda") else torch.float32


class ZImage:
    """A loaded model of the Z-Image family.

    Parameters
    ----------
    model
        The catalog's entry.
    modules
        text_encoder, transformer and vae as diffusers' folder names them.
    device, dtype
        Where they are.
    """

    def __init__(self, model: Model, modules: dict[str, Any], device: str, dtype: torch.dtype) -> None:
        self.model, self.device, self.dtype = model, device, dtype
        self.text_encoder = modules["text_encoder"]
        self.transformer = modules["transformer"]
        self.vae = modules["vae"]

    @classmethod
    def load(cls, model: Model, device: str | None = None) -> ZImage:
        """Read the weights of a diffusers folder; nothing is asked of any network.

        Raises
        ------
        ModelLoadError
            The folder is missing, incomplete, damaged, or holds something else.
        InvalidRequest
            The device cannot be used here.
        """
        folder = model.folder
        import torch
        from diffusers import AutoencoderKL, ZImageTransformer2DModel
        from transformers import Qwen3Model
        from transformers.utils import logging

        logging.disable_progress_bar()  # the engine's own events say that a model is loading

        chosen, dtype = choose_device(device)
        options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
        try:
            modules = {
                "text_encoder": Qwen3Model.from_pretrained(folder, subfolder="text_encoder", dtype=dtype, **options),
                "transformer": ZImageTransformer2DModel.from_pretrained(
                    folder, subfolder="transformer", torch_dtype=dtype, **options
                ),
                # Decoding in half precision shows bands in the sky; the VAE is small enough to stay in float32.
                "vae": AutoencoderKL.from_pretrained(folder, subfolder="vae", **options).float(),
            }
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # each library has errors of its own for a damaged file
            message = f"The weights of {model.id} cannot be read: {error}. Check or replace the folder {folder.name}."
            raise ModelLoadError(message) from error
        return cls(model, {name: module.eval().to(chosen) for name, module in modules.items()}, chosen, dtype)

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Bytes of each component's weights."""
        modules = {"text_encoder": self.text_encoder, "transformer": self.transformer, "vae": self.vae}
        return {
            name: sum(value.numel() * value.element_size() for value in module.parameters())
            for name, module in modules.items()
        }

    def encode(self, request: GenerationRequest) -> Features:
        """Encode the prompt, and the negative prompt where guidance uses it."""
        negative = self._features(request.negative_prompt, request) if request.guidance_scale > 0 else None
        return Features(self._features(request.prompt, request), negative)

    def _features(self, prompt: str, request: GenerationRequest) -> torch.Tensor:
        import torch

        ids = tokens.encode(self.model, prompt)
        if request.truncate:
            ids = ids[: self.model.card.max_tokens]
        with torch.inference_mode():
            output = self.text_encoder(
                input_ids=torch.tensor([ids], device=self.device), output_hidden_states=True, use_cache=False
            )
        features: torch.Tensor = output.hidden_states[-2]
        return features

    def noise(self, request: GenerationRequest) -> torch.Tensor:
        """Draw the first latents from the seed: on the CPU in float32, so that they do not depend on the device."""
        import torch

        generator = torch.Generator("cpu").manual_seed(request.seed)
        shape = (1, self.transformer.in_channels, request.height // 8, request.width // 8)
        return torch.randn(shape, generator=generator, dtype=torch.float32)

    def sigmas(self, request: GenerationRequest) -> list[float]:
        """Give the noise shares of the steps: linear from 1 to 1/steps, shifted, then 0 (`ZImagePipeline`)."""
        import numpy as np

        shift = self.model.card.defaults.shift if request.shift is None else request.shift
        raw = np.linspace(1.0, 1 / request.steps, request.steps).astype(np.float32)
        shifted = shift * raw / (1 + (shift - 1) * raw)
        return [*map(float, shifted.astype(np.float32)), 0.0]

    def denoise(
        self,
        request: GenerationRequest,
        features: Features,
        latents: torch.Tensor,
        on_step: Callable[[int, torch.Tensor], None],
    ) -> torch.Tensor:
        """Take the Euler steps from noise to a picture's latents.

        Parameters
        ----------
        request
            Steps, guidance and shift are read from it.
        features, latents
            From `encode` and `noise`.
        on_step
            Called after each step with its number from 1 and the latents as they would end from there; what it raises
            ends the run.
        """
        import torch

        sigmas = self.sigmas(request)
        x = latents.to(self.device)
        with torch.inference_mode():
            for number, (now, following) in enumerate(itertools.pairwise(sigmas), 1):
                velocity = self._velocity(request, features, x, now)
                on_step(number, x - now * velocity)
                x = x + (torch.tensor(following) - torch.tensor(now)).to(x.device) * velocity
        checks.finite(x, "latents")
        return x

    def _velocity(self, request: GenerationRequest, features: Features, x: torch.Tensor, sigma: float) -> torch.Tensor:
        import torch

        captions = [features.positive] if features.negative is None else [features.positive, features.negative]
        time = torch.full((len(captions),), (1000 - sigma * 1000) / 1000, device=x.device)
        typed = x.to(self.dtype).unsqueeze(2)
        outputs = self.transformer(
            [typed[0]] * len(captions), time, [caption[0] for caption in captions], return_dict=False
        )[0]
        told = outputs[0].float()
        if features.negative is not None:
            told = told + request.guidance_scale * (told - outputs[1].float())
        # The transformer predicts picture minus noise; Euler's step wants noise minus picture.
        velocity: torch.Tensor = -told.squeeze(1).unsqueeze(0)
        return velocity

    def decode(self, latents: torch.Tensor) -> Image.Image:
        """Decode latents into an RGB picture."""
        import torch

        config = self.vae.config
        with torch.inference_mode():
            scaled = latents.to(self.vae.dtype) / config.scaling_factor + config.shift_factor
            pixels = self.vae.decode(scaled, return_dict=False)[0][0].float()
        checks.finite(pixels, "pixels")
        array = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        checks.varied(array)
        return Image.fromarray(array.permute(1, 2, 0).cpu().numpy())
