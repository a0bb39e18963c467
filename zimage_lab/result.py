"""What every face shows: a finished picture together with its record, also long after its engine is gone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zimage_lab import labels as labelling
from zimage_lab.errors import InvalidRequest, StoreError, ZImageError, shown
from zimage_lab.home import settings
from zimage_lab.store.images import png, write_whole
from zimage_lab.store.public import PARAMETERS, texts

if TYPE_CHECKING:
    import os
    from collections.abc import Container, Iterable

    from PIL.Image import Image

    from zimage_lab.home import Settings
    from zimage_lab.recipe import RunRecord


class GeneratedImage:
    """A picture and how it was made.

    Parameters
    ----------
    record
        The run record.
    path
        The picture's file.
    image
        The pixels, where they are at hand; else they are read when first asked for.
    """

    def __init__(self, record: RunRecord, path: Path | None, image: Image | None = None) -> None:
        self.record = record
        self.path = path
        self._image = image

    @classmethod
    def from_record(cls, record: RunRecord, home: Path) -> Self:
        """Find the picture of a stored record in its home folder.

        Raises
        ------
        StoreError
            When the record is of a run without a picture, or its path leads out of the home folder.
        """
        if record.image is None:
            message = f"Run {record.id} {record.state.replace('_', ' ')} and has no picture. Run its request again."
            raise StoreError(message)
        path = home / record.image.path
        if not path.resolve().is_relative_to(home.resolve()):
            message = f"The record {record.id} names a file outside of {home}. It was not opened."
            raise StoreError(message)
        return cls(record, path)

    @property
    def seed(self) -> int:
        """The seed that was used, also where none was asked for."""
        return self.record.request.seed

    @property
    def image(self) -> Image:
        """The picture, RGB.

        Raises
        ------
        StoreError
            When its file is gone or damaged.
        """
        if self._image is None:
            self._image = self._read()
        return self._image

    def save(self, path: str | os.PathLike[str], *, labels: Iterable[str] = labelling.DEFAULT) -> Path:
        """Write a copy, the recipe and the AI labels inside; an existing file is replaced whole.

        Parameters
        ----------
        path
            A name that ends with ``.png``, ``.jpg``, ``.jpeg`` or ``.webp``, in a folder that is there.
        labels
            "xmp" (IPTC: a trained model made it), "cn" (the field of GB 45438), "c2pa" (signed); ``()`` writes none.

        Returns
        -------
        Path
            Absolute path of the copy.
        """
        field = "path"
        try:
            place = Path(path).expanduser().absolute()
        except (RuntimeError, OSError) as error:  # "~nobody"; a working folder that has gone
            raise InvalidRequest(
                field, str(path), f"{shown(str(path))} cannot be found", "Give a full path."
            ) from error
        labelling.format_of(field, place.name)
        if not place.parent.is_dir():
            raise InvalidRequest(field, str(path), f"there is no folder {shown(str(place.parent))}", "Make it first.")
        if place.is_dir():
            raise InvalidRequest(field, str(path), f"{shown(place.name)} is a folder", "Give a file's name.")
        write_whole(place, self.exported(labels, place.suffix))
        return place

    def exported(self, labels: Iterable[str] = labelling.DEFAULT, suffix: str = ".png") -> bytes:
        """Give the bytes that `save` writes: the picture with its recipe and its labels.

        A PNG holds the whole record; JPEG and WebP hold the recipe as Exif text, and their pixels are not exact.

        Raises
        ------
        InvalidRequest, LabelError
            When a label is unknown, or lacks a setting or a library.
        """
        form = labelling.format_of("suffix", suffix)
        if form.name == "PNG":
            return labelling.label_png(self._png(), self.record, labels, settings=self._settings)
        parameters = texts(self.record, self._home)[PARAMETERS]
        return labelling.encoded(self.image, self.record, parameters, form, labels, settings=self._settings)

    @property
    def _home(self) -> Path | None:
        """The home that the picture lies in; None where that cannot be told."""
        file = self.record.image
        if self.path is None or file is None or not self.path.as_posix().endswith(f"/{file.path}"):
            return None
        place = Path(self.path.as_posix().removesuffix(f"/{file.path}"))
        return place if place.is_dir() else None

    @property
    def _settings(self) -> Settings | None:
        return None if self._home is None else settings(self._home)

    def code(self) -> str:
        """Give a notebook cell that makes this picture again."""
        return self.record.as_code()

    def __repr__(self) -> str:
        """Give one line without anything that changes from run to run."""
        asked = self.record.request
        return f"GeneratedImage(seed={asked.seed}, {asked.width}x{asked.height}, {asked.steps} steps, {asked.model})"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        """Give what Jupyter shows; a picture whose file is gone is still a line of text."""
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/png"] = base64.b64encode(self._png()).decode("ascii")
        except ZImageError as error:
            bundle["text/plain"] = f"{self!r}: {error}"
        return {
            kind: data
            for kind, data in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }

    def _png(self) -> bytes:
        try:
            if self.path is not None:
                return self.path.read_bytes()
        except OSError as error:
            if self._image is None:
                raise self._gone(error) from error
        image, file = self.image, self.record.image
        if file is not None:  # the hash is of the file that is gone
            return png(image, self.record.replace(image=file.model_copy(update={"sha256": None})))
        return png(image, self.record)

    def _read(self) -> Image:
        from PIL import Image as pillow  # noqa: N813 - a module with a class's name

        if self.path is None:
            message = f"Run {self.record.id} has no picture file. Run its request again."
            raise StoreError(message)
        try:
            with pillow.open(self.path, formats=["PNG"]) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> StoreError:
        reason = getattr(error, "strerror", None) or "it is damaged"
        return StoreError(f"The picture {self.path} cannot be read ({reason}). Its code() makes it again.")
