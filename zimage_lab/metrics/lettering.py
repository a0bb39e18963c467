"""Reads the text of a board by laying every known character over every place of the board."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHIFTS = 3
"""A character may stand this many pixels from where it should."""

WORST = 0.45
"""Below this correlation with every character a place holds none that is known."""

UNREADABLE = "?"


@dataclass(frozen=True)
class Lettering:
    """What signs look like: their sizes, where their characters stand, which characters there are.

    Attributes
    ----------
    board
        Size of a sign of so many characters without its legs: width, height, edge of a character, in pixels.
    border
        Pixels left of the first character; one less is above.
    legs
        Height of the legs below the board.
    inks
        Colours that a text may have.
    glyphs
        Ink of each character, square arrays of one size, 0 to 1.
    """

    board: Callable[[int], tuple[int, int, int]]
    border: int
    legs: int
    inks: tuple[tuple[int, int, int], ...]
    glyphs: Mapping[str, np.ndarray]
    _known: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def read(self, picture: np.ndarray, count: int) -> str:
        """Read a sign.

        Parameters
        ----------
        picture
            The sign alone, legs included (rows, columns, 3), 0 to 255.
        count
            Number of its characters.

        Returns
        -------
        The text, with a question mark for a character that is not known.
        """
        width, height, edge = self.board(count)
        size = (width, height + self.legs)
        board = np.asarray(Image.fromarray(picture.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR), float)
        paper = np.median(board[4 : height - 4, 4:-4].reshape(-1, 3), axis=0)
        frame = np.concatenate([board[3:5, 4:-4].reshape(-1, 3), board[height - 5 : height - 3, 4:-4].reshape(-1, 3)])
        paper = np.median(frame, axis=0) if len(frame) else paper
        ink = max((np.array(ink, float) for ink in self.inks), key=lambda ink: float(np.linalg.norm(ink - paper)))
        axis = (ink - paper) / np.square(ink - paper).sum()
        written = np.clip((board - paper) @ axis, 0, 1)
        return "".join(
            self._character(written, self.border + number * edge, self.border - 1, edge) for number in range(count)
        )

    def _character(self, written: np.ndarray, left: int, top: int, edge: int) -> str:
        windows = [
            written[top + down : top + down + edge, left + along : left + along + edge].ravel()
            for down in range(-SHIFTS, SHIFTS + 1)
            for along in range(-SHIFTS, SHIFTS + 1)
        ]
        scores = (_standard(np.stack(windows)) @ self._templates(edge).T).max(axis=0)
        best = int(scores.argmax())
        return list(self.glyphs)[best] if scores[best] >= WORST else UNREADABLE

    def _templates(self, edge: int) -> np.ndarray:
        """Scale every character once: rows of edge x edge pixels."""
        if edge not in self._known:
            bitmaps = [Image.fromarray((glyph * 255).astype(np.uint8)) for glyph in self.glyphs.values()]
            scaled = [np.asarray(one.resize((edge, edge), Image.Resampling.LANCZOS), float) for one in bitmaps]
            self._known[edge] = _standard(np.stack([one.ravel() for one in scaled]))
        return self._known[edge]


def _standard(rows: np.ndarray) -> np.ndarray:
    """Bring rows to mean zero and length one."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    standard: np.ndarray = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    return standard
