"""Reads the labels of anybody's picture: claims that nobody vouches for, and are shown as such."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.labels import china, png, signature, xmp

if TYPE_CHECKING:
    import os

FILE_BYTES = 2**30
SEVERAL = 2
_AI = "trainedalgorithmicmedia"  # also the end of "compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True)
class Labels:
    """What a picture says of itself. All but `c2pa` are unverified: anybody can write or remove them.

    Attributes
    ----------
    source_type
        IPTC's digital source type as it stands there, or None.
    creator_tool
        The program that is named.
    cn
        The fields of GB 45438 by name; empty where there are none.
    c2pa
        A sentence about the signed manifest, checked where the library is there; None without one.
    notes
        Sentences about labels that could not be read.
    """

    source_type: str | None = None
    creator_tool: str | None = None
    cn: dict[str, str] = field(default_factory=dict)
    c2pa: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def says_ai(self) -> bool:
        """Whether any unsigned label claims that AI made the picture, or a part of it."""
        return _names_ai(self.source_type or "") or self.cn.get("Label") in china.MEANINGS

    def lines(self) -> list[str]:
        """Say it in sentences that are safe to print."""
        lines = []
        if self.source_type is not None:
            claim = "made by AI" if _names_ai(self.source_type) else "source type"
            lines.append(f"Unverified claim: {claim} ({shown(self.source_type.removeprefix(xmp.VOCABULARY))}).")
        if self.creator_tool is not None:
            lines.append(f"Unverified claim: made with {shown(self.creator_tool)}.")
        if self.cn:
            meaning = china.MEANINGS.get(self.cn.get("Label", ""), "an unknown label")
            facts = ", ".join(f"{name} {shown(value)}" for name, value in self.cn.items() if value)
            lines.append(f"Unverified claim: {meaning} ({facts}).")
        if self.c2pa is not None:
            lines.append(self.c2pa)
        return [*(lines or ["No AI label was found; that says nothing of how the picture was made."]), *self.notes]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _names_ai(source_type: str) -> bool:
    return source_type.lower().endswith(_AI)


def read_labels(path: str | os.PathLike[str]) -> Labels:
    """Read the AI labels of a PNG, JPEG or WebP, which may come from anybody: nothing is run, no pixel is decoded.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InvalidRequest
        When it is none of these, or too large.
    """
    place, name = Path(path), "path"
    try:
        size = place.stat().st_size
        if size > FILE_BYTES:
            raise InvalidRequest(name, str(path), f"{shown(place.name)} is too large", "Give a picture.")
        with place.open("rb") as file:
            return _read(file, size, place)
    except png.BrokenPng as error:
        what = f"{shown(place.name)} cannot be read: {error}"
        raise InvalidRequest(name, str(path), what, "Give a PNG, JPEG or WebP file.") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidRequest):
            raise
        reason = getattr(error, "strerror", None) or "its name cannot be"
        what = f"{shown(str(path))} cannot be read ({reason})"
        raise InvalidRequest(name, str(path), what, "Give a PNG, JPEG or WebP file.") from error


def _read(file: IO[bytes], size: int, place: Path) -> Labels:
    mime = "image/png"
    if file.read(len(png.SIGNATURE)) == png.SIGNATURE:
        said, signed, notes = _of_png(file, size)
    else:
        said, signed, notes, mime = _of_other(file)
    cn: dict[str, str] = {}
    if xmp.AIGC in said:
        try:
            cn = china.read(said[xmp.AIGC])
        except InvalidRequest as error:
            notes.append(f"A label of GB 45438 cannot be read: {error.what}.")
    return Labels(
        source_type=said.get(xmp.SOURCE_TYPE),
        creator_tool=said.get(xmp.CREATOR_TOOL),
        cn=cn,
        c2pa=signature.checked(place, mime) if signed else None,
        notes=tuple(notes),
    )


def _of_png(file: IO[bytes], size: int) -> tuple[dict[str, str], bool, list[str]]:
    notes: list[str] = []
    packets: list[png.Chunk] = []
    signed = False
    for chunk in png.chunks(file, size):
        signed = signed or chunk.kind == signature.CHUNK
        if chunk.kind == b"iTXt" and _is_packet(file, chunk):
            packets.append(chunk)
    if len(packets) > 1:
        notes.append("The picture has several XMP packets, of which only the first was read.")
    return _said(file, packets[0], notes) if packets else {}, signed, notes


def _of_other(file: IO[bytes]) -> tuple[dict[str, str], bool, list[str], str]:
    """Read the labels of a JPEG or WebP; Pillow finds the packet and decodes no pixel."""
    from PIL import Image

    file.seek(0)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        signed = whole.find(signature.BOX) >= 0
    try:
        with Image.open(file, formats=["JPEG", "WEBP"]) as image:
            packet, mime = image.info.get("xmp", b""), str(Image.MIME[image.format or ""])
    except Exception as error:  # a stranger's file: whatever it does to Pillow, it cannot be read
        message = "it is no PNG, JPEG or WebP"
        raise png.BrokenPng(message) from error
    try:
        return xmp.properties(packet.decode()) if packet else {}, signed, [], mime
    except (UnicodeDecodeError, xmp.BrokenXmp) as error:
        return {}, signed, [f"The XMP packet cannot be read: {error}."], mime


def _is_packet(file: IO[bytes], chunk: png.Chunk) -> bool:
    file.seek(chunk.start + png.HEAD)
    return file.read(len(xmp.KEYWORD) + 1) == xmp.KEYWORD + b"\0"


def _said(file: IO[bytes], chunk: png.Chunk, notes: list[str]) -> dict[str, str]:
    try:
        return xmp.properties(png.text_of(png.data_of(file, chunk), xmp.KEYWORD) or "")
    except (png.BrokenPng, xmp.BrokenXmp) as error:
        notes.append(f"The XMP packet cannot be read: {error}.")
        return {}
