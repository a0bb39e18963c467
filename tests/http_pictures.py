"""Pictures for the tests of uploads."""

from __future__ import annotations

import io

from PIL import Image


def png(red: int, size: tuple[int, int] = (64, 64), kind: str = "PNG", mode: str = "RGB") -> bytes:
    """Give the bytes of a plain picture."""
    buffer = io.BytesIO()
    Image.new(mode, size, (red, 40, 90) if mode == "RGB" else (red, 40, 90, 128)).save(buffer, kind)
    return buffer.getvalue()
