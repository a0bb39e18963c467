"""Runs a checked graph in the engine's thread: each node once, in order, and only those that are not as they were.

A node is skipped when its class, its literal inputs and all that it hangs on are unchanged since the graph before; what
saves or shows pictures always runs, because every run leaves its own records.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Protocol

from zimage_lab.engine import fallback
from zimage_lab.errors import Cancelled, InvalidOutput, InvalidRequest, ZImageError, shown
from zimage_lab.models import loras
from zimage_lab.recipe import Output
from zimage_lab.workflow import names, registry, summary
from zimage_lab.workflow.validation import canonical

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine.residency import Residency
    from zimage_lab.workflow.given import Named
    from zimage_lab.workflow.validation import Graph
    from zimage_lab.workflow.values import LatentValue, ModelValue

Values = tuple[Any, ...]


class NodeFailed(ZImageError):  # noqa: N818 - it says what happened
    """A node of a graph could not do what it was asked.

    Parameters
    ----------
    node, class_type
        Which one.
    cause
        The sentence that says why.
    """

    def __init__(self, node: str, class_type: str, cause: str) -> None:
        super().__init__(node, class_type, cause)
        self.node, self.class_type, self.cause = node, class_type, cause

    def __str__(self) -> str:
        """Give the sentence."""
        return f"Node {self.node} ({self.class_type}): {self.cause}"


class Watcher(Protocol):
    """Who hears how a run goes, and may end it by raising `Cancelled`."""

    def node(self, number: str, state: str) -> None:
        """Hear what becomes of a node: executing, executed, failed."""

    def cached(self, numbers: list[str]) -> None:
        """Hear which nodes are not run again."""

    def step(self, number: int, of: int, expected: torch.Tensor) -> None:
        """Hear of a step, with the first picture's latents as they would end from there."""

    def breathe(self) -> None:
        """Say whether it goes on."""

    def uses(self, family: Any) -> None:  # noqa: ANN401 - a family of models
        """Hear which model draws."""


@dataclass
class Memory:
    """What the nodes of the last graph gave, by what they were asked."""

    values: dict[str, Values] = field(default_factory=dict)


@dataclass
class Run:
    """One run of one graph, as its nodes see it.

    Attributes
    ----------
    graph
        The checked nodes by their ids.
    home, pictures, residency
        The home folder, the pictures that it loads, the models.
    kept
        Pictures that were saved or shown, with their places.
    tiled
        Whether pictures are taken in tiles, also where more seems to fit.
    seconds
        Seconds by stage.
    """

    graph: Graph
    home: Path
    pictures: Named
    residency: Residency
    watcher: Watcher
    kept: list[tuple[Output, Image.Image]] = field(default_factory=list)
    tiled: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    _node: str = ""

    def model_named(self, name: str) -> str:
        """Give the id of the model that a file's name means."""
        meant = names.meant(name, self.home)
        if meant is None:
            field, what = "model", f"{shown(name)} is not a known model"
            raise InvalidRequest(field, name, what, "Run `zimage-lab models` to see what is there.")
        return meant.model

    def part_named(self, name: str) -> str:
        """Give the id of the model whose text encoder or VAE a file's name means: the graph's, or its own."""
        if name not in names.SHARED:
            return self.model_named(name)
        loaders = {"UNETLoader": "unet_name", "CheckpointLoaderSimple": "ckpt_name"}
        for node in self.graph.values():
            kind = node["class_type"]
            if kind in loaders and isinstance(node["inputs"][loaders[kind]], str):
                return self.model_named(node["inputs"][loaders[kind]])
        return self.model_named("z-image-turbo")

    def family(self, model_id: str, adapters: tuple[tuple[str, float], ...] | None = None) -> Any:  # noqa: ANN401 - see families
        """Give a loaded model; with `adapters` these LoRAs, and no others, take part."""
        began = time.perf_counter()
        family = self.residency.get(model_id)
        if adapters is not None:
            family.adapt([(loras.find(name, self.home), weight) for name, weight in adapters])
        family.tiled = self.tiled
        self.seconds["load"] = self.seconds.get("load", 0.0) + time.perf_counter() - began
        self.watcher.uses(family)
        return family

    def shift(self, model: ModelValue) -> float:
        """Give the shift of a model's schedule."""
        own: float = self.residency.get(model.id).model.card.defaults.shift
        return own if model.shift is None else model.shift

    def with_channels(self, latent: LatentValue, family: Any) -> LatentValue:  # noqa: ANN401 - see families
        """Give latents with as many channels as the model has: an empty one fits every model."""
        channels, x = family.transformer.in_channels, latent.samples
        if x.shape[1] == channels:
            return latent
        if x.any():
            field, what = "samples", f"they have {x.shape[1]} channels, and {family.model.id} has {channels}"
            raise InvalidRequest(field, None, what, "Take latents of the same model.")
        return replace(latent, samples=x.new_zeros(x.shape[0], channels, *x.shape[2:]))

    def on_step(self, of: int) -> Callable[[int, torch.Tensor], None]:
        """Give what hears of a sampler's steps."""
        return lambda number, expected: self.watcher.step(number, of, expected[0])

    def breathe(self) -> None:
        """Stop here where somebody wants that."""
        self.watcher.breathe()

    def keep(self, pictures: list[Image.Image], prefix: str, kind: Any) -> None:  # noqa: ANN401 - "output" or "temp"
        """Take pictures that the node saves or shows."""
        for picture in pictures:
            index = sum(output.node == self._node for output, _ in self.kept)
            rgb = picture.convert("RGB")
            self.kept.append((Output(node=self._node, index=index, prefix=prefix, kind=kind), rgb))

    def all(self, memory: Memory) -> None:
        """Run what is not known from the graph before; `memory` then holds this one's values.

        Raises
        ------
        NodeFailed
            One could not; values of nodes that were done are kept.
        Cancelled, InvalidOutput, InvalidRequest
            As the nodes raise them.
        """
        keys: dict[str, str] = {}
        order = self._order()
        for number in order:
            keys[number] = self._key(number, keys)
        known, own = dict(memory.values), registry.nodes()
        outputs = {number for number in order if own[self.graph[number]["class_type"]].output_node}
        memory.values = {keys[number]: known[keys[number]] for number in order if keys[number] in known}
        wanted, waiting = set(), list(outputs)
        while waiting:  # only what something that runs asks for
            number = waiting.pop()
            if number not in wanted and (number in outputs or keys[number] not in known):
                wanted.add(number)
                waiting += [link[0] for link in self._links(number)]
        self.watcher.cached([number for number in order if number not in wanted])
        for number in order:
            if number in wanted:
                memory.values[keys[number]] = self._one(number, keys, memory)

    def _one(self, number: str, keys: dict[str, str], memory: Memory) -> Values:
        node = registry.nodes()[self.graph[number]["class_type"]]
        inputs = {
            name: memory.values[keys[value[0]]][value[1]] if isinstance(value, list) else value
            for name, value in self.graph[number]["inputs"].items()
        }
        self.watcher.breathe()
        self._node = number
        self.watcher.node(number, "executing")
        began, loaded = time.perf_counter(), self.seconds.get("load", 0.0)
        try:
            given = node.run(self, **inputs)
        except (Cancelled, InvalidOutput):
            raise
        except Exception as error:
            self.watcher.node(number, "failed")
            if fallback.out_of_memory(error):
                raise
            cause = str(error) if isinstance(error, ZImageError) else f"{type(error).__name__}: {error}"
            raise NodeFailed(number, node.name, cause) from error
        stage = _STAGES.get(node.name, "nodes")
        spent = time.perf_counter() - began - (self.seconds.get("load", 0.0) - loaded)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        self.watcher.node(number, "executed")
        return given

    def _order(self) -> list[str]:
        return list(TopologicalSorter({n: {link[0] for link in self._links(n)} for n in self.graph}).static_order())

    def _links(self, number: str) -> list[list[Any]]:
        return [value for value in self.graph[number]["inputs"].values() if isinstance(value, list)]

    def _key(self, number: str, keys: dict[str, str]) -> str:
        """Give the hash of all that decides what a node gives."""
        kind, inputs = self.graph[number]["class_type"], self.graph[number]["inputs"]
        asked = {
            name: ["link", keys[value[0]], value[1]] if isinstance(value, list) else value
            for name, value in inputs.items()
        }
        # The function itself, where a person wrote it anew; a file that was changed under its name.
        beside: dict[str, Any] = {"run": id(registry.nodes()[kind].run)}
        if "lora_name" in inputs and isinstance(inputs["lora_name"], str):
            file = loras.known(self.home).get(names.adapter(inputs["lora_name"], self.home) or "")
            beside["file"] = None if file is None else file.stat().st_mtime_ns
        if kind in {"CheckpointLoaderSimple", "UNETLoader", "CLIPLoader", "VAELoader"}:
            beside["models"] = summary.models_of(self.graph, self.home)
        text = canonical({"node": {"class_type": kind, "asked": asked, "beside": beside}})
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


_STAGES = {
    "CLIPTextEncode": "encode",
    "VAEEncode": "encode",
    "KSampler": "denoise",
    "KSamplerAdvanced": "denoise",
    "VAEDecode": "decode",
}
