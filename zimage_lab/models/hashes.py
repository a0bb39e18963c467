"""Which weights drew: the SHA-256 of each file, worked out once and remembered.

20 GB take some ten seconds, so a hash is kept with the file's size and time; what the Hugging Face cache stores bears
its hash for a name already.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
from typing import TYPE_CHECKING

from zimage_lab.home import MODELS
from zimage_lab.models import folders

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.models.catalog import Model

REMEMBERED = "hashes.cache"
_BLOB = re.compile(r"[0-9a-f]{64}")
_LOCK = threading.Lock()


def weights_sha256(model: Model, place: Path) -> dict[str, str]:
    """Give the SHA-256 of each weight file of a model, by its path inside the model's folder or by its name.

    Parameters
    ----------
    model
        A model that is on this machine.
    place
        The home folder, which remembers hashes.
    """
    if model.card.sha256:
        return model.card.sha256
    files: dict[str, Path] = {}
    for component, path in model.parts:
        # Two files of one name lie in two folders: the component tells them apart, and no path of the machine is told.
        other = files.get(path.name)
        files[path.name if other in {None, path} else f"{component}/{path.name}"] = path
    single = {component for component, _ in model.parts}
    for path in model.folder.glob("*/*.safetensors"):
        if path.parent.name not in single:
            files[path.relative_to(model.folder).as_posix()] = path
    return {name: sha256_of(path, place) for name, path in sorted(files.items())}


def prepare(model: Model, place: Path) -> None:
    """Begin to work out a model's hashes beside the reading of its weights, so that no picture waits for them."""
    if not model.card.sha256:
        threading.Thread(target=_quietly, args=(model, place), name="zimage-lab-hashes", daemon=True).start()


def _quietly(model: Model, place: Path) -> None:
    with contextlib.suppress(OSError):  # whoever needs the hash meets the same error
        weights_sha256(model, place)


def sha256_of(path: Path, place: Path) -> str:
    """Give a file's SHA-256; an unchanged file is read once, whichever process asks."""
    real = path.resolve()
    if _BLOB.fullmatch(real.name) and real.parent.name == "blobs":
        return real.name
    status = real.stat()
    key = f"{real}|{status.st_size}|{status.st_mtime_ns}"
    store = place / MODELS / REMEMBERED
    with _LOCK:
        known = folders.read_json(store)
        if not isinstance(known.get(key), str):
            with real.open("rb") as file:
                known[key] = hashlib.file_digest(file, "sha256").hexdigest()
            _remember(store, known)
        return str(known[key])


def _remember(store: Path, known: dict[str, str]) -> None:
    """Write what is known; where that fails, it is worked out again next time."""
    temporary = store.with_suffix(f".{os.getpid()}")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(known), encoding="utf-8")
        temporary.replace(store)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
