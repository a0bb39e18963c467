"""Values that several tests make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zimage_lab.recipe import Environment, ImageFile, ModelIdentity, RunRecord, now
from zimage_lab.request import GenerationRequest
from zimage_lab.store.images import save_png
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


def record(
    prompt: str = "a red circle",
    *,
    size: int = 64,
    seed: int = 2**64 - 1,
    **changes: Any,  # noqa: ANN401 - any field
) -> RunRecord:
    """Give the record of a run that succeeded, its picture not yet written."""
    request = GenerationRequest(
        prompt=prompt, model="miniature-turbo", width=size, height=size, steps=8, guidance_scale=0.0, seed=seed
    )
    made = RunRecord(
        job_id=str(uuid4()),
        request=request,
        state="succeeded",
        created_at=now(),
        model=ModelIdentity(id="miniature-turbo", family="z_image"),
        environment=Environment(zimage_lab="0.1.0", python="3.11", device="cpu", dtype="float32", platform="linux"),
    )
    return made.replace(**changes)


def keep_picture(home: Path, image: Image, made: RunRecord) -> RunRecord:
    """Put a picture and its record into a home, as an engine does."""
    saved = save_png(image, made, home)
    path = saved.path.relative_to(home).as_posix()
    file = ImageFile(path=path, sha256=saved.sha256, pixels_sha256=saved.pixels_sha256)
    with Records(home) as records:
        records.append(made.replace(image=file))
    return made.replace(image=file)
