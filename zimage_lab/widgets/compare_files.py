"""A comparison taken elsewhere by a link that the browser saves from: report, slider, votes. And votes that come."""

from __future__ import annotations

import base64
import html
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.store.file_names import safe
from zimage_lab.widgets.fields import classed, text
from zimage_lab.widgets.plain import HTML, Button, Dropdown, FileUpload, HBox, VBox
from zimage_lab.widgets.sentences import translated
from zimage_lab.widgets.sweep_export import free

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.compare import Comparison
    from zimage_lab.widgets.words import Words

KINDS = {
    "as_report": (".html", "text/html"),
    "as_slider": (" slider.html", "text/html"),
    "as_votes": (".json", "application/json"),
    "as_votes_table": (".csv", "text/csv"),
}
"""What it can become: how its name ends, and its type."""

MOST_BYTES = 24_000_000
"""What a link in the page holds; a larger file is saved beside the notebook."""


class CompareFiles:
    """A choice, a button, a place for files, and a line that says what came of it.

    Parameters
    ----------
    words
        The panel's texts.
    comparison
        Gives the comparison that is seen.
    voted
        Called after votes came.
    """

    def __init__(self, words: Words, comparison: Callable[[], Comparison | None], voted: Callable[[], None]) -> None:
        self._words, self._comparison, self._voted = words, comparison, voted
        self._busy = threading.Lock()
        self.kind = Dropdown(options=[(words(name), name) for name in KINDS], value="as_report")
        self.save = Button(description=words("export"), tooltip=words("compare_export_tip"), icon="download")
        self.bring = FileUpload(
            accept=".json,.csv", multiple=False, description=words("bring_votes"), tooltip=words("bring_votes")
        )
        self.said = HTML()
        row = classed(HBox([self.kind, self.save, self.bring]), "zl-actions")
        self.widget = classed(VBox([row, self.said]), "zl-sweep-export")
        self.save.on_click(lambda _: self._begin())
        self.bring.observe(lambda change: self._take(change["new"]), "value")

    def forget(self) -> None:
        """Another comparison is seen: what was said of the one before goes."""
        self.said.value = ""

    def _begin(self) -> None:
        """Write beside the click, which is answered at once: the pictures of a report take their time."""
        comparison = self._comparison()
        if comparison is None or not self._busy.acquire(blocking=False):
            return
        self.said.value = text(self._words("saving"))
        kind = str(self.kind.value)
        threading.Thread(
            target=self._write, args=(comparison, kind), name="zimage-lab-compare-export", daemon=True
        ).start()

    def _write(self, comparison: Comparison, kind: str) -> None:
        ending, mime = KINDS[kind]
        try:
            with tempfile.TemporaryDirectory() as folder:
                data = self._made(comparison, kind, Path(folder) / f"made{ending}")
            name = f"{safe(comparison.name)}{ending}"
            size = self._words.size(len(data))
            if len(data) > MOST_BYTES:
                path = Path(free(Path.cwd(), comparison.name, ending))
                path.write_bytes(data)
                self.said.value = text(self._words("written", path=str(path), size=size))
                return
            line = html.escape(self._words("export_ready", name=name, size=size))
            href = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
            self.said.value = f'<a class="zl-save" download="{html.escape(name)}" href="{href}">{line}</a>'
        except (ZImageError, OSError) as error:
            self.said.value = text(translated(str(error), self._words), "error")
        finally:
            self._busy.release()

    def _made(self, comparison: Comparison, kind: str, path: Path) -> bytes:
        if kind == "as_report":
            comparison.report(path)
        elif kind == "as_slider":
            from zimage_lab.compare.slider.page import write

            write(comparison, path, language=self._words.language)
        else:
            comparison.save_votes(path)
        return path.read_bytes()

    def _take(self, files: tuple[dict[str, object], ...]) -> None:
        """Keep the votes of a file that somebody chose."""
        comparison = self._comparison()
        if not files or comparison is None:
            return
        name, content = str(files[0]["name"]), bytes(files[0]["content"])  # type: ignore[call-overload] # a buffer
        self.bring.value = ()
        suffix = Path(name).suffix.lower()
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"votes{suffix if suffix in {'.json', '.csv'} else ''}"
                path.write_bytes(content)
                taken = comparison.load_votes(path)
            self.said.value = text(self._words("votes_came", new=taken.new, known=taken.known))
            self._voted()
        except (ZImageError, OSError) as error:
            self.said.value = text(translated(str(error), self._words), "error")
