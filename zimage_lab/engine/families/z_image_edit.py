"""Z-Image's edit models: pictures and an instruction in, the changed picture out.

What `ZImageOmniPipeline` (diffusers 0.39) does, with its own modules: the instruction is encoded in parts around the
pictures, each picture is seen twice, as clean latents and by SigLIP, and the transformer's own forward pass runs over
all of it. The steps, the noise and the decoding are the family's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import pictures
from zimage_lab.engine.families import samplers, varied
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import load_z_image_edit, memory, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from PIL import Image

    from zimage_lab.engine.pictures import Source, Start
    from zimage_lab.models.catalog import Model
    from zimage_lab.request import GenerationRequest

Parts = list["torch.Tensor"]
"""Text features of an instruction's parts, each (tokens, width)."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the transformer is given beside the noisy picture.

    Parameters
    ----------
    positive, negative, early
        For each request the features of its parts, those of its negative prompt where there is guidance, and what the
        first steps see in the place of the first.
    latents
        Clean latents of each picture, (channels, 1, height, width).
    seen
        SigLIP's features of each picture, (rows, columns, width).
    """

    positive: list[Parts]
    negative: list[Parts]
    early: list[Parts]
    latents: list[torch.Tensor]
    seen: list[torch.Tensor]


class ZImageEdit(ZImage):
    """A loaded edit model; as `ZImage`, but for what it is given and how the transformer sees it."""

    def __init__(self, model: Model, modules: dict[str, Any], device: str, dtype: torch.dtype) -> None:
        self._processor = modules.pop("siglip_processor")
        super().__init__(model, modules, device, dtype, reference=True)
        self.siglip = modules["siglip"]

    @classmethod
    def load(cls, model: Model, device: str | None = None, **_: Any) -> ZImageEdit:  # noqa: ANN401 - it is always resident
        """Read the weights of a folder in diffusers' layout.

        Raises
        ------
        ModelLoadError
            The files are missing, incomplete, damaged, or hold something else.
        InvalidRequest
            The device cannot be used here.
        """
        chosen, dtype = memory.choose_device(device)
        return cls(model, load_z_image_edit.modules(model, device=chosen, dtype=dtype), chosen, dtype)

    def begin(self, source: Source, requests: Sequence[GenerationRequest]) -> Start:
        """Begin with no picture: the check of a request says so before."""
        field, what = "init_image", f"{self.model.id} changes pictures that are given as reference_images"
        raise InvalidRequest(field, source, what, f"Give it so for {len(requests)} picture(s).")

    def encode(  # type: ignore[override] # features are each family's own
        self, requests: Sequence[GenerationRequest], references: Sequence[Image.Image] = ()
    ) -> Instruction:
        """Encode the instructions and the pictures."""
        import torch

        guided, count = requests[0].guidance_scale > 0, len(references)
        positive = [self._parts(request.prompt, request, count) for request in requests]
        negative = [self._parts(request.negative_prompt, request, count) for request in requests] if guided else []
        latents, seen = [], []
        with torch.inference_mode():
            for picture in references:
                mean = self.vae.encode(pictures.tensor(picture).to(self.device, self.vae.dtype)).latent_dist.mode()[0]
                config = self.vae.config
                latents.append(((mean - config.shift_factor) * config.scaling_factor).unsqueeze(1).to(self.dtype))
                seen.append(self._look(picture))
        early = [
            [varied.blurred(part, request) for part in parts] for parts, request in zip(positive, requests, strict=True)
        ]
        return Instruction(positive, negative, early, latents, seen)

    def _parts(self, prompt: str, request: GenerationRequest, count: int) -> Parts:
        limit = self.model.card.max_tokens if request.truncate else None
        return [self._texts(ids[:limit], self.device) for ids in tokens.encode_edit(self.model, prompt, count)]

    def _look(self, picture: Image.Image) -> torch.Tensor:
        """Give SigLIP's features of a picture, by its patches' rows and columns."""
        given = self._processor(images=[picture], return_tensors="pt").to(self.device)
        rows, columns = (int(edge) for edge in given["spatial_shapes"][0])
        found = self.siglip(
            pixel_values=given["pixel_values"].to(self.dtype),
            pixel_attention_mask=given["pixel_attention_mask"],
            spatial_shapes=given["spatial_shapes"],
        ).last_hidden_state
        features: torch.Tensor = found[0, : rows * columns].view(rows, columns, -1)
        return features

    def denoise(
        self,
        requests: Sequence[GenerationRequest],
        features: Any,  # noqa: ANN401 - an Instruction
        latents: torch.Tensor,
        on_step: Callable[[int, torch.Tensor], None],
        start: Start | None = None,  # noqa: ARG002 - it never begins with a picture
    ) -> torch.Tensor:
        """Take the steps from noise to the changed picture's latents; see `ZImage.denoise`."""
        import torch

        sigmas, x = self.sigmas(requests[0]), latents.to(self.device)
        with torch.inference_mode():
            velocity = self._edited(requests[0].guidance_scale, features, sigmas)
            return samplers.walk(requests[0].sampler, x, sigmas, velocity, on_step)

    def _edited(
        self, guidance: float, given: Instruction, sigmas: list[float]
    ) -> Callable[[torch.Tensor, int], torch.Tensor]:
        import torch

        count, until = len(given.positive), varied.early(len(sigmas) - 1)

        def run(x: torch.Tensor, step: int) -> torch.Tensor:
            every = [*(given.early if step < until else given.positive), *given.negative]
            noisy = x.to(self.dtype).unsqueeze(2)
            noisy = torch.cat([noisy, noisy]) if given.negative else noisy
            outputs = self.transformer(
                [[*given.latents, one] for one in noisy],
                torch.full((len(every),), 1 - sigmas[step], device=x.device),
                every,
                siglip_feats=[[*given.seen, None] for _ in every],
                image_noise_mask=[[0] * len(given.latents) + [1] for _ in every],
                return_dict=False,
            )[0]
            # The transformer predicts picture minus noise; Euler's step wants noise minus picture.
            velocity = -torch.stack(outputs).squeeze(2).float()
            if not given.negative:
                return velocity
            positive, negative = velocity.split(count)
            guided: torch.Tensor = positive + guidance * (positive - negative)
            return guided

        return run
