"""Z-Image: prompts to text features, seeds to noise, noise to latents in a few Euler steps, latents to pixels.

The modules are diffusers' and transformers' own; the loop around them is ours, so that a step can be watched and
stopped, and so that nothing is computed twice. With the same seed the pixels equal `ZImagePipeline`'s (tests compare).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import decoding, pictures
from zimage_lab.engine.families import samplers, varied
from zimage_lab.engine.families import z_image_forward as forward
from zimage_lab.engine.families.sigmas import sigmas as noise_shares
from zimage_lab.engine.families.z_image_text import TextFeatures
from zimage_lab.engine.families.z_image_tuning import Choice, Tuning
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import load_z_image, memory, quantize, tokens
from zimage_lab.models.loras import Loras

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
    """Text features of prompts and, with guidance, of their negatives, each (tokens, width).

    What the first steps see in the prompts' place is `early`, empty where that is nothing else.
    """

    positive: list[torch.Tensor]
    negative: list[torch.Tensor]
    early: list[torch.Tensor]


class ZImage:
    """A loaded model of the Z-Image family.

    Every verb takes the requests of one batch, which share size, steps, guidance and shift.

    Parameters
    ----------
    model
        The catalog's entry.
    modules
        text_encoder, transformer and vae as diffusers' folder names them.
    device, dtype
        Where they are.
    policy
        What of it stays on the device; where anything is streamed, the modules' own forward passes run.
    quantization
        What was done to the transformer's weights, for the record.
    reference
        Run the modules' own forward passes, as `ZImagePipeline` does: slower, the measure of the other path.
    compiling
        Whether the fast path may compile on a GPU.
    """

    def __init__(
        self,
        model: Model,
        modules: dict[str, Any],
        device: str,
        dtype: torch.dtype,
        *,
        policy: memory.Policy = "resident",
        quantization: str = "none",
        reference: bool = False,
        compiling: bool = True,
    ) -> None:
        import torch

        self.model, self.device, self.dtype, self.modules = model, device, dtype, modules
        self.text_encoder, self.transformer, self.vae = (
            modules[name] for name in ("text_encoder", "transformer", "vae")
        )
        self.policy, self.quantization = policy, quantization
        self.tiled = False  # decode in tiles, also where more seems to fit
        # Group offload watches the modules' own forward passes, which the fast path does not call.
        self.reference = reference or policy == "small"
        self._texts = TextFeatures(self.text_encoder, whole=reference or policy != "resident")
        self._loras = Loras(model, self.transformer)
        self._tuning = Tuning(device, compiling=compiling)
        self._choice = Choice()
        if not reference and device != "mps":
            self.vae.to(memory_format=torch.channels_last)  # convolutions are a third quicker so

    @classmethod
    def load(
        cls,
        model: Model,
        device: str | None = None,
        *,
        memory_policy: str = "auto",
        quantization: str = "none",
        **options: bool,
    ) -> ZImage:
        """Read the weights, in whatever files they are; nothing is asked of any network.

        Parameters
        ----------
        model
            A model that is on this machine.
        device
            As torch names it; None takes the best there is.
        memory_policy
            "auto" or one of `models.memory`'s policies.
        quantization
            "fp8" or "none".
        **options
            `reference`, `compiling`.

        Raises
        ------
        ModelLoadError
            The files are missing, incomplete, damaged, or hold something else.
        InvalidRequest
            The device cannot be used here, or does not go with the quantization.
        """
        chosen, dtype = memory.choose_device(device)
        defaults = model.card.defaults
        sizes = load_z_image.component_bytes(model, dtype.itemsize)
        if quantization != "none":
            sizes = quantize.sizes(sizes, dtype.itemsize)
        working = memory.working_bytes(defaults.width, defaults.height)
        policy = memory.choose(memory_policy, sizes, memory.free_bytes(chosen), working)
        if quantization != "none":
            quantize.check(chosen, policy, model)
        # What is to become smaller may be too large for the device as it is.
        place = chosen if policy == "resident" and quantization == "none" else "cpu"
        modules = load_z_image.modules(model, device=place, dtype=dtype)
        if quantization != "none":
            quantization = quantize.quantize(modules[quantize.QUANTIZED], chosen)
        policy = memory.arrange(modules, chosen, policy)
        return cls(model, modules, chosen, dtype, policy=policy, quantization=quantization, **options)

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Bytes of each component's weights."""
        return {
            name: sum(quantize.stored(value) for value in module.parameters()) for name, module in self.modules.items()
        }

    @property
    def facts(self) -> dict[str, str | bool]:
        """How the last picture was computed, for its record."""
        return {
            "path": "reference" if self.reference else "fast",
            "attention": self._choice.attention,
            "compile": self._choice.compiled,
            "offload": self.policy,
            "quantization": self.quantization,
            "vae_tiling": self.vae.use_tiling,
        }

    def adapt(self, asked: Sequence[tuple[Path, float]]) -> None:
        """Have exactly these LoRA files take part, each with its weight."""
        self._loras.use(asked)

    def encode(self, requests: Sequence[GenerationRequest], references: Sequence[Image.Image] = ()) -> Features:  # noqa: ARG002 - they do not edit
        """Encode the prompts, and the negative prompts where guidance uses them."""
        guided = requests[0].guidance_scale > 0
        positive = [self._features(request.prompt, request) for request in requests]
        negative = [self._features(request.negative_prompt, request) for request in requests] if guided else []
        early = []
        if any(request.variation for request in requests):
            early = [varied.blurred(one, request) for one, request in zip(positive, requests, strict=True)]
        return Features(positive, negative, early)

    def _features(self, prompt: str, request: GenerationRequest) -> torch.Tensor:
        ids = tokens.encode(self.model, prompt)
        if request.truncate:
            ids = ids[: self.model.card.max_tokens]
        return self._texts(ids, self.device)

    def features(self, prompt: str) -> torch.Tensor:
        """Give the text features (tokens, width) of any text.

        Raises
        ------
        InvalidRequest
            It has more tokens than the model reads.
        """
        ids, most = tokens.encode(self.model, prompt), self.model.card.max_tokens
        if len(ids) > most:
            field, what = "prompt", f"{len(ids)} tokens are more than the {most} that {self.model.id} reads"
            raise InvalidRequest(field, prompt, what, "Shorten it.")
        return self._texts(ids, self.device)

    def latents_of(self, given: Sequence[Image.Image]) -> torch.Tensor:
        """Give the latents of RGB pictures whose sides are multiples of 16, always the same ones, float32."""
        import torch

        config, rows = self.vae.config, []
        for picture in given:
            decoding.tile(self.vae, self.device, picture.width, picture.height, tiled=self.tiled)
            with torch.inference_mode():
                pixels = pictures.tensor(picture).to(self.device, self.vae.dtype)
                mean = self.vae.encode(pixels).latent_dist.mode().float()
            rows.append((mean - (config.shift_factor or 0.0)) * config.scaling_factor)
        return torch.cat(rows)

    def noise(self, requests: Sequence[GenerationRequest]) -> torch.Tensor:
        """Draw each picture's first latents from its seed: on the CPU in float32, so that no device changes them."""
        import torch

        shape = (1, self.transformer.in_channels, requests[0].height // 8, requests[0].width // 8)
        return torch.cat(
            [
                torch.randn(shape, generator=torch.Generator("cpu").manual_seed(request.seed), dtype=torch.float32)
                for request in requests
            ]
        )

    def begin(self, source: Source, requests: Sequence[GenerationRequest]) -> Start:
        """Noise a picture, for each seed, as far as the requests' strength says."""
        decoding.tile(self.vae, self.device, requests[0].width, requests[0].height, tiled=self.tiled)
        return pictures.start(source, requests, self.sigmas(requests[0]), vae=self.vae, device=self.device)

    def sigmas(self, request: GenerationRequest) -> list[float]:
        """Give the noise shares of the request's steps."""
        shift = self.model.card.defaults.shift if request.shift is None else request.shift
        return noise_shares(request.scheduler, request.steps, shift)

    def denoise(
        self,
        requests: Sequence[GenerationRequest],
        features: Features,
        latents: torch.Tensor,
        on_step: Callable[[int, torch.Tensor], None],
        start: Start | None = None,
    ) -> torch.Tensor:
        """Take the steps from noise, or from a noised picture, to the pictures' latents.

        Parameters
        ----------
        requests
            Steps, guidance and shift are read from the first.
        features, latents
            From `encode` and `noise`.
        on_step
            Called after each step with its number from 1 and the latents as they would end from there; what it raises
            ends the run.
        start
            From `begin`, where a picture is begun with; its latents stand for the noise.
        """
        import torch

        sigmas = self.sigmas(requests[0]) if start is None else start.sigmas
        x = latents.to(self.device)
        with torch.inference_mode():
            velocity = self._velocity(requests[0].guidance_scale, features, x, sigmas)
            settle = None if start is None else start.settle
            return samplers.walk(requests[0].sampler, x, sigmas, velocity, on_step, settle)

    def _velocity(
        self, guidance: float, features: Features, x: torch.Tensor, sigmas: list[float]
    ) -> Callable[[torch.Tensor, int], torch.Tensor]:
        """Give the function from latents and step to their derivative by sigma, in float32."""
        prepare = self.predictor
        run = prepare([*features.positive, *features.negative], x, sigmas)
        if features.early:
            first, later, until = (
                prepare([*features.early, *features.negative], x, sigmas),
                run,
                varied.early(len(sigmas) - 1),
            )

            def run(x: torch.Tensor, step: int) -> torch.Tensor:
                return (first if step < until else later)(x, step)

        if not features.negative:
            return run
        count = len(features.positive)

        def guided(x: torch.Tensor, step: int) -> torch.Tensor:
            import torch

            positive, negative = run(torch.cat([x, x]), step).split(count)
            told: torch.Tensor = positive + guidance * (positive - negative)
            return told

        return guided

    def predictor(
        self, captions: list[torch.Tensor], x: torch.Tensor, sigmas: list[float]
    ) -> Callable[[torch.Tensor, int], torch.Tensor]:
        """Give the function from latents, one for each caption, and step to their derivatives by sigma, in float32.

        Parameters
        ----------
        captions
            Text features (tokens, width), on the device.
        x
            Latents of the size that is drawn, on the device.
        sigmas
            Noise shares of the steps, and one more.
        """
        return (self._plain if self.reference else self._planned)(captions, x, sigmas)

    def _plain(
        self, captions: list[torch.Tensor], _x: torch.Tensor, sigmas: list[float]
    ) -> Callable[[torch.Tensor, int], torch.Tensor]:
        import torch

        def run(x: torch.Tensor, step: int) -> torch.Tensor:
            time = torch.full((len(captions),), (1000 - sigmas[step] * 1000) / 1000, device=x.device)
            outputs = self.transformer(list(x.to(self.dtype).unsqueeze(2)), time, captions, return_dict=False)[0]
            # The transformer predicts picture minus noise; Euler's step wants noise minus picture.
            return -torch.stack(outputs).squeeze(2).float()

        return run

    def _planned(
        self, captions: list[torch.Tensor], x: torch.Tensor, sigmas: list[float]
    ) -> Callable[[torch.Tensor, int], torch.Tensor]:
        """Prepare what all steps share, for each padded length of captions: a mixture would need a mask."""
        import torch

        groups: dict[int, list[int]] = {}
        for row, caption in enumerate(captions):
            groups.setdefault(forward.padded(len(caption)), []).append(row)
        size = (x.shape[2], x.shape[3])
        plans = [
            (rows, forward.plan(self.transformer, [captions[row] for row in rows], size, sigmas[:-1]))
            for rows in groups.values()
        ]
        rows, prepared = plans[0]
        choice = self._choice = self._tuned(len(rows), prepared)

        def one(plan: forward.Plan, x: torch.Tensor, step: int) -> torch.Tensor:
            velocity = forward.velocity(self.transformer, plan, x, step, attend=choice.attend, block=choice.block)
            return velocity.float()

        def run(x: torch.Tensor, step: int) -> torch.Tensor:
            typed = x.to(self.dtype)
            if len(plans) == 1:
                return one(prepared, typed, step)
            result = torch.empty_like(x, dtype=torch.float32)
            for rows, own in plans:
                result[rows] = one(own, typed[rows], step)
            return result

        return run

    def _tuned(self, batch: int, prepared: forward.Plan) -> Choice:
        blank = prepared.caption.new_zeros(batch, len(prepared.all_turns), prepared.caption.shape[-1])
        modulation = prepared.steps[0][0][-1]
        return self._tuning.choose(self.transformer.layers[-1], blank, modulation, prepared.all_turns)

    def decode(self, latents: torch.Tensor) -> list[Image.Image]:
        """Decode latents into RGB pictures."""
        return decoding.decode(self.vae, latents, self.device, tiled=self.tiled)
