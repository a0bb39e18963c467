"""What happens when memory runs out: once more, smaller, and then a sentence; what comes next finds a clean device.

An exception keeps every tensor alive that its frames name. So the except block is left first, and only then is memory
collected and given back; tried in any other order, the second attempt finds a device that is as full as the first did.
"""

from __future__ import annotations

import gc
import logging
import sys
from typing import TYPE_CHECKING, TypeVar

from zimage_lab.errors import OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = logging.getLogger(__name__)

Result = TypeVar("Result")

_SIGNS = (
    "out of memory",  # CUDA, cuDNN, MPS
    "can't allocate memory",  # torch on the CPU
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's, or a library's RuntimeError."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")  # where it was never imported it cannot have raised
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def retry_smaller(
    attempt: Callable[[], Result], smaller: Callable[[], list[str]], told: Callable[[list[str]], None]
) -> Result:
    """Try something; where memory runs out, free what can be freed and try once more.

    Parameters
    ----------
    attempt
        What is tried. Its big values must be its own locals, so that they go with its frame.
    smaller
        Called between the two, when nothing of the first is left: makes the second need less, or more be free. Gives
        what it did in a few words each: "other models unloaded".
    told
        Called with these words before the second attempt.

    Raises
    ------
    OutOfMemory
        The second attempt ran out of memory, too.
    """
    try:
        return attempt()
    except Exception as error:
        if not out_of_memory(error):
            raise
        LOG.warning("Memory ran out: %s", str(error))  # not the error, which a log may keep
    collect()
    done = smaller()
    collect()
    told(done)
    try:
        return attempt()
    except Exception as error:
        if not out_of_memory(error):
            raise
        LOG.warning("Memory ran out again: %s", str(error))
    collect()
    also = f", also with {' and '.join(done)}" if done else ""
    message = (
        f"The device's memory ran out twice{also}. Choose a smaller size, close what else uses the device, or set"
        ' memory = "small" in config.toml; the engine goes on.'
    )
    raise OutOfMemory(message)


def collect() -> None:
    """Give memory back that nothing uses."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def warning(done: list[str]) -> str:
    """Give the sentence that a record keeps of a second attempt."""
    return f"Memory ran out; drawn in a second attempt{' with ' if done else ''}{' and '.join(done)}."
