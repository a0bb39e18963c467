"""A sweep taken elsewhere: a contact sheet, a page or a folder, put beside the notebook under a name that is free."""

from __future__ import annotations

import html
import itertools
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.store.file_names import safe
from zimage_lab.widgets.fields import classed, text
from zimage_lab.widgets.plain import HTML, Button, Dropdown, HBox, VBox
from zimage_lab.widgets.sentences import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.sweeps import Sweep
    from zimage_lab.widgets.words import Words

ENDINGS = {"as_sheet": ".png", "as_page": ".html", "as_folder": "/"}
"""What it can become, and what its name then ends in."""


class SweepExport:
    """A choice, a button, and a line that says where it went.

    Parameters
    ----------
    words
        The panel's texts.
    sweep
        Gives the sweep that is seen.
    """

    def __init__(self, words: Words, sweep: Callable[[], Sweep | None]) -> None:
        self._words, self._sweep = words, sweep
        self._busy = threading.Lock()
        self.kind = Dropdown(options=[(words(name), name) for name in ENDINGS], value="as_sheet")
        self.save = Button(description=words("export"), tooltip=words("sweep_export_tip"), icon="download")
        self.said = HTML()
        row = classed(HBox([self.kind, self.save]), "zl-actions")
        self.widget = classed(VBox([row, self.said]), "zl-sweep-export")
        self.save.on_click(lambda _: self._begin())

    def forget(self) -> None:
        """Another sweep is seen: what was said of the one before goes."""
        self.said.value = ""

    def _begin(self) -> None:
        """Write beside the click, which is answered at once: a page of a thousand pictures takes its time."""
        sweep = self._sweep()
        if sweep is None or not self._busy.acquire(blocking=False):
            return
        self.said.value = text(self._words("saving"))
        threading.Thread(
            target=self._write, args=(sweep, str(self.kind.value)), name="zimage-lab-sweep-export", daemon=True
        ).start()

    def _write(self, sweep: Sweep, kind: str) -> None:
        try:
            saved = sweep.save(free(Path.cwd(), sweep.name, ENDINGS[kind]))
            size = self._words.size(saved.size)
            line = self._words("saved_as", path=str(saved.path), count=f"{saved.pictures:,}", size=size)
            notes = "".join(text(translated(note, self._words), "warn") for note in saved.notes)
            self.said.value = f'<div role="status">{html.escape(line)}</div>{notes}'
        except ZImageError as error:
            self.said.value = text(translated(str(error), self._words), "error")
        finally:
            self._busy.release()


def free(folder: Path, name: str, ending: str) -> str:
    """Give a path for a sweep's export at which nothing is yet; `ending` "/" makes it a folder's."""
    stem = safe(name)
    for number in itertools.count(1):
        path = f"{folder / stem}{f' {number}' if number > 1 else ''}{ending}"
        if not Path(path).exists():
            return path
    raise AssertionError  # the counting has no end
