"""Looks at model folders in diffusers' layout: what is in them, whether all of it came, and where the hub has them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

INDEX = "model_index.json"
_WEIGHTLESS = re.compile(r"scheduler|tokenizer|processor|feature_extractor")
_OPTIONAL = ("safety_checker", "image_encoder")
_LARGEST_JSON = 50_000_000
_CONFIGS = (INDEX, "config.json", "tokenizer_config.json", "scheduler_config.json", "preprocessor_config.json")
_CODE = {
    "auto_map",
    "trust_remote_code",
    "custom_pipelines",
    "_attn_implementation_internal",
    "_experts_implementation_internal",
}
_KERNELS = ("attn_implementation", "experts_implementation")  # "owner/name" has transformers fetch a kernel and run it
_LIBRARIES = {"diffusers", "transformers", "stable_diffusion", "z_image"}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where the file is missing, damaged, enormous or something else."""
    try:
        if path.stat().st_size > _LARGEST_JSON:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_folder(path: Path) -> bool:
    """Tell whether this is a readable folder in diffusers' layout; false, never an error, for what is no path."""
    try:
        return (path / INDEX).is_file()
    except (OSError, ValueError):  # no permission, name too long, NUL inside
        return False


def pipeline_class(folder: Path) -> str:
    """Give the pipeline class that the folder names, or an empty text."""
    return str(read_json(folder / INDEX).get("_class_name", ""))


def foreign_code(folder: Path) -> str | None:
    """Name the config that would have the libraries run code from the folder, or None: ours never do."""
    for path in sorted(folder.glob("**/*.json")):
        if path.name in _CONFIGS and (named := _code_in(read_json(path))):
            return f"{path.relative_to(folder)} ({', '.join(sorted(named))})"
    index = read_json(folder / INDEX)
    for name, value in index.items():
        library = value[0] if isinstance(value, list) and value else None
        if not name.startswith("_") and isinstance(library, str) and library not in _LIBRARIES:
            return f"{INDEX} ({name} of {library})"
    return None


def _code_in(config: dict[str, Any]) -> set[str]:
    """Name what would have code run, however deep in a config it stands."""
    named: set[str] = set()
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            named |= _CODE & set(value)
            named |= {name for name in value if name.endswith(_KERNELS) and "/" in json.dumps(value[name])}
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return named


def shift(folder: Path) -> float | None:
    """Give the time shift of the folder's own scheduler, or None where it does not say."""
    value = read_json(folder / "scheduler" / "scheduler_config.json").get("shift")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100:  # noqa: PLR2004 - request.py's limit
        return float(value)
    return None


def missing(folder: Path) -> list[str]:
    """List what a folder lacks before it can be loaded, as paths relative to it; an interrupted download shows.

    Parameters
    ----------
    folder
        A folder in diffusers' layout.

    Returns
    -------
    list[str]
        Empty where everything that its index names is there.
    """
    index = read_json(folder / INDEX)
    parts = {name: kind for name, value in index.items() if (kind := _class_of(name, value))}
    if not parts:
        return [INDEX]
    lacking: list[str] = []
    for name, kind in parts.items():
        part = folder / name
        if "tokenizer" in name:
            # Qwen's must be the fast one's file: tokens are counted without transformers.
            files = ("tokenizer.json",) if kind.startswith("Qwen") else ("tokenizer.json", "vocab.json")
            lacking += [] if any((part / file).is_file() for file in files) else [f"{name}/tokenizer.json"]
        elif not _WEIGHTLESS.search(name):
            lacking += [] if (part / "config.json").is_file() else [f"{name}/config.json"]
            lacking += [f"{name}/{file}" for file in _missing_weights(part)]
    return lacking


def _class_of(name: str, value: object) -> str:
    """Give the class of a component that a pipeline's index lists, or an empty text for any other entry."""
    if name.startswith("_") or name in _OPTIONAL or not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - library, class
        return ""
    # The name becomes a path: one that leaves the folder is no component.
    return value[1] if isinstance(value[1], str) and name == Path(name).name else ""


def _missing_weights(part: Path) -> list[str]:
    if not part.is_dir():
        return ["*.safetensors"]
    for index in sorted(part.glob("*.safetensors.index.json")):
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict):
            return [index.name]
        # Names come out of a file that somebody downloaded: only plain names count as files of this folder.
        return sorted({str(name) for name in shards.values() if not (part / Path(str(name)).name).is_file()})
    return [] if any(path.is_file() for path in part.glob("*.safetensors")) else ["*.safetensors"]


def hub_cache() -> Path:
    """Give the Hugging Face cache's folder, as that library's own variables place it; it may not exist."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return _expanded(os.environ[variable])
    if os.environ.get("HF_HOME"):
        return _expanded(os.environ["HF_HOME"]) / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expanded(base) / "huggingface" / "hub"


def hub_snapshots(hub_id: str, revision: str | None = None) -> list[Path]:
    """List the snapshots of a hub model in the cache, the one to prefer first.

    Parameters
    ----------
    hub_id
        "owner/name".
    revision
        A commit that is wanted; where it is given, only that one counts.
    """
    place = hub_cache() / f"models--{hub_id.replace('/', '--')}"
    try:
        every = sorted(
            (path for path in (place / "snapshots").iterdir() if is_folder(path)),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
    except (OSError, ValueError):
        return []
    if revision is not None:
        return [path for path in every if path.name == revision]
    try:
        main = (place / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        main = ""
    return sorted(every, key=lambda path: path.name != main)


def _expanded(text: str) -> Path:
    path = Path(os.path.expandvars(text))
    try:
        return path.expanduser()
    except RuntimeError:  # "~nobody"
        return path
