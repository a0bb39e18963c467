"""Writes a model of the Z-Image family as the single files that ComfyUI reads.

The names of tensors are those of the original repositories: facts of the formats (zimage.md; for the VAE, diffusers
0.42.1, `convert_ldm_vae_checkpoint`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, ModelLoadError
from zimage_lab.models import bases
from zimage_lab.models.bases import TEXT, TRANSFORMER, VAE

if TYPE_CHECKING:
    import os

    import torch

    from zimage_lab.models.catalog import Model

FOLDERS = {TRANSFORMER: "diffusion_models", TEXT: "text_encoders", VAE: "vae"}
"""Folders below ComfyUI's `models`."""

PREFIXES = {TRANSFORMER: "model.diffusion_model.", TEXT: "text_encoders.qwen3_4b.transformer.model.", VAE: "vae."}
"""Prefixes in a file of all components."""

_TRANSFORMER_NAMES = (
    ("all_x_embedder.2-1.", "x_embedder."),
    ("all_final_layer.2-1.", "final_layer."),
    (".attention.to_out.0.", ".attention.out."),
    (".attention.norm_q.", ".attention.q_norm."),
    (".attention.norm_k.", ".attention.k_norm."),
)
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def save_comfyui(
    model: Model, target: str | os.PathLike[str], *, single: bool = False, dtype: torch.dtype | None = None
) -> dict[str, Path]:
    """Write a model's weights in ComfyUI's layout.

    Parameters
    ----------
    model
        A model in diffusers' layout, from `models.find`.
    target
        ComfyUI's folder, or any other: files go below its ``models``.
    single
        One file with all components in ``checkpoints``, instead of three.
    dtype
        Of transformer and text encoder; None keeps what they have.

    Returns
    -------
    dict
        The files by component; with `single`, the same file for each.

    Raises
    ------
    ModelLoadError
        The weights are not in diffusers' layout, or cannot be written.
    """
    from safetensors.torch import save_file

    if model.parts:
        message = f"{model.id} is in single files already. Give a model in diffusers' layout."
        raise ModelLoadError(message)
    root = Path(target).expanduser().absolute() / "models"
    tensors = {name: _component(model, name, dtype) for name in bases.COMPONENTS}
    stem = model.card.id.replace("-", "_").replace("/", "_")
    try:
        if single:
            path = root / "checkpoints" / f"{stem}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            every = {PREFIXES[part] + name: value for part, own in tensors.items() for name, value in own.items()}
            save_file(every, path)
            return dict.fromkeys(tensors, path)
        written = {}
        for part, own in tensors.items():
            path = root / FOLDERS[part] / f"{stem}{'' if part == TRANSFORMER else '_' + part}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file({("model." if part == TEXT else "") + name: value for name, value in own.items()}, path)
            written[part] = path
    except OSError as error:
        field = "target"
        raise InvalidRequest(
            field, target, f"cannot be written ({error.strerror or error})", "Give another one."
        ) from error
    return written


def _component(model: Model, name: str, dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = {}
    for path in sorted((model.folder / name).glob("*.safetensors")):
        tensors |= load_file(path)
    if name == TRANSFORMER:
        tensors = _transformer(tensors)
    elif name == VAE:
        tensors = {_vae_name(key, _blocks(tensors)): _vae_tensor(key, value) for key, value in tensors.items()}
    if dtype is not None and name != VAE:
        tensors = {key: value.to(dtype) for key, value in tensors.items()}
    return {key: value.contiguous() for key, value in tensors.items()}


def _transformer(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    import torch

    result = {}
    for name, value in tensors.items():
        if name.endswith((".attention.to_k.weight", ".attention.to_v.weight")):
            continue
        if name.endswith(".attention.to_q.weight"):
            block = name.removesuffix("to_q.weight")
            fused = [tensors[f"{block}to_{part}.weight"] for part in "qkv"]
            result[f"{block}qkv.weight"] = torch.cat(fused)
            continue
        key = name
        for ours, theirs in _TRANSFORMER_NAMES:
            key = key.replace(ours, theirs)
        result[key] = value
    return result


def _blocks(tensors: dict[str, torch.Tensor]) -> int:
    return 1 + max(int(match[1]) for name in tensors if (match := re.match(r"decoder\.up_blocks\.(\d+)\.", name)))


def _vae_name(name: str, blocks: int) -> str:
    """Give the original name: the decoder counts its blocks from the picture's side."""

    def up(match: re.Match[str]) -> str:
        return f"decoder.up.{blocks - 1 - int(match[1])}."

    name = re.sub(r"^encoder\.down_blocks\.(\d+)\.", r"encoder.down.\1.", name)
    name = re.sub(r"^decoder\.up_blocks\.(\d+)\.", up, name)
    name = re.sub(r"\.mid_block\.resnets\.(\d+)\.", lambda match: f".mid.block_{int(match[1]) + 1}.", name)
    name = name.replace(".mid_block.attentions.0.", ".mid.attn_1.")
    if ".mid.attn_1." in name:
        for ours, theirs in _ATTENTION.items():
            name = name.replace(f".{ours}.", f".{theirs}.")
    name = re.sub(r"\.resnets\.(\d+)\.", r".block.\1.", name)
    name = name.replace(".conv_shortcut.", ".nin_shortcut.").replace(".conv_norm_out.", ".norm_out.")
    return name.replace(".downsamplers.0.conv.", ".downsample.conv.").replace(".upsamplers.0.conv.", ".upsample.conv.")


def _vae_tensor(name: str, value: torch.Tensor) -> torch.Tensor:
    """Give attention's matrices the two further dimensions of the convolutions that they were."""
    return value[..., None, None] if ".attentions." in name and value.ndim == 2 else value  # noqa: PLR2004 - a matrix
