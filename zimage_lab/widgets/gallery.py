"""The gallery: every picture of the home, found again, marked, exported, thrown away and taken back.

Clicks change what is wanted and what is marked; the publisher's thread then reads the store and draws. Nothing lives
here that a panel made anew would miss, but for the search and the page.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.home import home
from zimage_lab.result import GeneratedImage
from zimage_lab.runs import count, find, models_used
from zimage_lab.store.marks import Marks
from zimage_lab.store.records import Records
from zimage_lab.widgets.fields import Row, classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, Text, ToggleButton, VBox
from zimage_lab.widgets.search import SearchRow
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.tiles import PAGE, Tiles
from zimage_lab.widgets.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from zimage_lab.request import GenerationRequest
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words

PROMPT_CHARACTERS = 60


class Gallery:
    """The gallery's parts and what connects them.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws; `refresh` is to be called by it.
    place
        Gives the home folder.
    reuse
        Called with the request of a picture that somebody wants to go on from.
    vary, compare
        Called with the request of a picture that somebody wants a sweep or a comparison of.
    """

    def __init__(
        self,
        words: Words,
        publisher: Publisher,
        place: Callable[[], Path | None],
        reuse: Callable[[GenerationRequest], None],
        vary: Callable[[GenerationRequest], None] = lambda _: None,
        *,
        compare: Callable[[GenerationRequest], None] = lambda _: None,
    ) -> None:
        self._compare = compare
        self._words, self._publisher, self._place, self._reuse, self._vary = words, publisher, place, reuse, vary
        self._page, self._rows, self._total = 0, list[dict[str, Any]](), 0
        self._chosen: dict[str, str] = {}  # ids and prompts, in the order of the clicks
        self._open: int | None = None  # the place of the picture that is seen large, among all that are found
        self._binned: dict[str, str] = {}
        self.search = SearchRow(words, self._searched)
        self.tiles = Tiles(self._clicked, publisher.lock)
        self.viewer = Viewer(words)
        self.select = ToggleButton(description=words("select"), tooltip=words("select_tip"), icon="check-square-o")
        self.favourite = Button(description=words("favourite"), tooltip=words("favourite_tip"), icon="star")
        self.tag = Text(placeholder=words("tag"), layout={"width": "128px"})
        self.add_tag = Button(description=words("add_tag"), icon="tag")
        self.delete = Button(description=words("delete"), tooltip=words("delete_tip"), icon="trash")
        self.count = classed(HTML(), "zl-line")
        self.chosen_row = Row({"tag": self.tag}, [self.add_tag, self.favourite, self.delete, self.count])
        self.newer = Button(description=words("newer"), icon="chevron-left")
        self.older = classed(Button(description=words("older"), icon="chevron-right"), "zl-after")
        self.line, self.note = classed(HTML(), "zl-line"), HTML()
        self.clear = Button(description=words("clear_search"))
        self.undo = Button(description=words("undo"), tooltip=words("undo_tip"), icon="undo")
        self.undo_row = classed(HBox([self.note, self.undo]), "zl-bar-line", "zl-gone")
        self.empty = classed(HTML(), "zl-empty")
        self.pager = classed(HBox([self.select, self.newer, self.line, self.older]), "zl-actions")
        parts = [self.search.widget, self.pager, self.chosen_row.widget, self.empty, self.clear, self.tiles.widget]
        self.list = VBox(parts)
        self.widget = classed(VBox([self.undo_row, self.list, self.viewer.widget]), "zl-gallery")
        self._connect()

    def refresh(self) -> None:
        """Draw what the store holds now; for the publisher."""
        place = home(self._place())
        wanted = self.search.wanted()
        self._total = count(wanted, home=place)
        if self._open is not None:
            self._open = min(self._open, self._total - 1) if self._total else None
        self._page = max(0, min(self._page, (self._total - 1) // PAGE))
        self._rows = find(wanted, home=place, limit=PAGE, skip=self._page * PAGE)
        with Marks(place) as marks:
            self.search.offer(models_used(home=place), marks.tags())
        large = self._open is not None and self._show_large(place)
        toggle_class(self.list, "zl-gone", on=large)
        toggle_class(self.viewer.widget, "zl-gone", on=not large)
        if not large:
            self._show_page(place)

    def _connect(self) -> None:
        self.newer.on_click(lambda _: self._turn(self._page - 1))
        self.older.on_click(lambda _: self._turn(self._page + 1))
        self.clear.on_click(lambda _: self.search.clear())
        self.select.observe(lambda _: self._selecting(), "value")
        self.favourite.on_click(lambda _: self._mark(Marks.favourite, self._chosen))
        self.add_tag.on_click(lambda _: self._tag())
        self.delete.on_click(lambda _: self._throw_away(dict(self._chosen)))
        self.undo.on_click(lambda _: self._take_back())
        viewer = self.viewer
        viewer.back.on_click(lambda _: self._look(None))
        viewer.newer.on_click(lambda _: self._look((self._open or 0) - 1))
        viewer.older.on_click(lambda _: self._look((self._open or 0) + 1))
        viewer.delete.on_click(lambda _: self._throw_away(self._seen()))
        viewer.reuse.on_click(lambda _: viewer.result and self._reuse(viewer.result.record.request))
        viewer.compare.on_click(lambda _: viewer.result and self._compare(viewer.result.record.request))
        viewer.sweep.on_click(lambda _: viewer.result and self._vary(viewer.result.record.request))
        viewer.on_favourite(lambda on: self._mark(Marks.favourite, self._seen(), on=on))
        viewer.on_tags(self._retag)

    def _show_page(self, place: Path) -> None:
        rows = self._rows
        self.tiles.show([(row["record_id"], place / row["image_path"], _sentence(row)) for row in rows])
        for number, row in enumerate(rows):
            self.tiles.mark(number, "zl-on", on=row["record_id"] in self._chosen)
            self.tiles.mark(number, "zl-star", on=row["favourite"])
        first = self._page * PAGE + 1
        line = self._words("page_line", first=first, last=first + len(rows) - 1, total=self._total) if rows else ""
        self.line.value = html.escape(line)
        self.newer.disabled, self.older.disabled = self._page == 0, first + len(rows) > self._total
        nothing = "" if rows else self._words("no_pictures" if self.search.empty else "none_found")
        self.empty.value = html.escape(nothing)
        toggle_class(self.pager, "zl-gone", on=not rows)
        toggle_class(self.clear, "zl-gone", on=bool(rows) or self.search.empty)
        toggle_class(self.chosen_row.widget, "zl-gone", on=not self.select.value)
        number = len(self._chosen)
        self.count.value = html.escape(self._words("selected" if number else "select_none", number=number))
        for button in (self.favourite, self.add_tag, self.delete):
            button.disabled = not number

    def _show_large(self, place: Path) -> bool:
        """Show the picture that is looked at; tell whether there is one."""
        number = self._open or 0
        row = next(iter(find(self.search.wanted(), home=place, limit=1, skip=number)), None)
        if row is None:
            return False
        with Records(place) as records:
            result = GeneratedImage.from_record(records.get(row["record_id"]), place)
        first, last = number == 0, number == self._total - 1
        self.viewer.show(result, favourite=row["favourite"], tags=row["tags"], first=first, last=last)
        return True

    def _searched(self) -> None:
        self._page = 0
        self._publisher.mark()

    def _turn(self, page: int) -> None:
        self._page = max(0, page)
        self._publisher.mark()

    def _look(self, number: int | None) -> None:
        if number is None and self._open is not None:
            self._page = self._open // PAGE
        self._open = None if number is None else max(0, number)
        self._publisher.mark()

    def _clicked(self, number: int) -> None:
        with self._publisher.lock:
            if number >= len(self._rows):
                return
            row = self._rows[number]
        if not self.select.value:
            self._look(self._page * PAGE + number)
            return
        if self._chosen.pop(row["record_id"], None) is None:
            self._chosen[row["record_id"]] = row["prompt"] or ""
        self._publisher.mark()

    def _selecting(self) -> None:
        self._chosen.clear()
        self._publisher.mark()

    def _seen(self) -> dict[str, str]:
        result = self.viewer.result
        return {} if result is None else {result.record.id: result.record.request.prompt}

    def _mark(self, mark: Callable[..., None], chosen: Collection[str], *rest: str, **options: bool) -> bool:
        """Write a mark; tell whether that went well."""
        try:
            with Marks(home(self._place())) as marks:
                mark(marks, list(chosen), *rest, **options)
        except InvalidRequest as error:
            for row in (self.chosen_row, self.viewer.tag_row):
                row.complain("tag", beside(error, self._words("tag"), self._words))
            return False
        except ZImageError as error:
            self._say(translated(str(error), self._words), "error")
            return False
        self._publisher.mark()
        return True

    def _tag(self) -> None:
        self.chosen_row.complain("tag")
        if self._mark(Marks.tag, self._chosen, self.tag.value):
            self.tag.value = ""

    def _retag(self, names: list[str]) -> None:
        """Give the picture that is seen these tags and no others."""
        self.viewer.tag_row.complain("tag")
        result = self.viewer.result
        if result is None:
            return
        row = find(self.search.wanted(), home=home(self._place()), limit=1, skip=self._open or 0)
        before = row[0]["tags"] if row and row[0]["record_id"] == result.record.id else []
        wanted = {name.casefold() for name in names}
        for name in names:
            if not self._mark(Marks.tag, [result.record.id], name):
                return
        for name in before:
            if name.casefold() not in wanted:
                self._mark(Marks.untag, [result.record.id], name)

    def _throw_away(self, chosen: dict[str, str]) -> None:
        if not chosen or not self._mark(Marks.throw_away, chosen):
            return
        self._binned = chosen
        self._chosen.clear()
        prompt = next(iter(chosen.values()))
        cut = prompt if len(prompt) <= PROMPT_CHARACTERS else prompt[:PROMPT_CHARACTERS] + "…"
        one = len(chosen) == 1 and prompt
        self._say(self._words("deleted_one" if one else "deleted", prompt=cut, number=len(chosen)))

    def _take_back(self) -> None:
        if self._mark(Marks.take_back, self._binned):
            self._binned = {}
            toggle_class(self.undo_row, "zl-gone", on=True)

    def _say(self, sentence: str, kind: str = "note") -> None:
        self.note.value = text(sentence, kind)
        toggle_class(self.undo_row, "zl-gone", on=False)
        toggle_class(self.undo, "zl-gone", on=kind == "error")


def _sentence(row: dict[str, Any]) -> str:
    return f"{(row['prompt'] or '')[:200]} · {row['seed']}"
