"""In which precision a stage computes: bfloat16 where the device has it, float32 where it would be imitated.

A processor without bfloat16 instructions takes three times as long with it as without.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def fast(device: str) -> bool:
    """Tell whether a device computes in bfloat16 rather than imitating it."""
    import torch

    kind = torch.device(device).type
    return kind != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - no public name


def half(device: str, *, wanted: bool = True) -> AbstractContextManager[object]:
    """Give the context of a stage's forward pass."""
    import torch

    return torch.autocast(torch.device(device).type, torch.bfloat16) if wanted and fast(device) else nullcontext()
