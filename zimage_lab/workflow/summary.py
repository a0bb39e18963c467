"""A graph in the words of a request: the whole of it where it is plain text to image, else what its first sampler does.

Plain is one picture of one sampler that begins with noise: then the graph and the request are the same thing, and the
engine draws the request as it draws everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.graph import KEPT
from zimage_lab.models import DEFAULT_MODEL, find
from zimage_lab.request import GUIDANCE_RANGE, MOST_LORAS, SHIFT_RANGE, SIZE_RANGE, GenerationRequest
from zimage_lab.workflow import names
from zimage_lab.workflow.validation import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.workflow.given import Named
    from zimage_lab.workflow.validation import Graph

SAMPLERS = {"KSampler": "seed", "KSamplerAdvanced": "noise_seed"}
_EMPTY = {"EmptyLatentImage", "EmptySD3LatentImage"}
_BEGUN, _WRITTEN = ("init_image", "mask", "strength", "reference_images"), ("variation", "truncate")
_LORAS = {"LoraLoader", "LoraLoaderModelOnly"}
_LOADERS = {"CheckpointLoaderSimple": "ckpt_name", "UNETLoader": "unet_name"}


@dataclass
class Chain:
    """What a MODEL link leads to: the loader, and the LoRAs and shift on the way."""

    loader: str | None = None
    name: str = ""
    shift: float | None = None
    loras: list[tuple[str, float]] = field(default_factory=list)
    plain: bool = True


def request(graph: Graph, home: Path | None) -> tuple[GenerationRequest, dict[str, str]] | None:
    """Give the request of a graph that is plain text to image, and which node says which field; None for another.

    Parameters
    ----------
    graph
        A checked one, of what is run alone.
    home
        The home folder.
    """
    outputs = [number for number, node in graph.items() if node["class_type"] in {"SaveImage", "PreviewImage"}]
    if len(outputs) != 1:
        return None
    decoded = _behind(graph, outputs[0], "images", {"VAEDecode"})
    sampler = _behind(graph, decoded, "samples", {"KSampler"})
    latent = _behind(graph, sampler, "latent_image", _EMPTY)
    text = _behind(graph, sampler, "positive", {"CLIPTextEncode"})
    if decoded is None or sampler is None or latent is None or text is None:
        return None
    facts, size = graph[sampler]["inputs"], graph[latent]["inputs"]
    chain = chained(graph, facts["model"])
    negative, plain = _negative(graph, sampler)
    parts = [_owner(graph, graph[decoded]["inputs"]["vae"]), _owner(graph, graph[text]["inputs"]["clip"])]
    one = size["batch_size"] == 1 and facts["denoise"] > 0.9999 and 0 <= facts["cfg"] - 1 <= GUIDANCE_RANGE[1]  # noqa: PLR2004 - as the sampler has it
    if not (plain and one and chain.plain and chain.loader is not None and _literal(graph, sampler, latent, text)):
        return None
    meant = names.meant(chain.name, home)
    if meant is None or any(part not in (None, meant.model) for part in (_model(one, home) for one in parts)):
        return None
    fields = _fields(graph, sampler, home) | {
        "prompt": graph[text]["inputs"]["text"],
        "negative_prompt": negative,
        "width": size["width"],
        "height": size["height"],
    }
    if not fields["prompt"].strip() or len(chain.loras) > MOST_LORAS:
        return None
    # What a request of ours says besides stands in the notes of its graph: the picture that it begins with, for one.
    fields |= _noted(graph, latent, _BEGUN) | _noted(graph, text, _WRITTEN)
    where = {"prompt": text, "width": latent, "height": latent, "loras": chain.loader}
    made = GenerationRequest(**fields)
    return made, {**dict.fromkeys(fields, sampler), **where}


def told(graph: Graph, home: Path | None, pictures: Named) -> GenerationRequest:
    """Give the request that goes into the queue for any other graph: the graph, and in the fields its first sampler.

    Parameters
    ----------
    graph
        A checked one, of what is run alone; its pictures are named by what they are stored as.
    home, pictures
        As for `request`.
    """
    sampler = next((number for number, node in graph.items() if node["class_type"] in SAMPLERS), None)
    if sampler is None:
        kinds = ", ".join(dict.fromkeys(node["class_type"] for node in graph.values()))
        fields: dict[str, Any] = {
            "model": DEFAULT_MODEL,
            "prompt": f"A workflow of {kinds}"[:1000],
            "seed": 0,
            "steps": 1,
            "guidance_scale": 0.0,
        }
    else:
        fields = _fields(graph, sampler, home)
        texts = [_text(graph, graph[sampler]["inputs"][side]) for side in ("positive", "negative")]
        fields |= {
            "prompt": texts[0] if texts[0].strip() else "A workflow without a prompt",
            "negative_prompt": texts[1],
        }
        fields.pop("loras")  # by name, as the graph has them
    width, height = _size(graph, sampler, pictures)
    return GenerationRequest(**fields, width=width, height=height, workflow=canonical(_stored(graph, pictures)))


def chained(graph: Graph, link: object) -> Chain:
    """Follow a MODEL link to its loader."""
    found = Chain()
    while isinstance(link, list):
        number, node = link[0], graph[link[0]]
        kind, inputs = node["class_type"], node["inputs"]
        literal = not any(isinstance(inputs.get(name), list) for name in ("shift", "lora_name", "strength_model"))
        if kind in _LOADERS and isinstance(inputs[_LOADERS[kind]], str):
            found.loader, found.name = number, inputs[_LOADERS[kind]]
            return found
        if not literal or kind not in {"ModelSamplingAuraFlow", *_LORAS}:
            break
        if kind == "ModelSamplingAuraFlow":
            kept = node.get("_meta", {}).get(KEPT)
            own = isinstance(kept, dict) and "shift" in kept and kept["shift"] is None
            if found.shift is None and not own:
                found.shift = inputs["shift"]
            found.plain = found.plain and inputs["shift"] >= SHIFT_RANGE[0]
        elif inputs["strength_model"]:
            found.loras.insert(0, (inputs["lora_name"], inputs["strength_model"]))
        link = inputs["model"]
    found.plain = False
    return found


def _fields(graph: Graph, sampler: str, home: Path | None) -> dict[str, Any]:
    """Give what a sampler says, within what a request may say."""
    facts = graph[sampler]["inputs"]
    chain = chained(graph, facts["model"])
    meant = names.meant(chain.name, home)
    loras: dict[str, float] = {}
    for name, weight in chain.loras:
        file = names.adapter(name, home) or name
        loras[file] = loras.get(file, 0.0) + weight
    values = {
        name: facts[name] for name in ("steps", "cfg", "sampler_name", "scheduler", SAMPLERS[_kind(graph, sampler)])
    }
    cfg, seed = values["cfg"], values[SAMPLERS[_kind(graph, sampler)]]
    return {
        "model": DEFAULT_MODEL if meant is None else meant.model,
        "steps": _or(values["steps"], 1),
        "guidance_scale": min(GUIDANCE_RANGE[1], max(0.0, round(_or(cfg, 1.0) - 1, 9))),
        "seed": _or(seed, 0),
        "shift": chain.shift if chain.shift is None or chain.shift >= SHIFT_RANGE[0] else None,
        "sampler": _or(values["sampler_name"], "euler"),
        "scheduler": _or(values["scheduler"], "simple"),
        "loras": [{"name": name, "weight": weight} for name, weight in loras.items() if abs(weight) > 0][:MOST_LORAS],
    }


def _noted(graph: Graph, number: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Give what our notes on a node say of these fields."""
    kept = graph[number].get("_meta", {}).get(KEPT)
    return {name: kept[name] for name in names if name in kept} if isinstance(kept, dict) else {}


def _or(value: Any, other: Any) -> Any:  # noqa: ANN401 - a literal of the graph
    """Give a literal; the other one where another node gives it while it runs."""
    return other if isinstance(value, list) else value


def _kind(graph: Graph, number: str) -> str:
    return str(graph[number]["class_type"])


def _behind(graph: Graph, number: str | None, name: str, kinds: set[str]) -> str | None:
    """Give the node behind an input, where it is one of these kinds."""
    link = None if number is None else graph[number]["inputs"].get(name)
    return str(link[0]) if isinstance(link, list) and _kind(graph, link[0]) in kinds else None


def _literal(graph: Graph, *numbers: str) -> bool:
    """Whether all values of nodes stand in the graph itself."""
    links = {"model", "positive", "negative", "latent_image", "clip"}
    return not any(
        isinstance(value, list) and name not in links
        for number in numbers
        for name, value in graph[number]["inputs"].items()
    )


def _negative(graph: Graph, sampler: str) -> tuple[str, bool]:
    """Give the negative prompt, and whether a request can say it."""
    number = graph[sampler]["inputs"]["negative"][0]
    inputs, kind = graph[number]["inputs"], _kind(graph, number)
    if graph[sampler]["inputs"]["cfg"] == 1:
        kept = graph[number].get("_meta", {}).get(KEPT)
        own = kept.get("negative_prompt") if isinstance(kept, dict) else None
        text = inputs["text"] if kind == "CLIPTextEncode" else own
        return (text if isinstance(text, str) else ""), True
    return (inputs["text"], True) if kind == "CLIPTextEncode" and isinstance(inputs["text"], str) else ("", False)


def _owner(graph: Graph, link: list[Any]) -> str | None:
    """Give the name that a CLIP or VAE link leads to; None where it is whatever belongs to the model."""
    while True:
        node = graph[link[0]]
        kind, inputs = node["class_type"], node["inputs"]
        if kind == "LoraLoader":
            link = inputs["clip"]
            continue
        field = {"CLIPLoader": "clip_name", "VAELoader": "vae_name", **_LOADERS}.get(kind)
        name = inputs[field] if field else None
        return name if isinstance(name, str) and name not in names.SHARED else None


def _model(name: str | None, home: Path | None) -> str | None:
    meant = names.meant(name, home)
    return None if meant is None else meant.model


def _text(graph: Graph, link: object) -> str:
    """Give the first text behind a conditioning; empty for nothing."""
    while isinstance(link, list):
        inputs = graph[link[0]]["inputs"]
        if isinstance(inputs.get("text"), str):
            return str(inputs["text"])
        if _kind(graph, link[0]) == "ConditioningZeroOut":
            return ""
        link = inputs.get("conditioning_1")
    return ""


def _size(graph: Graph, sampler: str | None, pictures: Named) -> tuple[int, int]:
    """Give the size that a graph draws in, as far as it can be told before; a request wants multiples of 16."""
    waiting, seen = [sampler] if sampler else list(graph), set()
    while waiting:
        number = waiting.pop(0)
        if number in seen:
            continue
        seen.add(number)
        inputs = graph[number]["inputs"]
        if all(isinstance(inputs.get(edge), int) and inputs[edge] for edge in ("width", "height")):
            return _edge(inputs["width"]), _edge(inputs["height"])
        if _kind(graph, number) == "LoadImage" and isinstance(inputs["image"], str):
            file = pictures.find(inputs["image"])
            if file is not None:
                from PIL import Image

                with Image.open(file, formats=["PNG", "JPEG", "WEBP"]) as picture:
                    return _edge(picture.width), _edge(picture.height)
        order = ("latent_image", "samples", "pixels", "image")
        waiting += [inputs[name][0] for name in order if isinstance(inputs.get(name), list)]
    defaults = find(DEFAULT_MODEL).card.defaults
    return defaults.width, defaults.height


def _edge(pixels: int) -> int:
    return min(SIZE_RANGE[1], max(SIZE_RANGE[0], pixels // 16 * 16))


def _stored(graph: Graph, pictures: Named) -> Graph:
    """Name pictures by what they are stored as: a record says which ones they were, whatever becomes of the names."""
    return {
        number: {**node, "inputs": {**node["inputs"], "image": pictures.digest(node["inputs"]["image"])}}
        if node["class_type"] == "LoadImage" and isinstance(node["inputs"]["image"], str)
        else node
        for number, node in graph.items()
    }


def models_of(graph: Graph, home: Path | None) -> dict[str, str]:
    """Give the models that a graph's loaders mean, by the loaders' ids."""
    found = {}
    for number, node in graph.items():
        name = node["inputs"].get(_LOADERS.get(node["class_type"], ""))
        meant = names.meant(name, home)
        if meant is not None:
            found[number] = meant.model
    return found


def notes(graph: Graph, home: Path | None) -> list[str]:
    """Give the sentences about models that stand for others."""
    named = [node["inputs"].get(_LOADERS.get(node["class_type"], "")) for node in graph.values()]
    every = [meant.note for name in named if (meant := names.meant(name, home)) is not None and meant.note]
    return list(dict.fromkeys(every))
