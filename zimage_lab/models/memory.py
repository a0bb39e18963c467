"""Where a model computes and what of it stays there: the device, the precision, and what fits into its memory.

resident   everything stays on the device
balanced   the text encoder waits in the host's memory and is streamed through the device for a new prompt; a prompt
           that was met before needs nothing of it. What a 16 GB card takes for Z-Image
small      the transformer is streamed as well, at every step: a few gigabytes do, at the price of the bus

Streaming is diffusers' group offload. On the CPU, and on a Mac whose GPU shares the host's memory, everything is
resident whatever is asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.models import header, host_memory, load_z_image, load_z_image_edit
from zimage_lab.models.card import reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from zimage_lab.models.catalog import Model

Policy = Literal["resident", "balanced", "small"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

TEXT = "text_encoder"
"""The component that balanced keeps away."""

STREAMED = 1_200_000_000
"""Bytes of the streamed text encoder that are on the device at a time: Qwen3-4B's embeddings and two of its layers."""

TILE = 512
"""Edge in pixels of what the VAE decodes at once where a whole picture does not fit."""

_PREFIXES = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", TEXT: "cond_stage_model."}

_SLACK = 300_000_000  # the libraries' own workspaces


def choose_device(wanted: str | None = None) -> tuple[str, torch.dtype]:
    """Choose where to compute and in which precision: bfloat16 on CUDA and MPS that have it, else float32.

    Never float16, which overflows in Z-Image's transformer and gives black pictures.

    Parameters
    ----------
    wanted
        As torch names it; None takes CUDA, then MPS, then the CPU.

    Raises
    ------
    InvalidRequest
        The device that is wanted cannot be used here.
    """
    import torch

    if wanted is None:
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (AssertionError, RuntimeError) as error:  # AssertionError: torch was built without it
        field, what = "device", f"{shown(wanted)} cannot be used here ({reason(error)})"
        raise InvalidRequest(
            field, wanted, what, 'Use "cpu", or mend the driver: `zimage-lab doctor` looks.'
        ) from error
    return wanted, torch.bfloat16 if _has_bfloat16(wanted) else torch.float32


def _has_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16: on the CPU float32 is quicker, so the answer there is no.

    On a Mac it needs macOS 14; in float32 Z-Image takes 41 GB there instead of 21.
    """
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    if not device.startswith("mps"):
        return False
    try:
        one = torch.ones(2, 2, dtype=torch.bfloat16, device=device)
        return bool((one @ one == one + one).all())
    except (RuntimeError, TypeError):
        return False


def free_bytes(device: str) -> int:
    """Measure how many bytes are free on a device: of the host's memory for the CPU."""
    import torch

    if device.startswith("cuda"):
        free, _total = torch.cuda.mem_get_info(device)
        # What torch holds and does not use is free for torch.
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.startswith("mps"):
        return int(torch.mps.recommended_max_memory()) - int(torch.mps.current_allocated_memory())
    return host_memory.free_bytes()


def component_bytes(model: Model, number: int) -> dict[str, int]:
    """Tell how many bytes of memory each component of a model will take, without reading its weights.

    Parameters
    ----------
    model
        A model that is on this machine.
    number
        Bytes of a number in memory; the VAE is always in float32.
    """
    if model.card.family == "z_image":
        return load_z_image.component_bytes(model, number)
    if model.card.family == "z_image_edit":
        return load_z_image_edit.component_bytes(model, number)
    sizes = {TEXT: number, "unet": number, "vae": 4}
    if model.parts:
        return {name: sizes[name] * _numbers(header.read(path), name) for name, path in model.parts}
    return {
        name: size * sum(header.read(path).numbers for path in _weights(model.folder / name))
        for name, size in sizes.items()
    }


def _numbers(found: header.Header, component: str) -> int:
    """Count the numbers of a component in a file: in one of a whole Stable Diffusion they share it."""
    prefix = _PREFIXES[component]
    own = [shape for name, shape in found.shapes.items() if name.startswith(prefix)]
    return sum(map(math.prod, own)) if own else found.numbers


def _weights(folder: Path) -> list[Path]:
    """List the files that a loader reads: a second copy in half precision lies beside some of them."""
    every = sorted(folder.glob("*.safetensors"))
    return [path for path in every if ".fp16." not in path.name and "-fp16" not in path.name] or every


def working_bytes(width: int, height: int, *, dim: int = 3840, hidden: int = 10240) -> int:
    """Estimate what a picture needs beside the weights, in bfloat16, decoded in tiles.

    Parameters
    ----------
    width, height
        In pixels.
    dim, hidden
        Width of the transformer and of its feed-forward layers; the real model's by default.
    """
    tokens = width * height // 256
    # In a block some twelve tensors of the model's width and three of the hidden one live at once.
    transformer = tokens * (12 * dim + 3 * hidden) * 2
    return max(transformer, decode_bytes(min(width, TILE), min(height, TILE))) + _SLACK


def decode_bytes(width: int, height: int, channels: int = 256) -> int:
    """Estimate what the VAE needs to decode a picture in float32: its last upsampling holds the most.

    There `channels` feature maps of the picture's full size stand as input, norm, activation and, halved, output.
    """
    return int(width * height * channels * 4 * 3.5)


def choose(asked: str, sizes: Mapping[str, int], free: int, working: int) -> Policy:
    """Choose a policy: the one that is asked for, or with "auto" the quickest that fits.

    Parameters
    ----------
    asked
        "auto" or a policy.
    sizes
        Bytes of each component's weights.
    free
        Bytes that are free before anything is loaded.
    working
        From `working_bytes`.

    Raises
    ------
    InvalidRequest
        There is no such policy.
    """
    if asked != "auto":
        if asked not in POLICIES:
            field, known = "memory", ("auto", *POLICIES)
            raise InvalidRequest(field, asked, f"{shown(asked)} is not a policy", suggestion(asked, known))
        return next(policy for policy in POLICIES if policy == asked)
    return next((policy for policy in POLICIES if needed(policy, sizes, working) <= free), "small")


def needed(policy: Policy, sizes: Mapping[str, int], working: int) -> int:
    """Estimate the most bytes that a model takes of its device while it draws; parameters are those of `choose`."""
    weights = sum(sizes.values())
    if policy == "resident":
        return weights + working
    if policy == "balanced":
        return weights - sizes.get(TEXT, 0) + max(STREAMED, working)  # one after the other
    return sizes.get("vae", 0) + STREAMED + working


def arrange(modules: Mapping[str, Any], device: str, policy: Policy) -> Policy:
    """Bring a model's components to where the policy wants them; gives the policy that holds.

    Parameters
    ----------
    modules
        By component: text_encoder, transformer or unet, vae.
    device
        As torch names it.
    policy
        From `choose`.
    """
    if not device.startswith("cuda"):
        policy = "resident"
    streamed = {"resident": (), "balanced": (TEXT,), "small": (TEXT, "transformer", "unet")}[policy]
    for name, module in modules.items():
        if name in streamed:
            stream(module, device)
        else:
            module.to(device)
    return policy


def stream(module: Any, device: str) -> None:  # noqa: ANN401 - any torch module
    """Keep a module in the host's memory and bring its layers to the device when they are called."""
    import torch
    from diffusers.hooks import apply_group_offloading

    module.to("cpu")
    cuda = device.startswith("cuda")
    apply_group_offloading(
        module,
        onload_device=torch.device(device),
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=1,
        non_blocking=cuda,
        use_stream=cuda,  # the next layer comes while this one computes
    )


def tiles(device: str, width: int, height: int) -> bool:
    """Tell whether a picture of this size must be decoded in tiles: never on a CPU, which swaps before it fails."""
    return device.startswith("cuda") and decode_bytes(width, height) > free_bytes(device) - _SLACK
