"""A request as the graph with which ComfyUI draws it: the nodes of its own Z-Image template, wired the same way.

The API graph is what ComfyUI runs, the UI graph what it shows on its canvas. What its nodes have no field for stands in
a node's ``_meta`` (on the canvas: its ``properties``) under ``zimage_lab``, so that a request can be read back whole.

Sources, facts only: Comfy-Org's workflow template image_z_image_turbo.json, format version 0.4.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, NamedTuple

from zimage_lab.errors import InvalidRequest
from zimage_lab.request import GUIDANCE_RANGE, MOST_LORAS, GenerationRequest
from zimage_lab.values import checked_real, json_object

KEPT = "zimage_lab"  # the key for what ComfyUI has no field for
SHIFT = 3.0  # the template's; stands in the field where a request leaves the shift to the model

_UNET, _CLIP, _VAE, _SAMPLING, _LATENT, _POSITIVE, _NEGATIVE, _SAMPLER, _DECODE, _SAVE = map(str, range(1, 11))
_FIRST_LORA, _LORA = 11, "LoraLoaderModelOnly"
_TURBO, _BASE = "z_image_turbo_bf16.safetensors", "z_image_bf16.safetensors"
_FILES = {  # the first of two with one file is what a file without our notes is read as
    "z-image-turbo": _TURBO,
    "z-image": _BASE,
    "Tongyi-MAI/Z-Image-Turbo": _TURBO,
    "Tongyi-MAI/Z-Image": _BASE,
}
_BEGUN = ("init_image", "mask", "strength", "reference_images")
_CONTROL = "control_after_generate"  # a widget of the canvas alone, behind the seed


class _Kind(NamedTuple):
    """A class of nodes: its linked inputs with their types, its widgets in the canvas' order, and what it gives."""

    links: tuple[tuple[str, str], ...]
    widgets: tuple[str, ...]
    output: str | None


_KINDS = {
    "UNETLoader": _Kind((), ("unet_name", "weight_dtype"), "MODEL"),
    "CLIPLoader": _Kind((), ("clip_name", "type", "device"), "CLIP"),
    "VAELoader": _Kind((), ("vae_name",), "VAE"),
    _LORA: _Kind((("model", "MODEL"),), ("lora_name", "strength_model"), "MODEL"),
    "ModelSamplingAuraFlow": _Kind((("model", "MODEL"),), ("shift",), "MODEL"),
    "EmptySD3LatentImage": _Kind((), ("width", "height", "batch_size"), "LATENT"),
    "CLIPTextEncode": _Kind((("clip", "CLIP"),), ("text",), "CONDITIONING"),
    "ConditioningZeroOut": _Kind((("conditioning", "CONDITIONING"),), (), "CONDITIONING"),
    "KSampler": _Kind(
        (("model", "MODEL"), ("positive", "CONDITIONING"), ("negative", "CONDITIONING"), ("latent_image", "LATENT")),
        ("seed", _CONTROL, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
        "LATENT",
    ),
    "VAEDecode": _Kind((("samples", "LATENT"), ("vae", "VAE")), (), "IMAGE"),
    "SaveImage": _Kind((("images", "IMAGE"),), ("filename_prefix",), None),
}

# Left, top, width, height in four columns: load, say, sample, see. A node's title takes 30 above its top.
_PLACES = {
    _UNET: (0, 0, 270, 82),
    _CLIP: (0, 130, 270, 106),
    _VAE: (0, 284, 270, 58),
    _LATENT: (0, 390, 270, 106),
    _POSITIVE: (320, 0, 410, 236),
    _NEGATIVE: (320, 284, 410, 212),
    _SAMPLING: (780, 0, 310, 58),
    _SAMPLER: (780, 106, 310, 262),
    _DECODE: (1140, 0, 210, 46),
    _SAVE: (1140, 94, 420, 460),
}


def api_graph(request: GenerationRequest) -> dict[str, Any]:
    """Give the graph in ComfyUI's API format, as its ``/prompt`` takes it.

    Parameters
    ----------
    request
        What to draw; the seed becomes a number here, since ComfyUI takes no text for it.
    """
    if request.workflow is not None:
        return json_object("workflow", request.workflow)
    model, guided = request.model, request.guidance_scale > 0
    real = model in _FILES
    negative = (
        _node("CLIPTextEncode", "Negative prompt", {"text": request.negative_prompt, "clip": [_CLIP, 0]})
        if guided
        else _node(
            "ConditioningZeroOut",
            "No negative prompt without guidance",
            {"conditioning": [_POSITIVE, 0]},
            negative_prompt=request.negative_prompt,
        )
    )
    clip = {"clip_name": "qwen_3_4b.safetensors" if real else model, "type": "lumina2", "device": "default"}
    sampler = {
        "seed": request.seed,
        "steps": request.steps,
        "cfg": 1 + request.guidance_scale,  # ours is 0 without guidance, ComfyUI's 1
        "sampler_name": request.sampler,
        "scheduler": request.scheduler,
        "denoise": 1.0,
        "model": [_SAMPLING, 0],
        "positive": [_POSITIVE, 0],
        "negative": [_NEGATIVE, 0],
        "latent_image": [_LATENT, 0],
    }
    size = {"width": request.width, "height": request.height, "batch_size": 1}
    text = {"text": request.prompt, "clip": [_CLIP, 0]}
    adapted = {str(_FIRST_LORA + place): one for place, one in enumerate(request.loras)}
    sources = [_UNET, *adapted]
    shift = {"shift": SHIFT if request.shift is None else request.shift, "model": [sources[-1], 0]}
    nodes = {
        _UNET: _node(
            "UNETLoader", "Model", {"unet_name": _FILES.get(model, model), "weight_dtype": "default"}, model=model
        ),
        _CLIP: _node("CLIPLoader", "Text encoder", clip),
        _VAE: _node("VAELoader", "VAE", {"vae_name": "ae.safetensors" if real else model}),
        _SAMPLING: _node("ModelSamplingAuraFlow", "Shift", shift, shift=request.shift),
        _LATENT: _node("EmptySD3LatentImage", "Size", size, noise=request.noise, **_begun(request)),
        _POSITIVE: _node("CLIPTextEncode", "Prompt", text, truncate=request.truncate, **_varied(request)),
        _NEGATIVE: negative,
        # 1 + x - 1 need not be x.
        _SAMPLER: _node("KSampler", "Sampler", sampler, guidance_scale=request.guidance_scale),
        _DECODE: _node("VAEDecode", "Decode", {"samples": [_SAMPLER, 0], "vae": [_VAE, 0]}),
        _SAVE: _node("SaveImage", "Save", {"filename_prefix": "zimage_lab", "images": [_DECODE, 0]}),
    }
    for source, (number, one) in zip(sources, adapted.items(), strict=False):
        # ComfyUI knows its files by their names below models/loras.
        inputs = {"lora_name": PurePath(one.name).name, "strength_model": one.weight, "model": [source, 0]}
        nodes[number] = _node(_LORA, "LoRA", inputs, name=one.name)
    return nodes


def ui_graph(request: GenerationRequest) -> dict[str, Any]:
    """Give the same graph as ComfyUI's canvas keeps it: with places, slots and links.

    Parameters
    ----------
    request
        What to draw.
    """
    graph = api_graph(request)
    nodes = {number: _drawn(number, node, order) for order, (number, node) in enumerate(graph.items())}
    links: list[list[Any]] = []
    for number, node in graph.items():
        for slot, (name, kind) in enumerate(_KINDS[node["class_type"]].links):
            source, source_slot = node["inputs"][name]
            link = len(links) + 1
            links.append([link, int(source), source_slot, int(number), slot, kind])
            nodes[number]["inputs"][slot]["link"] = link
            nodes[source]["outputs"][source_slot]["links"].append(link)
    return {
        "last_node_id": max(map(int, nodes)),
        "last_link_id": len(links),
        "nodes": list(nodes.values()),
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def request_from_graph(graph: object) -> GenerationRequest:
    """Read an API graph of ours back, also from a stranger's picture, and also where its values were changed since.

    Parameters
    ----------
    graph
        What ``api_graph`` gave, through JSON or not. ``_meta`` may be missing, as ComfyUI drops it: then what only
        stood there is as if it had not been given.

    Raises
    ------
    InvalidRequest
        When it is wired in any other way, or holds a value that no request may have.
    """
    if not isinstance(graph, dict) or len(graph) > len(_PLACES) + MOST_LORAS:
        raise _strange(graph, "is not made of the nodes that zimage_lab writes")
    adapted = [str(_FIRST_LORA + place) for place in range(len(graph) - len(_PLACES))]
    if graph.keys() != {*_PLACES, *adapted} or any(_class(graph[number]) != _LORA for number in adapted):
        raise _strange(graph, "is not made of the nodes that zimage_lab writes")
    inputs = {number: _part(graph, number, "inputs") for number in graph}
    kept = {number: _kept(graph[number]) for number in graph}
    file, shift, sampler = inputs[_UNET].get("unet_name"), inputs[_SAMPLING].get("shift"), inputs[_SAMPLER]
    named = next((model for model, name in _FILES.items() if name == file), file)
    values: dict[str, Any] = {
        "prompt": inputs[_POSITIVE].get("text"),
        "negative_prompt": inputs[_NEGATIVE].get("text", kept[_NEGATIVE].get("negative_prompt", "")),
        "model": kept[_UNET].get("model", named),
        "width": inputs[_LATENT].get("width"),
        "height": inputs[_LATENT].get("height"),
        "steps": sampler.get("steps"),
        "guidance_scale": _guidance(sampler.get("cfg"), kept[_SAMPLER].get("guidance_scale")),
        "seed": sampler.get("seed"),
        "shift": None if shift == SHIFT and kept[_SAMPLING].get("shift", 0) is None else shift,
        "sampler": sampler.get("sampler_name"),
        "scheduler": sampler.get("scheduler"),
        "noise": kept[_LATENT].get("noise", "per_image"),
        "truncate": kept[_POSITIVE].get("truncate", False),
        "variation": kept[_POSITIVE].get("variation", 0.0),
        **{name: kept[_LATENT].get(name) for name in _BEGUN if name in kept[_LATENT]},
        "loras": [_lora(inputs[number], kept[number]) for number in adapted],
    }
    request = GenerationRequest(**values)
    # What such a request makes is shallow, so that the comparison ends soon whatever it is compared with.
    for number, node in api_graph(request).items():
        if graph[number].get("class_type") != node["class_type"] or inputs[number] != node["inputs"]:
            raise _strange(graph, f"has another node {number} than the {node['class_type']} that zimage_lab writes")
    return request


def _begun(request: GenerationRequest) -> dict[str, Any]:
    """Give what a request begins with, by the hashes of pictures that only the home has."""
    return {name: value for name in _BEGUN if (value := getattr(request, name)) not in {None, ()}}


def _varied(request: GenerationRequest) -> dict[str, float]:
    """Give the variation, which ComfyUI's own nodes know nothing of, where there is one."""
    return {"variation": request.variation} if request.variation else {}


def _class(node: object) -> object:
    return node.get("class_type") if isinstance(node, dict) else None


def _lora(inputs: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Give a LoRA of its node: by the name that was kept, unless another file stands there since."""
    name = kept.get("name")
    same = isinstance(name, str) and PurePath(name).name == inputs.get("lora_name")
    return {"name": name if same else inputs.get("lora_name"), "weight": inputs.get("strength_model")}


def _node(kind: str, title: str, inputs: dict[str, Any], **kept: object) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title, **({KEPT: kept} if kept else {})}}


def _drawn(number: str, node: dict[str, Any], order: int) -> dict[str, Any]:
    kind, meta = _KINDS[node["class_type"]], node["_meta"]
    below = (0, 390 + 120 * (int(number) - _FIRST_LORA + 1), 270, 82)  # LoRAs, under the other loaders
    left, top, width, height = _PLACES.get(number, below)
    return {
        "id": int(number),
        "type": node["class_type"],
        "title": meta["title"],
        "pos": [left, top],
        "size": [width, height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [{"name": name, "type": given, "link": None} for name, given in kind.links],
        "outputs": [{"name": kind.output, "type": kind.output, "slot_index": 0, "links": []}] if kind.output else [],
        "properties": {"Node name for S&R": node["class_type"], **({KEPT: meta[KEPT]} if KEPT in meta else {})},
        "widgets_values": ["fixed" if name == _CONTROL else node["inputs"][name] for name in kind.widgets],
    }


def _guidance(cfg: object, kept: object) -> float:
    """Give the guidance of a cfg: what was kept, unless the cfg was changed since."""
    number = checked_real("cfg", cfg, 1 + GUIDANCE_RANGE[0], 1 + GUIDANCE_RANGE[1])
    if isinstance(kept, int | float) and GUIDANCE_RANGE[0] <= kept <= GUIDANCE_RANGE[1] and 1 + kept == number:
        return float(kept)
    short = round(number - 1, 9)  # 0.1 of 1.1, not 0.10000000000000009
    return short if 1 + short == number else number - 1


def _part(graph: dict[str, Any], number: str, name: str) -> dict[str, Any]:
    node = graph[number]
    part = node.get(name) if isinstance(node, dict) else None
    if not isinstance(part, dict):
        raise _strange(graph, f"has a node {number} without {name}")
    return part


def _kept(node: dict[str, Any]) -> dict[str, Any]:
    meta = node.get("_meta")
    kept = meta.get(KEPT) if isinstance(meta, dict) else None
    return kept if isinstance(kept, dict) else {}


def _strange(graph: object, what: str) -> InvalidRequest:
    return InvalidRequest("graph", graph, what, "Give the graph of a picture that zimage_lab saved.")
