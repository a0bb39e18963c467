"""What a comparison wants to know of the machine while a picture is made: peaks of memory, what the device could do.

It is measured where the model is, on the engine's thread, and stands in the run's record: whoever compares may be in
another process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from zimage_lab.engine.bench.device import Peak, matrix_rate

if TYPE_CHECKING:
    import torch

    from zimage_lab.engine.families import Family
    from zimage_lab.engine.residency import Residency

SOURCE = "compare"
"""Who asks for it: jobs of this source are measured."""


class Meter:
    """Measures from its making on.

    Parameters
    ----------
    family
        The model that draws.
    residency
        All that are in memory.
    """

    def __init__(self, family: Family, residency: Residency) -> None:
        self._rate = rate(family.device, family.dtype)
        self._others = residency.taken_by_others(family.model.id)
        self._process = Peak("cpu")
        self._process.start()
        self._device = None if family.device == "cpu" else Peak(family.device)
        if self._device is not None:
            self._device.start()

    def read(self) -> dict[str, float]:
        """Give what was measured, as the record keeps it; what the system does not tell is left out."""
        found: dict[str, float | None] = {
            "matrix_rate": self._rate,
            "others_bytes": float(self._others),
            "process_peak_bytes": self._process.bytes(),
            "device_peak_bytes": None if self._device is None else self._device.bytes(),
        }
        return {name: float(value) for name, value in found.items() if value is not None}


@lru_cache(maxsize=8)
def rate(device: str, dtype: torch.dtype) -> float:
    """Measure the device once in a process: a second or two, before the first picture that is measured."""
    return matrix_rate(device, dtype)
