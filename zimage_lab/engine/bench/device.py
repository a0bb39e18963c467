"""What the device itself can do, and how much of its memory was taken: the measure of every other figure."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EDGES = {"cuda": 8192, "mps": 4096, "cpu": 1024}
"""Edge of the matrices of a rate, large enough that the device is busy and small enough to take moments."""

GROUPS, GROUP_SECONDS = 8, 0.1
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def synchronise(device: str) -> None:
    """Wait until the device has done what it was given, so that a clock means something."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device.startswith("mps"):
        torch.mps.synchronize()


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Measure how many operations a second the device does in plain matrix products.

    The best of several short loops is taken: a rate is what the device can do, not what its neighbours left of it.

    Parameters
    ----------
    device, dtype
        As torch names them.

    Returns
    -------
    float
        Operations per second; an addition or a multiplication is one.
    """
    import torch

    edge = EDGES.get(device.partition(":")[0], EDGES["cpu"])
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(edge, edge, generator=generator).to(device, dtype) for _ in range(2))
    result = torch.empty_like(a)

    def seconds(times: int) -> float:
        synchronise(device)
        began = time.perf_counter()
        for _ in range(times):
            torch.mm(a, b, out=result)
        synchronise(device)
        return time.perf_counter() - began

    with torch.inference_mode():
        seconds(2)
        times = max(1, int(GROUP_SECONDS / max(seconds(1), 1e-6)))
        best = min(seconds(times) for _ in range(GROUPS))
    return 2.0 * edge**3 * times / best


class Peak:
    """The most memory that was taken since `start`: on CUDA by torch on the device, on Linux' CPU by the process.

    Parameters
    ----------
    device
        As torch names it.
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def start(self) -> None:
        """Forget earlier peaks."""
        import torch

        if self._device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self._device)
        elif _CLEAR.exists():
            try:
                _CLEAR.write_text("5")  # sets the peak back to what is resident (proc(5))
            except OSError:  # a container may forbid it; the peak is then the whole life's
                return

    def bytes(self) -> int | None:
        """Tell the peak; None where the system keeps none."""
        import torch

        if self._device.startswith("cuda"):
            return int(torch.cuda.max_memory_allocated(self._device))
        if self._device == "cpu" and _STATUS.exists():
            found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"))
            return int(found[1]) * 1024 if found else None
        return None
