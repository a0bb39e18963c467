"""What a picture was made with: the part of a record that decides whether the same pixels can be promised."""

from __future__ import annotations

import platform
import sys
from functools import lru_cache
from importlib import metadata
from typing import Any

from zimage_lab.recipe import Environment


@lru_cache(maxsize=8)
def environment(device: str, dtype: str) -> Environment:
    """Describe versions, device and threads; nothing private such as a host name or a folder.

    Parameters
    ----------
    device, dtype
        Where and in which precision the model computes, as torch names them.
    """
    import torch
    from diffusers.utils.constants import DIFFUSERS_ATTN_BACKEND

    from zimage_lab import __version__

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
    facts: dict[str, Any] = {
        "device_name": name,
        "threads": torch.get_num_threads(),
        "attention": DIFFUSERS_ATTN_BACKEND,
        "compile": False,
        "offload": "none",
    }
    return Environment(
        zimage_lab=__version__,
        python=".".join(map(str, sys.version_info[:3])),
        torch=torch.__version__,  # with the build, as in 2.13.0+cpu
        diffusers=metadata.version("diffusers"),
        transformers=metadata.version("transformers"),
        platform=platform.system(),
        device=device,
        dtype=dtype,
        **facts,
    )
