"""Gets a model's weights from a hub, after a person has said yes: the pinned revision, resumed, verified.

Files go into the Hugging Face cache, where other programs find them, too. `HF_ENDPOINT` names a mirror, `HF_TOKEN` a
person, as for every program that uses that hub; with `ZIMAGE_LAB_HUB=modelscope` they come from ModelScope into the
home's `models` folder, where the `modelscope` package is installed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import Cancelled, InvalidRequest, ModelLoadError, StoreError
from zimage_lab.home import MODELS, home
from zimage_lab.models import catalog, folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.models.catalog import Model

ENDPOINT = "https://huggingface.co"
HUB = "ZIMAGE_LAB_HUB"
WANTED = ("model_index.json", "*/*.json", "*/*.jinja", "*/*.txt", "*/*.model", "*/*.safetensors")
UNWANTED = ("*.fp16.*", "*non_ema*", "safety_checker/*", "feature_extractor/*", "*.msgpack*", "*onnx*")
"""Other copies of the same weights, and what zimage_lab does not use."""

_SLACK = 1_000_000_000  # bytes that stay free on the disk


@dataclass(frozen=True, slots=True)
class File:
    """A file of a model on the hub: its path, bytes, and SHA-256 where the hub tells it."""

    path: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be downloaded.

    Parameters
    ----------
    model_id, hub_id, revision
        Which model, under which name and commit of the hub.
    endpoint
        Where from.
    files
        All files that are wanted.
    missing_bytes
        Bytes that are not here yet.
    free_bytes
        Bytes that are free where they go.
    place
        The folder where they go.
    licence
        The weights' licence.
    """

    model_id: str
    hub_id: str
    revision: str
    endpoint: str
    files: tuple[File, ...]
    missing_bytes: int
    free_bytes: int
    place: Path
    licence: str

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        missing, free = self.missing_bytes / 1e9, self.free_bytes / 1e9
        return (
            f"{self.hub_id} ({self.licence or 'licence not told'}): {missing:.1f} GB from {self.endpoint} into "
            f"{self.place}, where {free:.0f} GB are free."
        )


def download(
    name: str,
    place: Path | None = None,
    *,
    confirm: Callable[[Offer], bool],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Model:
    """Get a model's weights; what is here already is not fetched again, and what was begun goes on.

    Parameters
    ----------
    name
        An id of the catalog with a hub id.
    place
        The home folder; None takes the usual one.
    confirm
        Asked once before anything is fetched; False ends it.
    progress
        Called with the bytes that have come and those of all; what it raises ends the download, which can go on later.

    Returns
    -------
    Model
        As `models.find` gives it.

    Raises
    ------
    InvalidRequest
        There is no such model, or no hub has it.
    Cancelled
        It was not confirmed.
    ModelLoadError
        The hub cannot be reached or refuses, or a file that came is not what the hub says it is.
    StoreError
        The disk has no room.
    """
    entry = catalog.find(name, place)
    if entry.path is not None:
        return entry
    if entry.card.hub_id is None:
        field = "model"
        raise InvalidRequest(field, name, f"{entry.id} is on no hub", "Put its folder into models/ of the home.")
    if os.environ.get(HUB, "").lower() == "modelscope":
        return _from_modelscope(entry, home() if place is None else place, confirm)
    found = offer(entry)
    _agree(found, confirm)
    _fetch(found, progress)
    return catalog.find(name, place)


def offer(entry: Model) -> Offer:
    """Ask the hub what a model consists of; nothing is fetched.

    Raises
    ------
    ModelLoadError
        The hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi

    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    hub_id = str(entry.card.hub_id)
    with _told(hub_id, endpoint):
        info = HfApi(endpoint=endpoint).model_info(
            hub_id, revision=entry.card.revision, files_metadata=True, timeout=30
        )
    files = tuple(
        File(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else None)
        for one in info.siblings or ()
        if _wanted(one.rfilename)
    )
    if not any(file.path.endswith(".safetensors") for file in files):
        message = f"{hub_id} at {endpoint} has no safetensors weights. Only those are taken."
        raise ModelLoadError(message)
    cache, revision = folders.hub_cache(), str(info.sha)
    snapshot = cache / f"models--{hub_id.replace('/', '--')}" / "snapshots" / revision
    missing = sum(file.bytes for file in files if not (snapshot / file.path).exists())
    return Offer(
        model_id=entry.id,
        hub_id=hub_id,
        revision=revision,
        endpoint=endpoint,
        files=files,
        missing_bytes=missing,
        free_bytes=shutil.disk_usage(_existing(cache)).free,
        place=cache,
        licence=entry.card.licence,
    )


def _agree(found: Offer, confirm: Callable[[Offer], bool]) -> None:
    """Look at the room, then ask."""
    if found.missing_bytes + _SLACK > found.free_bytes:
        message = f"{found.sentence} Make room there, or name another place in HF_HUB_CACHE."
        raise StoreError(message)
    if not confirm(found):
        message = f"Nothing was downloaded of {found.model_id}."
        raise Cancelled(message)


def _fetch(found: Offer, progress: Callable[[int, int], None]) -> None:
    from huggingface_hub import hf_hub_download
    from tqdm.auto import tqdm

    come = 0
    total = sum(file.bytes for file in found.files)

    class Bar(tqdm):  # type: ignore[misc,unused-ignore] # tqdm has no types
        """Tells the caller instead of drawing a bar of its own."""

        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as tqdm's
            self.begun = int(options.get("initial") or 0)
            options.pop("name", None)  # the hub library's own addition
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, number: float | None = 1) -> None:
            self.begun += int(number or 0)
            progress(min(total, come + self.begun), total)

    for file in found.files:
        with _told(found.hub_id, found.endpoint):
            path = hf_hub_download(
                found.hub_id,
                file.path,
                revision=found.revision,
                endpoint=found.endpoint,
                cache_dir=found.place,
                tqdm_class=Bar,
            )
        _verify(Path(path), file)
        come += file.bytes
        progress(come, total)


def _verify(path: Path, file: File) -> None:
    """Hold a file that came against what the hub says; a wrong one is removed, so that it is fetched anew."""
    if file.sha256 is None:
        return
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if digest != file.sha256:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        message = f"{file.path} came damaged: its SHA-256 is not what the hub says. It was removed; get it again."
        raise ModelLoadError(message)


class _told:  # noqa: N801 - a context manager
    """Turns the hub library's many errors into sentences with a way out."""

    def __init__(self, hub_id: str, endpoint: str) -> None:
        self._what, self._where = hub_id, endpoint

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from huggingface_hub import errors

        if error is None or isinstance(error, Cancelled | KeyboardInterrupt | MemoryError):
            return
        way = "Try again: what has come stays. HF_ENDPOINT names a mirror, such as https://hf-mirror.com."
        if isinstance(error, errors.GatedRepoError):
            way = "Accept its terms on the hub's page, and give your token in HF_TOKEN."
        elif isinstance(error, errors.RepositoryNotFoundError):
            way = "It does not exist there, or needs a token in HF_TOKEN."
        elif isinstance(error, errors.OfflineModeIsEnabled):
            way = "HF_HUB_OFFLINE is set; unset it to download."
        elif isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            message = f"{self._what} cannot be stored ({error.strerror}). Make room there."
            raise StoreError(message) from error
        elif not isinstance(error, Exception):
            return
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"{self._what} cannot be fetched from {self._where} ({reason}). {way}"
        raise ModelLoadError(message) from error


def _from_modelscope(entry: Model, place: Path, confirm: Callable[[Offer], bool]) -> Model:
    if importlib.util.find_spec("modelscope") is None:
        message = f"{HUB}=modelscope needs the package: `pip install modelscope`. Without it, unset {HUB}."
        raise ModelLoadError(message)
    from modelscope import snapshot_download

    target, card = place / MODELS / entry.card.id, entry.card
    size = card.download_bytes or 0
    free = shutil.disk_usage(_existing(target)).free
    found = Offer(entry.id, str(card.hub_id), "master", "https://modelscope.cn", (), size, free, target, card.licence)
    _agree(found, confirm)
    try:
        snapshot_download(
            card.hub_id, local_dir=str(target), allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED)
        )
    except Exception as error:  # its errors are of many libraries
        message = f"{card.hub_id} cannot be fetched from ModelScope ({error}). Try again: what has come stays."
        raise ModelLoadError(message) from error
    return catalog.find(entry.id, place)


def _wanted(path: str) -> bool:
    # Names come from outside: only plain ones, one folder deep, are files of a pipeline.
    plain = ".." not in path and not path.startswith("/") and path.count("/") <= 1
    return (
        plain
        and any(fnmatch.fnmatch(path, one) for one in WANTED)
        and not any(fnmatch.fnmatch(path, one) for one in UNWANTED)
    )


def _existing(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.exists())
