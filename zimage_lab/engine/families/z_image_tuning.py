"""Which attention kernel, and whether a compiled block: on a GPU chosen by timing them once, on the CPU given.

No kernel is best everywhere, and what is installed differs from machine to machine; a few milliseconds tell.
"""

from __future__ import annotations

import importlib.util
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.engine.families.z_image_forward import run_block, scaled_dot_product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from zimage_lab.engine.families.z_image_forward import Attend, Modulation

LOG = logging.getLogger(__name__)

ROUNDS = 5
"""Timed calls of each candidate, after two that are not timed."""

KERNELS = {"native": None, "_native_cudnn": None, "flash": "flash_attn", "_flash_3": "flash_attn_interface"}
"""diffusers' names of exact kernels, and the package that one needs. Quantized attention (sage) is none of them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a batch of one shape runs with.

    Parameters
    ----------
    attention
        diffusers' name of the kernel.
    attend, block
        The functions.
    compiled
        Whether the block is compiled.
    """

    attention: str = "native"
    attend: Attend = scaled_dot_product
    block: Callable[..., torch.Tensor] = run_block
    compiled: bool = False


class Tuning:
    """Remembers the choice for each shape.

    Parameters
    ----------
    device
        As torch names it; nothing is timed but on CUDA.
    compiling
        False never compiles; a first compiled picture of a shape waits some seconds for the compiler.
    """

    def __init__(self, device: str, *, compiling: bool = True) -> None:
        self._cuda = device.startswith("cuda")
        self._compiling = compiling
        self._known: dict[tuple[int, ...], Choice] = {}

    def choose(self, block: Any, x: torch.Tensor, modulation: Modulation, turns: torch.Tensor) -> Choice:  # noqa: ANN401
        """Choose for a batch of this shape.

        Parameters
        ----------
        block
            One of the transformer's layers.
        x, modulation, turns
            What it gets, in the shape of the batch.
        """
        if not self._cuda:
            return Choice()
        key = tuple(x.shape)
        if key not in self._known:
            self._known[key] = self._timed(block, x, modulation, turns)
        return self._known[key]

    def _timed(self, block: Any, x: torch.Tensor, modulation: Modulation, turns: torch.Tensor) -> Choice:  # noqa: ANN401
        import torch

        attends = {name: attention(name) for name, package in KERNELS.items() if _installed(package)}
        runs = {
            name: lambda attend=attend: run_block(block, x, modulation, turns, attend)
            for name, attend in attends.items()
        }
        name = fastest(runs, torch.cuda.synchronize)
        choice = Choice(attention=name, attend=attends[name])
        if not self._compiling or not _installed("triton"):
            return choice
        compiled = torch.compile(run_block, dynamic=False)
        best = fastest(
            {
                "plain": runs[name],
                "compiled": lambda: compiled(block, x, modulation, turns, choice.attend),
            },
            torch.cuda.synchronize,
        )
        if best == "plain":
            return choice
        return Choice(attention=name, attend=choice.attend, block=compiled, compiled=True)


def attention(name: str) -> Attend:
    """Give the attention of a kernel by diffusers' name."""
    if name == "native":
        return scaled_dot_product
    from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

    backend = AttentionBackendName(name)

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = dispatch_attention_fn(query, key, value, backend=backend)
        return result

    return attend


def fastest(candidates: Mapping[str, Callable[[], object]], synchronise: Callable[[], object]) -> str:
    """Name the candidate whose median call is shortest; one that fails is left out.

    Parameters
    ----------
    candidates
        Functions by name; the first is taken where all fail.
    synchronise
        Waits until the device is done.
    """
    seconds: dict[str, float] = {}
    for name, call in candidates.items():
        try:
            times = []
            for _ in range(ROUNDS + 2):
                synchronise()
                began = time.perf_counter()
                call()
                synchronise()
                times.append(time.perf_counter() - began)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a kernel that this device or shape does not take
            LOG.info("%s is left out: %s", name, error)
            continue
        seconds[name] = sorted(times[2:])[ROUNDS // 2]
    return min(seconds, key=lambda name: seconds[name]) if seconds else next(iter(candidates))


def _installed(package: str | None) -> bool:
    return package is None or importlib.util.find_spec(package) is not None
