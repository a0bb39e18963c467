"""Builds a model's whole architecture with random weights, so that its speed can be measured where its weights are not.

The time a picture takes depends on the shapes and not on the values, as long as these stay finite: norms stand behind
every block, so freshly initialised weights give features, latents and pixels of a usual size, and a picture of noise.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import ModelLoadError
from zimage_lab.models import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from zimage_lab.models.catalog import Model

CONFIGS = Path(models.__file__).with_name("configs")
_SHIPPED = {"z_image": "z-image", "stable_diffusion": "stable-diffusion-v1-5"}
COMPONENTS = ("text_encoder", "transformer", "unet", "vae")


def architecture(model_id: str) -> Model:
    """Find a model's card and configs, whether or not its weights are here.

    Parameters
    ----------
    model_id
        As for `models.find`.

    Returns
    -------
    Model
        One whose folder holds configs and tokenizer.

    Raises
    ------
    ModelLoadError
        The configs of this family are not shipped.
    """
    model = models.find(model_id)
    if model.path is not None:
        return model
    folder = CONFIGS / _SHIPPED.get(model.card.family, "")
    if not (folder / "vae" / "config.json").is_file():
        message = f"The configs of {model.id} are not on this machine. Choose a miniature."
        raise ModelLoadError(message)
    return replace(model, path=folder)


def configs(model: Model) -> dict[str, dict[str, Any]]:
    """Read the config of each component that has weights.

    Raises
    ------
    ModelLoadError
        One cannot be read.
    """
    found = {}
    for name in COMPONENTS:
        path = model.folder / name / "config.json"
        if path.is_file():
            try:
                found[name] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                message = f"The config {path} cannot be read ({error}). Get the model again."
                raise ModelLoadError(message) from error
    return found


def modules(model: Model, *, device: str, dtype: torch.dtype, seed: int = 0) -> dict[str, Any]:
    """Build the modules on the device, in eval mode; the autoencoder in float32, as where weights are read.

    Parameters
    ----------
    model
        From `architecture`.
    device, dtype
        As torch names them.
    seed
        Where the randomness starts; torch's own random state is left as it was.

    Raises
    ------
    ModelLoadError
        They do not fit into what is free.
    """
    import torch

    builders = {name: _builder(name, config) for name, config in configs(model).items()}
    with torch.device("meta"):  # shapes without memory
        counts = {name: sum(value.numel() for value in build().parameters()) for name, build in builders.items()}
    types = {name: torch.float32 if name == "vae" else dtype for name in builders}
    needed, free = sum(count * types[name].itemsize for name, count in counts.items()), memory.free_bytes(device)
    if needed > free:
        figures = f"{needed / 1e9:.1f} GB in {str(dtype).removeprefix('torch.')}, and {free / 1e9:.1f} GB are free"
        message = f"{model.id} with random weights needs {figures} on {device}. Choose a miniature, or another device."
        raise ModelLoadError(message)
    built = {}
    with torch.random.fork_rng([device] if device.startswith("cuda") else []), torch.device(device):
        torch.manual_seed(seed)
        for name, build in builders.items():
            with _default_dtype(types[name]):
                built[name] = build().eval().requires_grad_(requires_grad=False)
        for name in ("x_pad_token", "cap_pad_token"):  # zeros as they come, which no trained model has
            if hasattr(built.get("transformer"), name):
                torch.nn.init.normal_(getattr(built["transformer"], name), std=0.02)
    return built


def _builder(name: str, config: dict[str, Any]) -> Callable[[], Any]:
    import diffusers
    import transformers

    if name == "text_encoder":
        qwen = str(config.get("model_type")) == "qwen3"
        kind, read = (
            (transformers.Qwen3Model, transformers.Qwen3Config)
            if qwen
            else (transformers.CLIPTextModel, transformers.CLIPTextConfig)
        )
        return lambda: kind(read.from_dict({key: value for key, value in config.items() if key != "dtype"}))
    # By name, and only these: a config cannot choose what is run.
    of = {"transformer": "ZImageTransformer2DModel", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
    kind = getattr(diffusers, of[name])
    return lambda: kind.from_config(config)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
