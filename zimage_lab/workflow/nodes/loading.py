"""Nodes that name what draws: models, text encoders, VAEs and LoRAs, and the shift of a model's schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zimage_lab.request import LORA_RANGE
from zimage_lab.workflow import names
from zimage_lab.workflow.node import Input, Node, Output, Within
from zimage_lab.workflow.values import ModelValue, PartValue

if TYPE_CHECKING:
    from zimage_lab.workflow.running import Run

_STRENGTH = Within(*LORA_RANGE, 0.01)
_CATEGORY = "loaders"


def _checkpoint(run: Run, *, ckpt_name: str) -> tuple[Any, ...]:
    name = run.model_named(ckpt_name)
    return ModelValue(name), PartValue(name), PartValue(name)


def _unet(run: Run, *, unet_name: str, weight_dtype: str) -> tuple[Any, ...]:
    del weight_dtype  # the engine settles the precision for everybody
    return (ModelValue(run.model_named(unet_name)),)


def _clip(run: Run, *, clip_name: str, **_: str) -> tuple[Any, ...]:
    return (PartValue(run.part_named(clip_name)),)


def _vae(run: Run, *, vae_name: str) -> tuple[Any, ...]:
    return (PartValue(run.part_named(vae_name)),)


def _lora(run: Run, *, model: ModelValue, lora_name: str, strength_model: float) -> tuple[ModelValue]:
    if strength_model == 0:
        return (model,)
    name = names.adapter(lora_name, run.home) or lora_name
    others = tuple(one for one in model.loras if one[0] != name)
    weight = strength_model + sum(weight for other, weight in model.loras if other == name)
    return (replace(model, loras=(*others, (name, weight))),)


def _lora_of_both(
    run: Run, *, model: ModelValue, clip: PartValue, lora_name: str, strength_model: float, strength_clip: float
) -> tuple[ModelValue, PartValue]:
    del strength_clip  # what a LoRA holds for a text encoder is told as what does nothing
    return _lora(run, model=model, lora_name=lora_name, strength_model=strength_model)[0], clip


def _shift(_: Run, *, model: ModelValue, shift: float) -> tuple[ModelValue]:
    return (replace(model, shift=shift),)


_FILE = Input("lora_name", "COMBO", choices=names.adapters, accepts=names.is_adapter)
_MODEL, _OUT = Input("model", "MODEL"), Output("MODEL", "MODEL")

NODES = (
    Node(
        "CheckpointLoaderSimple",
        (Input("ckpt_name", "COMBO", choices=names.checkpoints, accepts=names.is_model),),
        (_OUT, Output("CLIP", "CLIP"), Output("VAE", "VAE")),
        _checkpoint,
        title="Load Checkpoint",
        description="Names a model with its text encoder and VAE.",
        category=_CATEGORY,
    ),
    Node(
        "UNETLoader",
        (
            Input("unet_name", "COMBO", choices=names.checkpoints, accepts=names.is_model),
            Input("weight_dtype", "COMBO", "default", choices=("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")),
        ),
        (_OUT,),
        _unet,
        title="Load Diffusion Model",
        description="Names a model; the engine's settings say in which precision it is.",
        category="advanced/loaders",
    ),
    Node(
        "CLIPLoader",
        (
            Input("clip_name", "COMBO", choices=names.encoders, accepts=names.is_part),
            Input("type", "COMBO", "lumina2", choices=("lumina2", "stable_diffusion", "sd3", "flux", "qwen_image")),
            Input("device", "COMBO", "default", choices=("default", "cpu"), optional=True),
        ),
        (Output("CLIP", "CLIP"),),
        _clip,
        title="Load CLIP",
        description="Names a text encoder: that of the graph's model.",
        category="advanced/loaders",
    ),
    Node(
        "VAELoader",
        (Input("vae_name", "COMBO", choices=names.autoencoders, accepts=names.is_part),),
        (Output("VAE", "VAE"),),
        _vae,
        title="Load VAE",
        description="Names a VAE: that of the graph's model.",
        category=_CATEGORY,
    ),
    Node(
        "LoraLoaderModelOnly",
        (_MODEL, _FILE, Input("strength_model", "FLOAT", 1.0, within=_STRENGTH)),
        (_OUT,),
        _lora,
        title="Load LoRA (Model)",
        description="Has a LoRA take part, with a weight.",
        category=_CATEGORY,
    ),
    Node(
        "LoraLoader",
        (
            _MODEL,
            Input("clip", "CLIP"),
            _FILE,
            Input("strength_model", "FLOAT", 1.0, within=_STRENGTH),
            Input("strength_clip", "FLOAT", 1.0, within=_STRENGTH),
        ),
        (_OUT, Output("CLIP", "CLIP")),
        _lora_of_both,
        title="Load LoRA (Model and CLIP)",
        description="Has a LoRA take part; Z-Image's adapt the transformer alone.",
        category=_CATEGORY,
    ),
    Node(
        "ModelSamplingAuraFlow",
        (_MODEL, Input("shift", "FLOAT", 1.73, within=Within(0.0, 100.0, 0.01))),
        (_OUT,),
        _shift,
        title="ModelSamplingAuraFlow",
        description="Sets the time shift of the schedule.",
        category="advanced/model",
        check=lambda values, _: None if values["shift"] >= 0.01 else "shift - 0 leaves no schedule; use 0.01 and more.",  # noqa: PLR2004 - as a request has it
    ),
)
