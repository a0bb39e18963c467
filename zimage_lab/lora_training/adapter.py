"""The LoRA itself: put into a transformer, written as a file for ComfyUI and diffusers, kept in a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import torch

MODULES = ("to_q", "to_k", "to_v", "to_out.0", "w1", "w2", "w3")
"""Matrices of a block that get one: attention and feed-forward."""

PREFIX = "diffusion_model."
"""Before every name in the file, as ComfyUI writes it; diffusers reads it, too."""


def add(transformer: Any, rank: int, alpha: int) -> list[torch.nn.Parameter]:  # noqa: ANN401 - diffusers' module
    """Freeze a transformer, put a LoRA into it and give what is to be trained: float32, the second matrices zero."""
    import torch
    from peft import LoraConfig

    transformer.requires_grad_(requires_grad=False)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(MODULES)))
    learned = [value for value in transformer.parameters() if value.requires_grad]
    for value in learned:
        value.data = value.data.to(torch.float32)
    return learned


def write(transformer: Any, path: Path, *, scale: float, facts: dict[str, object]) -> None:  # noqa: ANN401
    """Write the LoRA as a file.

    Parameters
    ----------
    transformer
        Whose it is.
    path
        Where to write; an older file stays whole until the new one is.
    scale
        Alpha over rank, which is put into the second matrices so that no reader needs to know it.
    facts
        For the file's metadata.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    tensors = {}
    for name, value in get_peft_model_state_dict(transformer).items():
        kept = value.detach().cpu().contiguous()
        tensors[f"{PREFIX}{name}"] = kept * scale if ".lora_B." in name else kept
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file(tensors, partial, metadata={"format": "pt", **{name: str(value) for name, value in facts.items()}})
    partial.replace(path)


def keep(
    path: Path, learned: list[torch.nn.Parameter], optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write a checkpoint: parameters, both moments of AdamW, and the state; a kill leaves the old one or the new."""
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    for number, value in enumerate(learned):
        moments = optimizer.state[value]
        tensors |= {
            f"{number}.value": value.detach(),
            f"{number}.exp_avg": moments["exp_avg"],
            f"{number}.exp_avg_sq": moments["exp_avg_sq"],
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file(
        {name: value.cpu().contiguous() for name, value in tensors.items()}, partial, {"state": json.dumps(state)}
    )
    partial.replace(path)


def state_of(path: Path) -> dict[str, Any]:
    """Read a checkpoint's state alone."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        state: dict[str, Any] = json.loads(file.metadata()["state"])
        return state


def take_up(path: Path, learned: list[torch.nn.Parameter], optimizer: torch.optim.Optimizer, step: int) -> None:
    """Go on from a checkpoint, after `step` updates."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(path)
    for number, value in enumerate(learned):
        value.data.copy_(tensors[f"{number}.value"])
        optimizer.state[value] = {
            "step": torch.tensor(float(step)),
            "exp_avg": tensors[f"{number}.exp_avg"].to(value.device),
            "exp_avg_sq": tensors[f"{number}.exp_avg_sq"].to(value.device),
        }
