"""Puts labels into a PNG: only chunks are touched, so that the pixels and everything else stay as they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.labels import china, png, signature, xmp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zimage_lab.home import Settings
    from zimage_lab.recipe import RunRecord

KINDS = ("xmp", "cn", "c2pa")
DEFAULT = ("xmp",)


def label_png(
    data: bytes, record: RunRecord, kinds: Iterable[str] = DEFAULT, *, settings: Settings | None = None
) -> bytes:
    """Give a PNG that says that AI made it. The same labels twice are written once.

    Parameters
    ----------
    data
        The PNG.
    record
        How the picture was made.
    kinds
        "xmp" (IPTC's digital source type), "cn" (the field of GB 45438), "c2pa" (a signed manifest); none is none.
    settings
        Who makes and signs; None takes those of the home folder that holds.

    Returns
    -------
    bytes
        The PNG with its labels: pixels and all other chunks untouched.

    Raises
    ------
    InvalidRequest
        When a kind is unknown, needs a setting that is not there, or the bytes are no PNG.
    LabelError
        When the signature cannot be made.
    """
    wanted = checked_kinds(kinds)
    if not wanted:
        return data
    properties, settings = claims(wanted, record, settings)
    parts = _taken_apart(data)
    missing = any(parts.known.get(name) != value for name, value in properties.items())
    sign = "c2pa" in wanted and not parts.signed
    if parts.signed and missing:
        field = "labels"
        what = "the picture is signed already, and another label would break its signature"
        raise InvalidRequest(field, wanted, what, "Label the picture that was exported without c2pa.")
    if missing:
        packet = xmp.packet(properties, parts.packet)
        if len(packet.encode()) > png.TEXT_BYTES:  # with ours in it, nobody would read what was there before
            packet = xmp.packet(properties)
        data = parts.before + png.international_text(xmp.KEYWORD, packet) + parts.after
    return signature.sign(data, record, _there(settings)) if sign else data


def claims(
    kinds: tuple[str, ...], record: RunRecord, settings: Settings | None
) -> tuple[dict[str, str], Settings | None]:
    """Give what the kinds of labels say in XMP, and the settings that were needed for it."""
    if settings is None and set(kinds) - set(DEFAULT):
        settings = homes.settings(homes.home())
    said: dict[str, str] = {}
    if "xmp" in kinds:
        said |= {xmp.SOURCE_TYPE: xmp.AI_MADE, xmp.CREATOR_TOOL: f"zimage_lab {record.environment.zimage_lab}"}
    if "cn" in kinds:
        said[xmp.AIGC] = china.aigc(record, _there(settings))
    return said, settings


def prepare(kinds: Iterable[str], settings: Settings | None = None) -> tuple[str, ...]:
    """Check the kinds and all that they need, before a picture is made for them.

    Raises
    ------
    InvalidRequest, LabelError
        As `label_png`.
    """
    wanted = checked_kinds(kinds)
    if wanted and wanted != DEFAULT:
        settings = homes.settings(homes.home()) if settings is None else settings
        if "cn" in wanted:
            china.checked_settings(settings)
        if "c2pa" in wanted:
            signature.signer(settings).close()
    return wanted


def checked_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """Give the kinds of labels, each once and in the order in which they are written."""
    field = "labels"
    given = tuple(kinds.split(",")) if isinstance(kinds, str) else tuple(kinds)
    names = [name.strip() if isinstance(name, str) else name for name in given]
    if names == ["none"]:
        return ()
    for name in names:
        if name not in KINDS:
            choices = [*KINDS, "none"] if isinstance(kinds, str) else KINDS
            raise InvalidRequest(field, name, f"{shown(name)} is no kind of label", suggestion(name, choices))
    return tuple(kind for kind in KINDS if kind in names)


class _Parts(NamedTuple):
    """A PNG without its XMP, cut where the new one goes, and what the old one was."""

    before: bytes
    after: bytes
    packet: str | None
    known: dict[str, str]
    signed: bool


def _taken_apart(data: bytes) -> _Parts:
    file = io.BytesIO(data)
    kept: list[list[bytes]] = [[data[: len(png.SIGNATURE)]], []]
    packets: list[str | None] = []
    seen, signed, end = b"", False, 0
    try:
        for chunk in png.chunks(file, len(data)):
            seen = b"IDAT" if chunk.kind == b"IDAT" else seen
            signed = signed or chunk.kind == signature.CHUNK
            end = chunk.end
            if chunk.kind == b"iTXt" and data.startswith(xmp.KEYWORD + b"\0", chunk.start + png.HEAD):
                packets.append(_text(file, chunk))
                continue
            kept[1 if seen else 0].append(data[chunk.start : end])
    except png.BrokenPng as error:
        field = "picture"
        raise InvalidRequest(field, data[:20], f"cannot be labelled: {error}", "Give a whole PNG.") from error
    before, after = b"".join(kept[0]), b"".join(kept[1]) + data[end:]
    # There may be one packet in a PNG; where a file has several, the first that can be read goes on.
    for packet in packets:
        try:
            known = xmp.properties(packet) if packet is not None else None
        except xmp.BrokenXmp:
            continue
        if known is not None:
            # Several packets are always written anew, as one.
            return _Parts(before, after, packet, known if len(packets) == 1 else {}, signed)
    return _Parts(before, after, None, {}, signed)


def _text(file: io.BytesIO, chunk: png.Chunk) -> str | None:
    try:
        return png.text_of(png.data_of(file, chunk), xmp.KEYWORD)
    except png.BrokenPng:
        return None


def _there(settings: Settings | None) -> Settings:
    return homes.settings(homes.home()) if settings is None else settings
