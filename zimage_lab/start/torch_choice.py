"""Chooses the torch that fits this machine: the host's own, or the build for its GPU or CPU, or else what pip finds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zimage_lab.start import host_torch
from zimage_lab.start.messages import StartError, say

if TYPE_CHECKING:
    from collections.abc import Callable

TORCH = "2.13.0"
VARIABLE = "ZIMAGE_LAB_TORCH_INDEX"
PYTORCH = "https://download.pytorch.org/whl/"
CPU_INDEX = PYTORCH + "cpu"
# PyPI's torch is built for CUDA 13; a driver that knows only CUDA 12 needs PyTorch's other build of the same version.
CUDA_12_INDEX = PYTORCH + "cu126"
CUDA_OF_PYPI = 13
IMPATIENT = ("--timeout", "10", "--retries", "0")
DRIVER_FILE = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Driver:
    """An NVIDIA driver.

    Parameters
    ----------
    version
        Its version, where it says one.
    cuda
        The newest CUDA that it can run, as its major number; None where unknown.
    """

    version: str | None = None
    cuda: int | None = None


def driver() -> Driver | None:
    """Give the NVIDIA driver of this machine, or None."""
    program = shutil.which("nvidia-smi")
    if program:
        try:
            ran = subprocess.run([program], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - NVIDIA's
        except (OSError, subprocess.TimeoutExpired):
            ran = None
        if ran is not None and ran.returncode == 0:
            return parse(ran.stdout)
    return Driver() if DRIVER_FILE.exists() else None


def parse(output: str) -> Driver:
    """Read the head of what nvidia-smi prints.

    Parameters
    ----------
    output
        All of it.
    """
    version = re.search(r"Driver Version:\s*([\d.]+)", output)
    cuda = re.search(r"CUDA (?:UMD )?Version:\s*(\d+)", output)
    return Driver(version[1] if version else None, int(cuda[1]) if cuda else None)


def attempts(found: Driver | None, index: str | None, platform: str = sys.platform) -> list[list[str]]:
    """Say with which arguments pip is to be tried, one after the other.

    Parameters
    ----------
    found
        The NVIDIA driver, or None.
    index
        The index that the person named, or None.
    platform
        As `sys.platform`.

    Returns
    -------
    list of list of str
        The last one is what pip itself finds.
    """
    plain = [f"torch=={TORCH}"]
    if index:
        return [[*plain, "--index-url", index, *IMPATIENT], plain]
    if found is None:
        # PyPI's torch for Linux is the CUDA build, gigabytes of it; other systems get the right one anyway.
        return [[*plain, "--index-url", CPU_INDEX, *IMPATIENT], plain] if platform == "linux" else [plain]
    if found.cuda is not None and found.cuda < CUDA_OF_PYPI:
        return [[*plain, "--index-url", CUDA_12_INDEX, *IMPATIENT], plain]
    return [plain]


def install(pip: Callable[[list[str]], None], found: Driver | None) -> None:
    """Bring a torch that fits into this environment, and say whether it can use the GPU.

    Parameters
    ----------
    pip
        Installs with the given arguments; raises StartError.
    found
        The NVIDIA driver, or None.

    Raises
    ------
    StartError
        When no place gave torch.
    """
    host_torch.unlink()
    here = host_torch.probe(sys.executable)
    if host_torch.release(here.get("version")) != host_torch.release(TORCH) or (found and here.get("cuda") is None):
        if found and here.get("version"):
            # pip takes a CPU build for the CUDA build of the same version; it would also hide the host's torch.
            subprocess.run([sys.executable, "-m", "pip", "uninstall", "--yes", "--quiet", "torch"], check=False)
        if found and _use_host():
            return
        _download(pip, attempts(found, os.environ.get(VARIABLE)), found)
        here = host_torch.probe(sys.executable)
    if found and here.get("available"):
        say("torch_gpu", version=here["version"], device=here["device"])
    elif found:
        say("torch_no_gpu", version=here.get("version") or TORCH, why=here.get("why") or "no GPU answered")


def _use_host() -> bool:
    python = host_torch.base_python()
    facts = host_torch.probe(python) if python else {}
    if not host_torch.fits(facts):
        return False
    host_torch.link(facts, Path(sys.prefix))
    seen = host_torch.probe(sys.executable)
    if not seen.get("available"):
        host_torch.unlink()
        return False
    say("torch_host", version=seen["version"], python=python)
    return True


def _download(pip: Callable[[list[str]], None], tries: list[list[str]], found: Driver | None) -> None:
    what = "torch_cuda" if found else "torch_cpu" if len(tries) > 1 else "torch_plain"
    say(what, version=TORCH)
    for number, arguments in enumerate(tries, start=1):
        try:
            pip(arguments)
        except StartError as error:
            if number == len(tries) or error.key == "disk_full":
                raise
            index = arguments[arguments.index("--index-url") + 1]
            say("torch_next", index=urlsplit(index).hostname or index)  # the whole address may hold a password
        else:
            return
