"""What the tensors of a LoRA file belong to, in the spellings that people have; told from the names alone, no torch.

Trainers write the same thing as ``diffusion_model.layers.0.attention.to_q.lora_A.weight`` (ComfyUI, ai-toolkit),
``lora_unet_layers_0_attention_to_q.lora_down.weight`` (kohya), ``transformer.layers.0...`` (diffusers) or
``base_model.model.layers.0...`` (peft), for the modules of diffusers or for those of the original repository, where
query, key and value are one. A name that belongs nowhere is counted, never dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PREFIXES = (
    "base_model.model.",
    "model.diffusion_model.",
    "diffusion_model.",
    "transformer.",
    "lora_unet_",
    "lora_transformer_",
    "lycoris_",
)
_PARTS = {
    "lora_A.weight": "down",
    "lora_down.weight": "down",
    "lora.down.weight": "down",
    "lora_B.weight": "up",
    "lora_up.weight": "up",
    "lora.up.weight": "up",
    "alpha": "alpha",
} | {name: name for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")}
_ADAPTER = re.compile(r"\.(lora_[AB])\.[^.]+\.weight$")  # peft keeps the adapter's name: lora_A.default.weight
FUSED = "attention.qkv"


class Place(NamedTuple):
    """Where a tensor belongs: the module, and down, up, alpha or a factor of LoKr."""

    module: str
    part: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a LoRA file belongs to a model.

    Parameters
    ----------
    places
        Place of each tensor that belongs somewhere, by its name in the file.
    strange
        Names that belong nowhere.
    """

    places: Mapping[str, Place]
    strange: tuple[str, ...]

    @property
    def of(self) -> int:
        """How many tensors there are."""
        return len(self.places) + len(self.strange)


def cover(names: Iterable[str], modules: Iterable[str]) -> Coverage:
    """Hold the names of a LoRA file against the modules of a model.

    Parameters
    ----------
    names
        Names of the file's tensors.
    modules
        Names that a place may have, from `modules_of`.
    """
    known = set(modules)
    flat = {name.replace(".", "_"): name for name in known}
    places: dict[str, Place] = {}
    strange = []
    for name in names:
        place = _place(name, known, flat)
        if place is None:
            strange.append(name)
        else:
            places[name] = place
    whole = _whole(places)
    return Coverage(
        {name: place for name, place in places.items() if place.module in whole},
        tuple(strange + [name for name, place in places.items() if place.module not in whole]),
    )


def modules_of(config: Mapping[str, Any]) -> dict[str, str]:
    """List the modules that a LoRA may change, with the original repository's names for them.

    Parameters
    ----------
    config
        The transformer's config, as `ZImageTransformer2DModel` has it.

    Returns
    -------
    dict
        diffusers' name by every name that a file may use; a fused ``attention.qkv`` stands for itself.
    """
    inner = {f"attention.{name}": f"attention.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0", "qkv")} | {
        f"feed_forward.{name}": f"feed_forward.{name}" for name in ("w1", "w2", "w3")
    }
    inner |= {"attention.out": "attention.to_out.0", "attention.to_out": "attention.to_out.0"}
    time = {"adaLN_modulation.0": "adaLN_modulation.0"}
    found: dict[str, str] = {}
    for group, count, own in (
        ("layers", config["n_layers"], inner | time),
        ("noise_refiner", config["n_refiner_layers"], inner | time),
        ("context_refiner", config["n_refiner_layers"], inner),
    ):
        for number in range(count):
            found |= {f"{group}.{number}.{name}": f"{group}.{number}.{module}" for name, module in own.items()}
    last = "all_final_layer.2-1"
    for name in ("linear", "adaLN_modulation.1"):
        found |= {f"{last}.{name}": f"{last}.{name}", f"final_layer.{name}": f"{last}.{name}"}
    found |= {"all_x_embedder.2-1": "all_x_embedder.2-1", "x_embedder": "all_x_embedder.2-1"}
    return found | {name: name for name in ("cap_embedder.1", "t_embedder.mlp.0", "t_embedder.mlp.2")}


def _place(name: str, known: set[str], flat: Mapping[str, str]) -> Place | None:
    text = _ADAPTER.sub(r".\1.weight", name)
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    for ending, part in _PARTS.items():
        if text.endswith(f".{ending}"):
            module = text.removesuffix(f".{ending}")
            found = module if module in known else flat.get(module.replace(".", "_"))
            return None if found is None else Place(found, part)
    return None


def _whole(places: Mapping[str, Place]) -> set[str]:
    """Name the modules for which both halves came."""
    parts: dict[str, set[str]] = {}
    for place in places.values():
        parts.setdefault(place.module, set()).add(place.part)
    return {
        module
        for module, own in parts.items()
        if own >= {"down", "up"} or (own & {"lokr_w1", "lokr_w1_a"} and own & {"lokr_w2", "lokr_w2_a"})
    }
