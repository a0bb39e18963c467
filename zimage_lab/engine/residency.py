"""Keeps a model in memory between pictures, so that only the first one waits for the weights."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import families
from zimage_lab.models import catalog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.families.z_image import ZImage


class Residency:
    """The resident model; asking for another one lets the first go.

    Parameters
    ----------
    home
        Folder whose models are known beside the bundled ones.
    device
        As torch names it; None lets the family choose.
    on_change
        Called with `loading`, `ready` or `unloaded` and the model's id.
    """

    def __init__(self, home: Path, device: str | None, on_change: Callable[[str, str], None]) -> None:
        self._home, self._device, self._on_change = home, device, on_change
        self._loaded: ZImage | None = None
        self._lock = threading.Lock()

    @property
    def loaded(self) -> ZImage | None:
        """The resident model, or None."""
        return self._loaded

    def facts(self) -> dict[str, Any]:
        """Tell what is resident: model, device, dtype, bytes of its weights."""
        family = self._loaded
        return {
            "model": family.model.id if family else None,
            "device": family.device if family else None,
            "dtype": str(family.dtype).removeprefix("torch.") if family else None,
            "memory_bytes": sum(family.memory_bytes.values()) if family else 0,
        }

    def get(self, model_id: str) -> ZImage:
        """Return the model, loading it first where it is not resident."""
        with self._lock:
            if self._loaded is not None and self._loaded.model.id == model_id:
                return self._loaded
            model = catalog.find(model_id, self._home)
            if self._loaded is not None and self._loaded.model.id == model.id:
                return self._loaded
            _ = model.folder  # where the weights are not here, the resident model stays
            self._drop()
            self._on_change("loading", model.id)
            try:
                self._loaded = families.load(model, self._device)
            except BaseException:
                self._on_change("unloaded", model.id)
                raise
            self._on_change("ready", model.id)
            return self._loaded

    def unload(self) -> None:
        """Let the resident model go and give its memory back."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._loaded is None:
            return
        import torch

        gone, self._loaded = self._loaded.model.id, None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._on_change("unloaded", gone)
