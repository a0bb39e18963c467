"""What there is, for ComfyUI's clients: nodes, models, the machine, and the lists that they ask for at their start."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.api.comfyui_prompt import Dialect
from zimage_lab.store.engines import Engines
from zimage_lab.workflow import object_info

if TYPE_CHECKING:
    from zimage_lab.store.engines import EngineRow

VERSION = "0.3.64"
"""ComfyUI's version whose routes these are."""

FOLDERS = {
    "checkpoints": ("CheckpointLoaderSimple", "ckpt_name"),
    "diffusion_models": ("UNETLoader", "unet_name"),
    "text_encoders": ("CLIPLoader", "clip_name"),
    "vae": ("VAELoader", "vae_name"),
    "loras": ("LoraLoader", "lora_name"),
}


class ObjectInfoHandler(Dialect):
    """The nodes there are."""

    async def get(self, kind: str | None = None) -> None:
        """Describe all of them, or one; nothing of one that there is not."""
        self.answer(await self.service.off(object_info, kind, self.service.home))


class StatsHandler(Dialect):
    """The machine."""

    async def get(self) -> None:
        """Tell of its memory and its devices."""
        self.answer(await self.service.off(self._stats))

    def _stats(self) -> dict[str, Any]:
        import psutil

        memory = psutil.virtual_memory()
        with Engines(self.service.home) as engines:
            rows = engines.living()
        return {
            "system": {
                "os": os.name,
                "ram_total": memory.total,
                "ram_free": memory.available,
                "comfyui_version": VERSION,
                "required_frontend_version": "",
                "installed_templates_version": "",
                "required_templates_version": "",
                "python_version": sys.version,
                "pytorch_version": _version("torch"),
                "embedded_python": False,
                "argv": ["zimage-lab"],  # not the real one: it may name folders of a person
            },
            "devices": [_device(number, row, memory) for number, row in enumerate(rows)] or [_cpu(memory)],
        }


class ListHandler(Dialect):
    """A list that clients ask for and that is empty here."""

    async def get(self) -> None:
        """Give the empty list."""
        self.answer([])


class FoldersHandler(Dialect):
    """The kinds of models."""

    async def get(self) -> None:
        """List them."""
        self.answer(list(FOLDERS))


class FolderHandler(Dialect):
    """The models of a kind."""

    async def get(self, folder: str) -> None:
        """List them as the nodes' own choices do; 404 for an unknown kind."""
        if folder not in FOLDERS:
            self.send_error(404)
            return
        self.answer(await self.service.off(self._listed, *FOLDERS[folder]))

    def _listed(self, kind: str, field: str) -> list[str]:
        told = object_info(kind, self.service.home).get(kind, {}).get("input", {}).get("required", {}).get(field, [[]])
        choices = told[0] if isinstance(told[0], list) else told[1].get("options", []) if len(told) > 1 else []
        return [str(choice) for choice in choices] or [one.id for one in models.models(self.service.home)]


class FeaturesHandler(Dialect):
    """What of the newer parts of the interface there is."""

    async def get(self) -> None:
        """Tell it."""
        self.answer(FEATURES)


FEATURES: dict[str, Any] = {"supports_preview_metadata": False, "max_upload_size": 50 * 2**20}


def _device(number: int, row: EngineRow, memory: Any) -> dict[str, Any]:  # noqa: ANN401 - psutil's own kind
    kind = row.device.partition(":")[0]
    if kind == "cpu":
        return _cpu(memory)
    told, used = row.told, int(row.told.get("memory_bytes") or 0)
    total = int(told.get("total_bytes") or 0)
    facts = {"vram_total": total, "vram_free": max(0, total - used)}
    torch = {"torch_vram_total": used, "torch_vram_free": 0}
    return {"name": str(told.get("device") or row.device), "type": kind, "index": number, **facts, **torch}


def _cpu(memory: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    sizes = {"vram_total": memory.total, "vram_free": memory.available}
    torch = {"torch_vram_total": memory.total, "torch_vram_free": memory.available}
    return {"name": f"cpu {platform.machine()}", "type": "cpu", "index": None, **sizes, **torch}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
