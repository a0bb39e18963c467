"""Which device a process would compute on, told without torch, so that two processes agree on what they share."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from zimage_lab.errors import InvalidRequest, shown

NVIDIA_DEVICES = Path("/proc/driver/nvidia/gpus")
_LONGEST = 40


def device_name(device: str | None) -> str:
    """Give the one name of a device: "cpu", "mps", "cuda:0".

    Parameters
    ----------
    device
        As torch names it, or None for the best there is.

    Returns
    -------
    str
        Two processes of one machine get the same name exactly when they would use the same memory. Where a driver is
        there and still cannot be used, the name is "cuda:0" for all of them, which is enough to share one engine.

    Raises
    ------
    InvalidRequest
        For a text that is no device's name.
    """
    if device is None:
        return _best()
    name, colon, index = device.partition(":")
    plain = device.isascii() and name.isalpha() and len(device) <= _LONGEST
    if not plain or (colon and not index.isdecimal()):
        field = "device"
        raise InvalidRequest(field, device, f"{shown(device)} is not a device", "Use cpu, mps, cuda or cuda:1.")
    return f"cuda:{int(index or 0)}" if name == "cuda" else name


def _best() -> str:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps"
    try:
        version = metadata.version("torch")
        seen = NVIDIA_DEVICES.is_dir() and any(NVIDIA_DEVICES.iterdir())
    except (metadata.PackageNotFoundError, OSError):
        return "cpu"
    return "cuda:0" if seen and not version.endswith("+cpu") else "cpu"
