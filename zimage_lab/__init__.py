"""A Jupyter-first studio for the Z-Image text-to-image family.

    import zimage_lab
    engine = zimage_lab.load()
    engine.generate("a red circle on the left, a blue cat on the right, white background", seed=42)

Everything here is loaded when it is first used, so that `import zimage_lab` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab import lazy

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from zimage_lab.engine import Engine, Job, load
    from zimage_lab.errors import ZImageError
    from zimage_lab.lora_training import train_lora
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage
    from zimage_lab.runs import history
    from zimage_lab.widgets.panel import panel

__version__ = "0.1.0"

__all__ = [
    "Engine",
    "GeneratedImage",
    "GenerationRequest",
    "Job",
    "RunRecord",
    "ZImageError",
    "__version__",
    "history",
    "load",
    "panel",
    "train_lora",
]

_HOMES = {
    "Engine": "engine",
    "Job": "engine",
    "load": "engine",
    "GenerationRequest": "request",
    "RunRecord": "recipe",
    "GeneratedImage": "result",
    "ZImageError": "errors",
    "history": "runs",
    "panel": "widgets",
    "train_lora": "lora_training",
}

__getattr__, __dir__ = lazy.names(__name__, _HOMES)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register `%zimage` and `%%zimage`; called by `%load_ext zimage_lab`."""
    from zimage_lab import magics

    magics.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take the magics away again; called by `%unload_ext zimage_lab`."""
    from zimage_lab import magics

    magics.unload_ipython_extension(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "zimage-lab"}]
