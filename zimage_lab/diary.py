"""What a training shows: its pace while it runs, a loss curve and sheets of samples in its folder."""

from __future__ import annotations

import csv
import math
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL import Image

WIDTH, HEIGHT, MARGIN = 640, 320, 48
"""The curve's size and the room for its labels, in pixels."""


class Diary:
    """The visible side of one training; usable as a context.

    Parameters
    ----------
    folder
        Working folder: `<stage>.csv`, `<stage>-loss.svg` and sheets are written there.
    stage
        Its name.
    first, steps
        Updates made before, and in all.
    report
        Called with a line of progress where neither a terminal nor a notebook can show a bar.
    every
        Updates between two rows of the curve.
    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        *,
        first: int,
        steps: int,
        report: Callable[[str], None],
        every: int = 50,
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._folder, self._stage, self._report = folder, stage, report
        self._first, self._began, self._smooth = first, time.monotonic(), math.nan
        console = Console(stderr=True)
        self._live, self._every = console.is_terminal or console.is_jupyter, every
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[told]}"), console=console, disable=not self._live)
        self._task = self._bar.add_task(stage, total=steps, completed=first, told="")
        self._rows = [row for row in _read(folder / f"{stage}.csv") if row[0] <= first]

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Time since the stage was begun or taken up again."""
        return time.monotonic() - self._began

    def note(self, step: int, steps: int, loss: float, samples: int) -> None:
        """Take down an update.

        Parameters
        ----------
        step, steps
            Updates made, and planned in all.
        loss
            Of this update; the curve shows it smoothed over some fifty.
        samples
            Number of samples of one update.
        """
        self._smooth = loss if math.isnan(self._smooth) else 0.98 * self._smooth + 0.02 * loss
        if step % self._every and step < steps:
            return
        told = f"loss {self._smooth:.4f}  {samples * (step - self._first) / self.seconds:.0f} samples/s"
        self._bar.update(self._task, completed=step, total=steps, told=told)
        if not self._live:
            self._report(f"{self._stage} {step}/{steps}  {told}  {self.seconds / 60:.1f} min")
        self._rows.append((step, self._smooth))
        with (self._folder / f"{self._stage}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("step", "loss"), *((n, f"{value:.5f}") for n, value in self._rows)])
        curve = _curve(self._stage, self._rows)
        (self._folder / f"{self._stage}-loss.svg").write_text(curve, encoding="utf-8")

    def sheet(self, pictures: Sequence[Image.Image], columns: int = 6, name: str = "sheet") -> None:
        """Save samples side by side, as `<stage>-<name>.png`."""
        from PIL import Image

        width, height = pictures[0].size
        sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
        for number, picture in enumerate(pictures):
            sheet.paste(picture, (number % columns * width, number // columns * height))
        sheet.save(self._folder / f"{self._stage}-{name}.png")


def _read(path: Path) -> list[tuple[int, float]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def _curve(title: str, rows: Sequence[tuple[int, float]]) -> str:
    """Draw the losses over the updates, logarithmic where they are above zero."""
    high, low = max(loss for _, loss in rows), min(loss for _, loss in rows)
    scale: Callable[[float], float] = math.log if low > 0 else float
    span, last = (scale(high) - scale(low)) or 1.0, rows[-1][0]
    points = " ".join(
        f"{MARGIN + (WIDTH - 2 * MARGIN) * step / last:.1f},"
        f"{MARGIN + (HEIGHT - 2 * MARGIN) * (scale(high) - scale(loss)) / span:.1f}"
        for step, loss in rows
    )
    foot = HEIGHT - MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<text x="{MARGIN}" y="24" font-size="15">{title}: loss</text>'
        f'<path d="M{MARGIN} {MARGIN}V{foot}H{WIDTH - MARGIN}" fill="none" stroke="#888"/>'
        f'<text x="{MARGIN - 6}" y="{MARGIN + 4}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{MARGIN - 6}" y="{foot + 4}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{MARGIN}" y="{foot + 18}">0</text>'
        f'<text x="{WIDTH - MARGIN}" y="{foot + 18}" text-anchor="end">{last} updates</text>'
        f'<polyline points="{points}" fill="none" stroke="#c0392b" stroke-width="1.5"/></svg>\n'
    )
