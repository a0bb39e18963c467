"""Stable Diffusion 1.5: the same verbs as Z-Image's, to compare with.

diffusers' modules and its scheduler take the steps as `StableDiffusionPipeline` does; noise is drawn on the CPU in
float32 for each picture's seed, and every step can be watched and stopped. Guidance is the ordinary convention: 1 and
below is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import decoding
from zimage_lab.engine.families import varied
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import load_stable_diffusion, memory, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine.pictures import Source, Start
    from zimage_lab.models.catalog import Model
    from zimage_lab.request import GenerationRequest


@dataclass(frozen=True, slots=True)
class Features:
    """Text features (batch, 77, width) of prompts, of their negatives with guidance, and what the first steps see."""

    positive: torch.Tensor
    negative: torch.Tensor | None
    early: torch.Tensor


def precision(device: str) -> torch.dtype:
    """Give the precision of UNet and text encoder: float16 on CUDA, as they were published, else float32.

    Unlike Z-Image's transformer they do not overflow in float16, and it is finer than bfloat16.
    """
    import torch

    return torch.float16 if device.startswith("cuda") else torch.float32


class StableDiffusion:
    """A loaded model of the family of Stable Diffusion 1.5.

    Parameters
    ----------
    model
        The catalog's entry.
    modules
        text_encoder, unet, vae and scheduler, as diffusers' folder names them.
    device, dtype
        Where they are.
    """

    def __init__(self, model: Model, modules: dict[str, Any], device: str, dtype: torch.dtype) -> None:
        import torch

        self.model, self.device, self.dtype = model, device, dtype
        self.modules = {name: part for name, part in modules.items() if name != "scheduler"}
        self.text_encoder, self.unet, self.vae = (modules[name] for name in ("text_encoder", "unet", "vae"))
        self._scheduler = modules["scheduler"]
        self.policy: memory.Policy = "resident"
        self.tiled = False
        if device != "mps":
            self.vae.to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, model: Model, device: str | None = None) -> StableDiffusion:
        """Read the weights; nothing is asked of any network.

        Raises
        ------
        ModelLoadError
            The files are missing, incomplete, damaged, or hold something else.
        InvalidRequest
            The device cannot be used here.
        """
        chosen, _ = memory.choose_device(device)
        dtype = precision(chosen)
        return cls(model, load_stable_diffusion.modules(model, device=chosen, dtype=dtype), chosen, dtype)

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Bytes of each component's weights."""
        return {
            name: sum(value.numel() * value.element_size() for value in module.parameters())
            for name, module in self.modules.items()
        }

    @property
    def facts(self) -> dict[str, str | bool]:
        """How the last picture was computed, for its record."""
        return {
            "path": "diffusers",
            "scheduler": type(self._scheduler).__name__,
            "compile": False,
            "offload": self.policy,
            "vae_tiling": self.vae.use_tiling,
        }

    def adapt(self, asked: Sequence[tuple[Path, float]]) -> None:
        """Take no LoRA: the check of a request says so before."""
        if asked:
            field, what = "loras", f"{self.model.id} takes none here"
            raise InvalidRequest(field, asked, what, "Choose a Z-Image model.")

    def begin(self, source: Source, requests: Sequence[GenerationRequest]) -> Start:
        """Begin with no picture: the check of a request says so before."""
        field, what = "init_image", f"{self.model.id} begins with noise only here"
        raise InvalidRequest(field, source, what, f"Choose a Z-Image model for {len(requests)} picture(s).")

    def encode(self, requests: Sequence[GenerationRequest], references: Sequence[Image.Image] = ()) -> Features:  # noqa: ARG002 - they do not edit
        """Encode the prompts, and the negative prompts where guidance uses them."""
        import torch

        positive = self._features([request.prompt for request in requests])
        guided = requests[0].guidance_scale > 1
        negative = self._features([r.negative_prompt for r in requests]) if guided else None
        early = torch.stack([varied.blurred(one, request) for one, request in zip(positive, requests, strict=True)])
        return Features(positive, negative, early)

    def _features(self, prompts: Sequence[str]) -> torch.Tensor:
        import torch

        limit, rows = self.model.card.max_tokens, []
        for prompt in prompts:
            ids = tokens.encode(self.model, prompt)
            end = ids[-1]  # the end's token, also behind what is cut; CLIP pads with it, too
            rows.append((ids if len(ids) <= limit else [*ids[: limit - 1], end]) + [end] * max(0, limit - len(ids)))
        with torch.inference_mode():
            features: torch.Tensor = self.text_encoder(torch.tensor(rows, device=self.device))[0]
        return features

    def noise(self, requests: Sequence[GenerationRequest]) -> torch.Tensor:
        """Draw each picture's first latents from its seed: on the CPU in float32, so that no device changes them."""
        import torch

        edges = (requests[0].height // decoding.FACTOR, requests[0].width // decoding.FACTOR)
        shape = (1, self.unet.config.in_channels, *edges)
        return torch.cat(
            [torch.randn(shape, generator=torch.Generator("cpu").manual_seed(request.seed)) for request in requests]
        )

    def denoise(
        self,
        requests: Sequence[GenerationRequest],
        features: Features,
        latents: torch.Tensor,
        on_step: Callable[[int, torch.Tensor], None],
        start: Start | None = None,
    ) -> torch.Tensor:
        """Take the scheduler's steps from noise to the pictures' latents.

        Parameters
        ----------
        requests
            Steps and guidance are read from the first.
        features, latents
            From `encode` and `noise`.
        on_step
            Called after each step with its number from 1 and the latents as they would end from there; what it raises
            ends the run.
        start
            Not taken by this family.
        """
        import torch

        del start
        asked = requests[0]
        scheduler = type(self._scheduler).from_config(self._scheduler.config)  # it counts its steps: one for each run
        scheduler.set_timesteps(asked.steps, device=self.device)
        x = latents.to(self.device) * scheduler.init_noise_sigma
        without = [] if features.negative is None else [features.negative]
        first, later = torch.cat([*without, features.early]), torch.cat([*without, features.positive])
        until = varied.early(asked.steps)
        with torch.inference_mode():
            for index, time in enumerate(scheduler.timesteps):
                states = first if index < until else later
                given = scheduler.scale_model_input(x, time)
                told = self._told(given, time, states, asked.guidance_scale)
                expected = _expected(scheduler, given, told, time)
                x = scheduler.step(told, time, x, return_dict=False)[0]
                # PNDM looks twice at its second step.
                on_step(max(1, index + 1 - (len(scheduler.timesteps) - asked.steps)), expected)
        result: torch.Tensor = x
        return result

    def _told(self, given: torch.Tensor, time: torch.Tensor, states: torch.Tensor, guidance: float) -> torch.Tensor:
        import torch

        guided = len(states) > len(given)
        given = torch.cat([given, given]) if guided else given
        told: torch.Tensor = self.unet(given.to(self.dtype), time, encoder_hidden_states=states, return_dict=False)[0]
        told = told.float()
        if not guided:
            return told
        without, with_prompt = told.chunk(2)
        mixed: torch.Tensor = without + guidance * (with_prompt - without)
        return mixed

    def decode(self, latents: torch.Tensor) -> list[Image.Image]:
        """Decode latents into RGB pictures."""
        return decoding.decode(self.vae, latents, self.device, tiled=self.tiled)


def _expected(
    scheduler: Any,  # noqa: ANN401
    given: torch.Tensor,
    told: torch.Tensor,
    time: torch.Tensor,
) -> torch.Tensor:
    """Give the latents as they would end from here, of what the UNet was given and told.

    Of the noise e: (x - sqrt(1 - a) e) / sqrt(a); of the velocity v: sqrt(a) x - sqrt(1 - a) v (Salimans and Ho 2022,
    arXiv 2202.00512), as Stable Diffusion 2 has it.
    """
    kept = scheduler.alphas_cumprod[int(time)].to(given.device)
    kind, signal, noise = scheduler.config.prediction_type, kept.sqrt(), (1 - kept).sqrt()
    found: torch.Tensor = signal * given - noise * told if kind == "v_prediction" else (given - noise * told) / signal
    return told if kind == "sample" else found
