"""Keeps models in memory between pictures, so that only the first one waits for the weights.

Several models stay as long as they fit. Where one more would not, those that were used longest ago leave, and only
then is the new one loaded in a way that needs less memory: a model that is slow at every picture costs more than one
that has to be read again.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab.engine import fallback, families
from zimage_lab.errors import OutOfMemory
from zimage_lab.models import catalog, hashes, memory, quantize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.families import Family
    from zimage_lab.home import Settings
    from zimage_lab.models.catalog import Model
    from zimage_lab.models.memory import Policy

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Resident:
    """A loaded model and the bytes of its components' weights."""

    family: Family
    sizes: dict[str, int]

    def facts(self) -> dict[str, Any]:
        """Describe it: id, device, dtype, policy, bytes by component."""
        family = self.family
        return {
            "id": family.model.id,
            "device": family.device,
            "dtype": str(family.dtype).removeprefix("torch."),
            "policy": getattr(family, "policy", "resident"),
            "bytes": self.sizes,
        }

    def taken(self) -> int:
        """Tell how many bytes of its device it holds between pictures."""
        return memory.needed(getattr(self.family, "policy", "resident"), self.sizes, 0)


class Residency:
    """The resident models; the thread of the engine asks for them, and any thread may ask for `facts`.

    Parameters
    ----------
    home
        Folder whose models are known beside the bundled ones, and whose settings hold.
    device
        As torch names it; None takes the best there is.
    on_change
        Called with `loading`, `ready` or `unloaded` and the model's id; `ready` also where another resident model
        becomes the one in use.
    path
        "fast" or "reference"; None lets the home's settings say.
    """

    def __init__(
        self, home: Path, device: str | None, on_change: Callable[[str, str], None], path: str | None = None
    ) -> None:
        self.home, self._device, self._on_change, self._path = home, device, on_change, path
        self._models: tuple[Resident, ...] = ()  # the latest used first; replaced whole, so that any thread may read
        self._lock = threading.Lock()

    @property
    def loaded(self) -> Family | None:
        """The model that was used last, or None."""
        models = self._models
        return models[0].family if models else None

    def facts(self) -> dict[str, Any]:
        """Tell what is resident: the model in use, its device and dtype, bytes of all weights, and each model."""
        models = [one.facts() for one in self._models]
        return {
            "model": models[0]["id"] if models else None,
            "device": models[0]["device"] if models else None,
            "dtype": models[0]["dtype"] if models else None,
            "memory_bytes": sum(sum(one["bytes"].values()) for one in models),
            "models": models,
        }

    def taken_by_others(self, model_id: str) -> int:
        """Tell how many bytes of the device the other resident models hold."""
        return sum(one.taken() for one in self._models if one.family.model.id != model_id)

    def get(self, model_id: str) -> Family:
        """Return the model, loading it first where it is not resident.

        Raises
        ------
        UnknownModel, ModelLoadError
            There is none of this name, or its weights are not here or cannot be read; what is resident stays where
            that is known before.
        OutOfMemory
            It does not fit, whatever leaves.
        """
        with self._lock:
            model = catalog.find(model_id, self.home)
            found = next((one for one in self._models if _alike(one.family.model, model)), None)
            if found is not None:
                return self._use(found)
            _ = model.folder  # where the weights are not here, the resident models stay
            hashes.prepare(model, self.home)
            return self._load(model)

    def unload(self, model_id: str | None = None) -> None:
        """Let a model go, or all of them, and give their memory back; one that is not resident is none to let go."""
        with self._lock:
            self._drop([one for one in self._models if model_id in {None, one.family.model.id}])

    def keep_only(self, model_id: str) -> bool:
        """Let all other models go; tells whether there were any."""
        with self._lock:
            before = len(self._models)
            self._drop([one for one in self._models if one.family.model.id != model_id])
            return len(self._models) < before

    def lower(self, model_id: str) -> str | None:
        """Load a model again with the next policy that needs less memory, and name that; None where there is none."""
        with self._lock:
            held = next((one for one in self._models if one.family.model.id == model_id), None)
            if held is None or homes.settings(self.home).memory != "auto":
                return None
            model, policy = held.family.model, _below(held.family)
            if policy is None:
                return None
            del held  # a name that is left keeps gigabytes
            # Not every family streams: one that is as it was is no help.
            return policy if self._load(model, policy).policy == policy else None

    def _use(self, held: Resident) -> Family:
        if self._models[0] is not held:
            self._models = (held, *(one for one in self._models if one is not held))
            self._on_change("ready", held.family.model.id)
        return held.family

    def _load(self, model: Model, policy: Policy | None = None) -> Family:
        device, dtype = memory.choose_device(self._device)
        settings = homes.settings(self.home)
        if self._path is not None:
            settings = settings.model_copy(update={"path": self._path})
        # One that has the name and lies elsewhere was registered anew: it is of no use any more.
        self._drop([one for one in self._models if one.family.model.id == model.id])
        self._on_change("loading", model.id)
        chosen = policy

        def load() -> Family:
            nonlocal chosen
            chosen = chosen or self._make_room(model, device, dtype.itemsize, settings)
            return families.load(model, device, settings, chosen)

        def smaller() -> list[str]:
            nonlocal chosen
            if self._models:
                self._drop(list(self._models))
                chosen = policy  # with more room a quicker one may do
                return ["other models unloaded"]
            if chosen is not None and device.startswith("cuda") and settings.memory == "auto":
                chosen = memory.POLICIES[min(memory.POLICIES.index(chosen) + 1, len(memory.POLICIES) - 1)]
            return [f"the policy {chosen}"]

        try:
            family = fallback.retry_smaller(
                load,
                smaller,
                lambda done: LOG.warning("%s is loaded once more: %s", model.id, ", ".join(done)),
            )
        except BaseException:
            self._on_change("unloaded", model.id)
            raise
        self._models = (Resident(family, dict(family.memory_bytes)), *self._models)
        self._on_change("ready", model.id)
        return family

    def _make_room(self, model: Model, device: str, number: int, settings: Settings) -> Policy:
        """Let models go, the longest unused first, until this one fits; gives the policy with which it does."""
        defaults = model.card.defaults
        sizes = memory.component_bytes(model, number)
        if settings.quantization != "none":
            sizes = quantize.sizes(sizes, number)
        working = memory.working_bytes(defaults.width, defaults.height)
        # Elsewhere than on CUDA nothing is streamed.
        asked = settings.memory if device.startswith("cuda") else "resident"
        reach = self._room(device, settings) + sum(one.taken() for one in self._models)
        best = memory.choose(asked, sizes, reach, working)
        while self._models and memory.needed(best, sizes, working) > self._room(device, settings):
            self._drop([self._models[-1]])
        if not device.startswith("cuda") and settings.memory == "auto":
            _fits(model, device, sum(sizes.values()), self._room(device, settings))
        return memory.choose(asked, sizes, self._room(device, settings), working)

    def _room(self, device: str, settings: Settings) -> int:
        free = memory.free_bytes(device)
        if settings.memory_gb is None:
            return free
        return min(free, int(settings.memory_gb * 1e9) - sum(one.taken() for one in self._models))

    def _drop(self, gone: list[Resident]) -> None:
        if not gone:
            return
        self._models = tuple(one for one in self._models if one not in gone)
        names = [one.family.model.id for one in gone]
        gone.clear()
        fallback.collect()
        for name in names:
            self._on_change("unloaded", name)


def _fits(model: Model, device: str, weights: int, free: int) -> None:
    """Refuse weights that are larger than all memory, where nothing is streamed: the system would end the process."""
    if weights > free:
        message = (
            f"{model.id} takes {weights / 1e9:.1f} GB on the device {device}, and {free / 1e9:.1f} GB are free. Choose"
            ' a smaller model or another device, or set memory = "resident" in config.toml to try all the same.'
        )
        raise OutOfMemory(message)


def _alike(held: Model, found: Model) -> bool:
    """Whether two models are the same files under the same name."""
    return (
        held.id == found.id
        and held.path == found.path
        and getattr(held, "parts", None) == getattr(found, "parts", None)
    )


def _below(family: Family) -> Policy | None:
    """Give the policy that needs less memory than a model's own; None off CUDA, where nothing is streamed."""
    below = memory.POLICIES.index(family.policy) + 1
    return memory.POLICIES[below] if family.device.startswith("cuda") and below < len(memory.POLICIES) else None
