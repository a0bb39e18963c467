"""Reads the weights of Stable Diffusion 1.5, from a folder in diffusers' layout or from one checkpoint file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ModelLoadError
from zimage_lab.models.load_z_image import complete, quiet

if TYPE_CHECKING:
    import torch

    from zimage_lab.models.catalog import Model


def modules(model: Model, *, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Read the weights to the device; gives text_encoder, unet and vae in eval mode, and the scheduler.

    Parameters
    ----------
    model
        A model that is on this machine.
    device, dtype
        As torch names them. The VAE stays in float32.

    Raises
    ------
    ModelLoadError
        The files are damaged, incomplete, or hold something else.
    """
    import torch

    try:
        with quiet():
            read = _checkpoint(model, dtype) if model.parts else _folder(model, dtype)
            read["scheduler"] = scheduler(model)
    except (MemoryError, torch.OutOfMemoryError, ModelLoadError):
        raise
    except Exception as error:  # each library has errors of its own for a damaged file
        name = (model.path or model.folder).name
        message = f"The weights of {model.id} cannot be read: {error}. Check or replace {name}."
        raise ModelLoadError(message) from error
    read["vae"] = read["vae"].float()
    return {name: part if name == "scheduler" else part.eval().to(device) for name, part in read.items()}


def _folder(model: Model, dtype: torch.dtype) -> dict[str, Any]:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
    folder = model.folder
    text = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=dtype, **options)
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", dtype=dtype, **options)
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", **options)
    return {name: complete(model, part) for name, part in (("text_encoder", text), ("unet", unet), ("vae", vae))}


def _checkpoint(model: Model, dtype: torch.dtype) -> dict[str, Any]:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_single_file(
        str(model.path), config=str(model.folder), local_files_only=True, safety_checker=None, dtype=dtype
    )
    return {name: getattr(pipeline, name) for name in ("text_encoder", "unet", "vae")}


def scheduler(model: Model) -> Any:  # noqa: ANN401 - a scheduler of diffusers
    """Read the folder's own scheduler, of the few that its files name."""
    import diffusers

    from zimage_lab.models import folders

    name = folders.read_json(model.folder / "scheduler" / "scheduler_config.json").get("_class_name")
    known = ("PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")
    if name not in known:
        message = f"{model.id} asks for the scheduler {name!r}, which is not one of {', '.join(known)}."
        raise ModelLoadError(message)
    return getattr(diffusers, name).from_pretrained(model.folder, subfolder="scheduler", local_files_only=True)
