"""A sweep as a board of pictures in a notebook: `sweep.grid()`."""

from __future__ import annotations

from zimage_lab.sweeps.board.board import Board

__all__ = ["Board"]
