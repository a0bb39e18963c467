"""The chunks of a PNG, read and put together again without a look at the pixels.

Source: W3C, Portable Network Graphics (PNG) Specification, third edition, https://www.w3.org/TR/png-3/, sections 5 and
11.3.3. Lengths are read before anything is allocated, and a compressed text is inflated only up to a bound.
"""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = 8
"""Bytes of length and type before a chunk's data; the checksum behind it takes four."""

CHUNKS = 100_000
TEXT_BYTES = 2**20
"""Most bytes of a text that is read; larger ones count as unreadable."""


class BrokenPng(ValueError):  # noqa: N818 - it says what was found
    """The bytes are no whole PNG; the text says where they cease to be one."""


class Chunk(NamedTuple):
    """A chunk: its type, where it begins in the file, and how many bytes it takes there with all around its data."""

    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + self.size


def chunks(file: IO[bytes], size: int) -> Iterator[Chunk]:
    """Give the chunks of a file, up to and with IEND.

    Parameters
    ----------
    file
        The PNG; it is read where the heads of chunks stand.
    size
        Its bytes.

    Raises
    ------
    BrokenPng
        When it is none, or is cut.
    """
    file.seek(0)
    if file.read(len(SIGNATURE)) != SIGNATURE:
        message = "it does not begin like a PNG"
        raise BrokenPng(message)
    position, kind = len(SIGNATURE), b""
    for _ in range(CHUNKS):
        file.seek(position)
        head = file.read(HEAD)
        length, kind = int.from_bytes(head[:4]), head[4:]
        if len(head) < HEAD or position + HEAD + length + 4 > size:
            message = f"it is cut at byte {position}"
            raise BrokenPng(message)
        yield Chunk(kind, position, HEAD + length + 4)
        if kind == b"IEND":
            return
        position += HEAD + length + 4
    message = f"it has more than {CHUNKS} chunks"
    raise BrokenPng(message)


def data_of(file: IO[bytes], chunk: Chunk) -> bytes:
    """Read the data of a chunk, at most a text's bound and its head.

    Raises
    ------
    BrokenPng
        When the checksum is not that of the data.
    """
    file.seek(chunk.start + 4)
    whole = chunk.size - HEAD  # the type and the data
    body = file.read(min(whole, TEXT_BYTES + 2**10))
    if len(body) == whole and zlib.crc32(body) != int.from_bytes(file.read(4)):
        message = f"the checksum at byte {chunk.start} is wrong"
        raise BrokenPng(message)
    return body[4:]


def packed(kind: bytes, data: bytes) -> bytes:
    """Give a chunk's bytes."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def international_text(keyword: bytes, text: str) -> bytes:
    """Give an uncompressed iTXt chunk without language."""
    return packed(b"iTXt", keyword + b"\0\0\0\0\0" + text.encode())


def text_of(data: bytes, keyword: bytes) -> str | None:
    """Give the text of an iTXt chunk of this keyword; None where it is another's.

    Raises
    ------
    BrokenPng
        When it cannot be read: no UTF-8, too large, damaged.
    """
    name, _, rest = data.partition(b"\0")
    if name != keyword:
        return None
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:  # noqa: PLR2004 - language, translated keyword, text
        message = "the text has no end of its head"
        raise BrokenPng(message)
    text = parts[2]
    try:
        if rest[0]:
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(text, TEXT_BYTES + 1)
            if not unpacker.eof and len(text) <= TEXT_BYTES:
                message = "the text is cut"
                raise BrokenPng(message)
        if len(text) > TEXT_BYTES:
            message = f"the text has more than {TEXT_BYTES} bytes"
            raise BrokenPng(message)
        return text.decode("utf-8")
    except (zlib.error, UnicodeDecodeError) as error:
        message = "the text is damaged"
        raise BrokenPng(message) from error
