"""Model families: one file each, four verbs (encode, noise, denoise, decode)."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from zimage_lab.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine.pictures import Source, Start
    from zimage_lab.home import Settings
    from zimage_lab.models.catalog import Model
    from zimage_lab.models.memory import Policy
    from zimage_lab.request import GenerationRequest


class Family(Protocol):
    """A loaded model, whatever its family: every verb takes the requests of one batch.

    Attributes
    ----------
    model, device, dtype, policy
        What it is, where and in which precision it computes, and what of it stays on the device.
    modules
        Its components by the names of diffusers' folder.
    tiled
        Whether pictures are decoded in tiles, also where more seems to fit.
    """

    model: Model
    device: str
    dtype: torch.dtype
    policy: Policy
    modules: dict[str, Any]
    tiled: bool

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Bytes of each component's weights."""

    @property
    def facts(self) -> dict[str, str | bool]:
        """How the last picture was computed, for its record."""

    def adapt(self, asked: Sequence[tuple[Path, float]]) -> None:
        """Have exactly these LoRA files take part, each with its weight."""

    def encode(self, requests: Sequence[GenerationRequest], references: Sequence[Image.Image] = ()) -> Any:  # noqa: ANN401 - each family's own
        """Encode the prompts, and the pictures that an edit is about."""

    def noise(self, requests: Sequence[GenerationRequest]) -> torch.Tensor:
        """Draw each picture's first latents from its seed."""

    def begin(self, source: Source, requests: Sequence[GenerationRequest]) -> Start:
        """Noise a picture instead."""

    def denoise(
        self,
        requests: Sequence[GenerationRequest],
        features: Any,  # noqa: ANN401 - from encode
        latents: torch.Tensor,
        on_step: Callable[[int, torch.Tensor], None],
        start: Start | None = None,
    ) -> torch.Tensor:
        """Take the steps."""

    def decode(self, latents: torch.Tensor) -> list[Image.Image]:
        """Decode latents into RGB pictures."""


_ONE_AT_A_TIME = threading.Lock()
"""diffusers imports its parts lazily and not for two threads at once: two engines of one process take turns."""


def load(
    model: Model, device: str | None = None, settings: Settings | None = None, policy: Policy | None = None
) -> Family:
    """Load a model's weights with the family that its card names.

    Parameters
    ----------
    model
        A model that is on this machine.
    device
        As torch names it; None takes CUDA, then MPS, then the CPU.
    settings
        What the home says of memory, path and compiling; None takes what holds without any.
    policy
        What stays on the device, where that is settled; None asks the settings.

    Raises
    ------
    ModelLoadError
        The family is not known, or the weights cannot be read.
    """
    for variable in ("DIFFUSERS_DISABLE_REMOTE_CODE", "DIFFUSERS_DISABLE_CUSTOM_CODE"):  # today's name, and another
        os.environ.setdefault(variable, "1")
    options: dict[str, Any] = {}
    if settings is not None:
        options = {"reference": settings.path == "reference", "compiling": settings.compile == "auto"}
    options["memory_policy"] = policy or (settings.memory if settings is not None else "auto")
    if model.card.family == "z_image":
        from zimage_lab.engine.families.z_image import ZImage

        quantization = "none" if settings is None else settings.quantization
        with _ONE_AT_A_TIME:
            return ZImage.load(model, device, quantization=quantization, **options)
    if model.card.family == "z_image_edit":
        from zimage_lab.engine.families.z_image_edit import ZImageEdit

        with _ONE_AT_A_TIME:
            return ZImageEdit.load(model, device)
    if model.card.family == "stable_diffusion":
        from zimage_lab.engine.families.stable_diffusion import StableDiffusion

        with _ONE_AT_A_TIME:
            return StableDiffusion.load(model, device)
    message = f"{model.id} is of the family {model.card.family!r}, which this version cannot run. Choose another model."
    raise ModelLoadError(message)
