"""Graphs that several tests change: the article's in small, one from picture to picture, and one of the canvas."""

from __future__ import annotations

import copy
from typing import Any

PROMPT = "a red cat on the left, white background"

ARTICLE: dict[str, Any] = {
    "3": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "z-image-turbo.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT, "clip": ["3", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["3", 1]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "10": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 12345,
            "steps": 2,
            "cfg": 1.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["3", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["10", 0], "vae": ["3", 2]}},
    "11": {"class_type": "SaveImage", "inputs": {"filename_prefix": "Shop", "images": ["8", 0]}},
}


def article(**changes: object) -> dict[str, Any]:
    """Give the article's graph in small; ``n10_steps=3`` changes an input of node 10."""
    graph = copy.deepcopy(ARTICLE)
    for name, value in changes.items():
        number, _, field = name.removeprefix("n").partition("_")
        graph[number]["inputs"][field] = value
    return graph


def from_picture(denoise: float = 0.5) -> dict[str, Any]:
    """Give a graph that begins with the picture ``cat.png``."""
    graph = article(n10_denoise=denoise, n10_steps=3)
    graph["20"] = {"class_type": "LoadImage", "inputs": {"image": "cat.png"}}
    graph["21"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["20", 0], "vae": ["3", 2]}}
    graph["10"]["inputs"]["latent_image"] = ["21", 0]
    return graph


def canvas() -> dict[str, Any]:
    """Give a graph of the canvas as ComfyUI's templates are: a subgraph with promoted values, a note, a reroute."""
    return {
        "nodes": [
            {"id": 35, "type": "MarkdownNote", "widgets_values": ["read me"], "inputs": [], "outputs": []},
            {
                "id": 57,
                "type": "sub-1",
                "inputs": [{"name": "text", "type": "STRING", "widget": {"name": "text"}, "link": None}],
                "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [62]}],
                "properties": {"proxyWidgets": [["-1", "text"], ["-1", "width"], ["3", "seed"], ["-1", "unet_name"]]},
                "widgets_values": [PROMPT, 64, None, "z_image_turbo_bf16.safetensors"],
            },
            {
                "id": 58,
                "type": "Reroute",
                "inputs": [{"name": "", "type": "*", "link": 62}],
                "outputs": [{"type": "IMAGE"}],
            },
            {
                "id": 9,
                "type": "SaveImage",
                "inputs": [{"name": "images", "type": "IMAGE", "link": 63}],
                "widgets_values": ["z-image-turbo"],
            },
        ],
        "links": [[62, 57, 0, 58, 0, "IMAGE"], [63, 58, 0, 9, 0, "IMAGE"]],
        "definitions": {"subgraphs": [_SUBGRAPH]},
        "version": 0.4,
    }


def _inner(number: int, kind: str, links: dict[str, int | None], values: list[object]) -> dict[str, Any]:
    inputs = [{"name": name, "type": "*", "link": link} for name, link in links.items()]
    return {"id": number, "type": kind, "mode": 0, "inputs": inputs, "outputs": [], "widgets_values": values}


_SUBGRAPH: dict[str, Any] = {
    "id": "sub-1",
    "inputNode": {"id": -10},
    "outputNode": {"id": -20},
    "inputs": [{"name": "text"}, {"name": "width"}, {"name": "unet_name"}],
    "outputs": [{"name": "IMAGE"}],
    "nodes": [
        _inner(28, "UNETLoader", {"unet_name": 38}, ["other.safetensors", "default"]),
        _inner(30, "CLIPLoader", {}, ["qwen_3_4b.safetensors", "lumina2", "default"]),
        _inner(29, "VAELoader", {}, ["ae.safetensors"]),
        _inner(11, "ModelSamplingAuraFlow", {"model": 26}, [3]),
        _inner(27, "CLIPTextEncode", {"clip": 28, "text": 34}, [""]),
        _inner(33, "ConditioningZeroOut", {"conditioning": 32}, []),
        _inner(13, "EmptySD3LatentImage", {"width": 35}, [1024, 64, 1]),
        _inner(
            3,
            "KSampler",
            {"model": 13, "positive": 30, "negative": 33, "latent_image": 17},
            [0, "randomize", 2, 1, "res_multistep", "simple", 1],
        ),
        _inner(8, "VAEDecode", {"samples": 14, "vae": 27}, []),
    ],
    "links": [
        {"id": number, "origin_id": origin, "origin_slot": slot, "target_id": target, "target_slot": at, "type": "*"}
        for number, origin, slot, target, at in [
            (26, 28, 0, 11, 0),
            (28, 30, 0, 27, 0),
            (32, 27, 0, 33, 0),
            (30, 27, 0, 3, 1),
            (33, 33, 0, 3, 2),
            (13, 11, 0, 3, 0),
            (17, 13, 0, 3, 3),
            (14, 3, 0, 8, 0),
            (27, 29, 0, 8, 1),
            (16, 8, 0, -20, 0),
            (34, -10, 0, 27, 1),
            (35, -10, 1, 13, 0),
            (38, -10, 2, 28, 0),
        ]
    ],
}
