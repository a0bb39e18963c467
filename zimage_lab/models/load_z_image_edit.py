"""Reads the weights of Z-Image's edit models: the family's own parts and SigLIP, from a folder in diffusers' layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ModelLoadError
from zimage_lab.models import header, load_z_image
from zimage_lab.models.folders import read_json

if TYPE_CHECKING:
    import torch

    from zimage_lab.models.catalog import Model

SIGLIP, PROCESSOR = "siglip", "siglip_processor"


def component_bytes(model: Model, number: int) -> dict[str, int]:
    """Tell how many bytes of memory each component will take; see `load_z_image.component_bytes`."""
    seen = sum(header.read(file).numbers for file in (model.folder / SIGLIP).glob("*.safetensors"))
    return {**load_z_image.component_bytes(model, number), SIGLIP: number * seen}


def modules(model: Model, *, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Read the weights to the device; gives text_encoder, transformer, vae, siglip and siglip_processor.

    Parameters
    ----------
    model
        A model that is on this machine.
    device, dtype
        As torch names them.

    Raises
    ------
    ModelLoadError
        The files are damaged, incomplete, or hold something else.
    """
    from transformers import Siglip2ImageProcessorPil, Siglip2VisionModel

    found = load_z_image.modules(model, device=device, dtype=dtype)
    local: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
    try:
        with load_z_image.quiet():
            loaded = Siglip2VisionModel.from_pretrained(model.folder, subfolder=SIGLIP, dtype=dtype, **local)
            found[SIGLIP] = load_z_image.complete(model, loaded).to(device).eval()
        # By its numbers, not by its class's name: the folder may ask for one that wants torchvision.
        sizes = read_json(model.folder / PROCESSOR / "preprocessor_config.json")
        known = {
            name: sizes[name] for name in ("patch_size", "max_num_patches", "image_mean", "image_std") if name in sizes
        }
        found[PROCESSOR] = Siglip2ImageProcessorPil(**known)
    except (MemoryError, ModelLoadError):
        raise
    except Exception as error:  # each library has errors of its own for a damaged file
        message = f"The weights of {model.id} cannot be read: {error}. Check or replace {SIGLIP}."
        raise ModelLoadError(message) from error
    return found
