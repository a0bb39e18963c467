"""Last stage: the trained parts as one folder in diffusers' own layout, with its card."""

from __future__ import annotations

import hashlib
import json
import platform
import random
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.scenes import training_scene
from zimage_lab.miniature.training import (
    architecture,
    architecture_sd,
    autoencoder,
    cards,
    diffusion,
    edit,
    flow,
    latents,
    tokenizer,
    tokenizer_sd,
)
from zimage_lab.miniature.world import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Packed = tuple[Any, dict[str, Any], dict[str, float]]

WEIGHTS = Path(__file__).parents[1] / "weights"
"""Where the bundled models lie."""

PREVIEW_BLOCK = 4
"""The preview map gives each latent a block of this many pixels squared."""


def write(
    folder: Path,
    *,
    name: str = "miniature",
    target: Path | None = None,
    evaluation: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Write a model folder from a training folder's checkpoints.

    Parameters
    ----------
    folder
        Working folder with the autoencoder, its latents and the model's own stage.
    name
        Id of the model.
    target
        Where to write; None writes beside the other bundled models.
    evaluation, training
        Figures for the card, as measured.
    report
        Called with a line of progress.
    """
    target = target or WEIGHTS / name
    facts = cards.facts_of(name)
    pipeline, trained, factors = PIPELINES[facts["family"]](folder, facts["stage"])
    preview = _preview_map(pipeline.vae, factors)
    modules = {part: value for part, value in pipeline.components.items() if hasattr(value, "parameters")}
    for module in modules.values():
        module.half()
    pipeline.save_pretrained(target, safe_serialization=True)
    _said_to_be_float32(target)
    _check_size(target)
    parameters = {part: sum(p.numel() for p in module.parameters()) for part, module in modules.items()}
    old = json.loads((target / "card.json").read_text(encoding="utf-8")) if (target / "card.json").exists() else {}
    card = cards.card(name, preview, sum(parameters.values()))
    card |= {
        "evaluation": evaluation if evaluation is not None else old.get("evaluation", {}),
        "training": (training if training is not None else old.get("training", {}))
        | card["training"]
        | {
            "stages": trained,
            "parameters": parameters,
            "torch": metadata.version("torch"),
            "python": platform.python_version(),
        },
        "sha256": {
            str(file.relative_to(target)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(target.rglob("*.safetensors"))
        },
    }
    (target / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (target / "README.md").write_text(cards.readme(card), encoding="utf-8")
    for file in target.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    report(f"{target.name}: {size / 1e6:.1f} MB")
    return target


def _z_image(folder: Path, stage: str) -> Packed:
    from diffusers import ZImagePipeline

    words = tokenizer.build()
    module, state = _trained(flow.network(words, "cpu"), folder, stage)
    vae, factors = _autoencoder(folder, "z_image")
    return ZImagePipeline(**module, vae=vae, tokenizer=words, scheduler=architecture.scheduler()), state, factors


def _edit(folder: Path, stage: str) -> Packed:
    from diffusers import ZImageOmniPipeline

    words = tokenizer.build(sees=True)
    module, state = _trained(edit.network(words, "cpu"), folder, stage)
    vae, factors = _autoencoder(folder, "z_image")
    parts = {"tokenizer": words, "siglip_processor": architecture.siglip_processor()}
    return ZImageOmniPipeline(**module, **parts, vae=vae, scheduler=architecture.scheduler()), state, factors


def _stable_diffusion(folder: Path, stage: str) -> Packed:
    from diffusers import StableDiffusionPipeline

    words = tokenizer_sd.build()
    module, state = _trained(diffusion.network(words, "cpu"), folder, stage)
    vae, factors = _autoencoder(folder, diffusion.FAMILY)
    none: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    scheduler = architecture_sd.scheduler()
    return StableDiffusionPipeline(**module, **none, vae=vae, tokenizer=words, scheduler=scheduler), state, factors


PIPELINES: dict[str, Callable[[Path, str], Packed]] = {
    "z_image": _z_image,
    "z_image_edit": _edit,
    "stable_diffusion": _stable_diffusion,
}
"""From a working folder and a stage: the whole pipeline, the stage's state, and the factors of its latents."""


def _trained(module: Any, folder: Path, stage: str) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - a ModuleDict
    tensors, state = flow.trained(folder / f"{stage}.safetensors")
    module.load_state_dict(tensors)
    return module, state


def _autoencoder(folder: Path, family: str) -> tuple[Any, dict[str, float]]:
    factors = latents.factors(folder, family)
    vae = autoencoder.trained(folder, family)
    known = factors if vae.config.shift_factor is not None else {"scaling_factor": factors["scaling_factor"]}
    vae.register_to_config(**known)
    return vae, factors


def _said_to_be_float32(target: Path) -> None:
    """Have transformers load its parts as diffusers loads the others: in single precision, unless asked for another."""
    for file in target.glob("*/config.json"):
        config = json.loads(file.read_text(encoding="utf-8"))
        if "dtype" in config:
            config["dtype"] = "float32"
            file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _check_size(target: Path) -> None:
    """Refuse a folder that is too large for the wheel."""
    limit = 25_000_000
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    if size > limit:
        message = f"{target} is {size} bytes, more than {limit}"
        raise ValueError(message)


def _preview_map(vae: torch.nn.Module, factors: dict[str, float], pictures: int = 200) -> dict[str, Any]:
    """Fit the linear map from a normalised latent to its block of pixels, by least squares on drawn pictures."""
    import torch

    rng = random.Random(11)
    drawn = np.stack([np.asarray(draw(training_scene(rng), rng)) for _ in range(pictures)])
    pixels = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        known = torch.cat([vae.encode(part).latent_dist.mean for part in pixels.split(50)])  # type: ignore[operator]
    known = (
        ((known - factors["shift_factor"]) * factors["scaling_factor"]).permute(0, 2, 3, 1).reshape(-1, known.shape[1])
    )
    block, edge = PREVIEW_BLOCK, SIZE // 8
    small = torch.nn.functional.avg_pool2d(pixels, 8 // block)
    # Rows of a latent's block: channel, then row, then column, as `engine.previews` unfolds them.
    wanted = small.view(pictures, 3, edge, block, edge, block).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * block * block)
    design = torch.cat([known, torch.ones(len(known), 1)], dim=1).double()
    solution = torch.linalg.lstsq(design, wanted.double()).solution
    return {
        "block": block,
        "weights": [[round(v, 4) for v in row] for row in solution[:-1].tolist()],
        "bias": [round(v, 4) for v in solution[-1].tolist()],
    }
