"""A sweep as one HTML file: what writes it, and its skeleton, style and script, which go into it as they are."""

from __future__ import annotations

from zimage_lab.sweeps.page.writing import page

__all__ = ["page"]
