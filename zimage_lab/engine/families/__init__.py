"""Model families: one file each, four verbs (encode, noise, denoise, decode)."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ModelLoadError

if TYPE_CHECKING:
    from zimage_lab.engine.families.z_image import ZImage
    from zimage_lab.home import Settings
    from zimage_lab.models.catalog import Model
    from zimage_lab.models.memory import Policy

_ONE_AT_A_TIME = threading.Lock()
"""diffusers imports its parts lazily and not for two threads at once: two engines of one process take turns."""


def load(
    model: Model, device: str | None = None, settings: Settings | None = None, policy: Policy | None = None
) -> ZImage:
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
    message = (
        f"{model.id} is of the family {model.card.family!r}, which this version cannot run. Choose a z_image model."
    )
    raise ModelLoadError(message)
