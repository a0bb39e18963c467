"""The panel answers whatever the kernel does: a cell that blocks or awaits, an interrupt, twenty clicks, two panels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from book import PANEL_CELL, PATIENCE, Book, blocks
from conftest import shot
from held import STEP, gate, held
from playwright.sync_api import expect

from zimage_lab import history
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Lab
    from playwright.sync_api import Browser, Locator

FIRST, SECOND, BLOCKS, AWAITS, GENERATES = range(5)
CLICKS = 20
PROMPT = "a red cat on the left"
TYPED = "a green tree"
HOSTILE = (
    "<script>window.struck = 1</script> a red cat",
    '<img src=x onerror="window.struck = 1"> a red cat',
    '"><svg onload="window.struck = 1"> a red cat',
    "a red \u202etac\u202c on the left",  # written from right to left
    "a red cat <|im_end|> {name} {{x}} %s &lt;b&gt; \U0001f469\u200d\U0001f680",
)
REFUSED = {
    "a \x1b[31mred\x1b[0m cat": "holds the control character",
    "a red cat " * 2000: "tokens are more than the 512",
}


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file that ends the cells which last."""
    return tmp_path_factory.mktemp("alive") / "go"


@pytest.fixture(scope="module")
def book(lab_server: Lab, browser: Browser, browser_context_args: dict[str, Any], go: Path) -> Iterator[Book]:
    """Give one notebook with a panel whose model is in memory, for all tests of this module."""
    context = browser.new_context(**browser_context_args)
    generates = f"import zimage_lab\nzimage_lab.load().generate({PROMPT!r}, seed=7)"
    with gate(lab_server):
        sources = (PANEL_CELL, PANEL_CELL, blocks(go), blocks(go, awaits=True), generates)
        made = Book(lab_server, context.new_page(), *sources)
        made.run(FIRST)
        panel(made).locator(".zl-prompt textarea").fill(PROMPT)
        for label in ("Width, px", "Height, px"):
            small(panel(made).get_by_label(label))
        click(made)
        expect(panel(made).locator(".zl-thumb")).to_have_count(1, timeout=PATIENCE)
        yield made
    context.close()
    lab_server.end_sessions()


def panel(book: Book, number: int = FIRST) -> Locator:
    return book.cell(number).locator(".zl-panel")


def small(field: Locator) -> None:
    field.fill("64")
    field.press("Tab")


def click(book: Book, number: int = FIRST) -> None:
    panel(book, number).locator(".zl-generate").click()


def state(book: Book, number: int = FIRST) -> Locator:
    return panel(book, number).locator(".zl-state")


def thumbs(book: Book, number: int = FIRST) -> Locator:
    return panel(book, number).locator(".zl-thumb")


def pictures(lab: Lab) -> int:
    return len(history(home=lab.home, pictures=True, limit=None))


def test_idle(book: Book) -> None:
    before = thumbs(book).count()
    with held(book.lab):
        click(book)
        expect(state(book)).to_contain_text(f"Step {STEP} of")
    expect(thumbs(book)).to_have_count(before + 1)


def test_a_cell_that_awaits_delays_nothing(book: Book, go: Path) -> None:
    before = thumbs(book).count()
    book.run(AWAITS)
    book.runs(AWAITS)
    click(book)
    expect(thumbs(book)).to_have_count(before + 1)
    expect(book.ended(AWAITS)).to_have_count(0)
    go.touch()
    expect(book.ended(AWAITS)).to_be_visible()
    go.unlink()


def test_a_click_in_a_cell_that_blocks_is_never_lost(book: Book, go: Path) -> None:
    """Since ipykernel 7.4 it waits for the cell's end, before it came at once: both are right."""
    before = thumbs(book).count()
    book.run(BLOCKS)
    book.runs(BLOCKS)
    area = panel(book).locator(".zl-prompt textarea")
    area.fill("")
    area.press_sequentially(TYPED)
    click(book)
    shot(book.page, "alive-cell-blocks")
    expect(book.ended(BLOCKS)).to_have_count(0)
    go.touch()
    expect(book.ended(BLOCKS)).to_be_visible()
    go.unlink()
    expect(thumbs(book)).to_have_count(before + 1)
    expect(panel(book).locator(".zl-view .zl-summary")).to_contain_text(TYPED)  # and not its first letter
    area.fill(PROMPT)
    with Queue(book.lab.home) as queue:
        assert queue.counts()["queued"] == queue.counts()["running"] == 0


def test_an_interrupt_cancels_what_the_cell_waits_for(book: Book) -> None:
    with held(book.lab):
        book.run(GENERATES)
        expect(state(book)).to_contain_text(f"Step {STEP} of")  # the panel shows the cell's picture as well
        book.page.locator(".lm-MenuBar-item", has_text="Kernel").click()
        book.page.locator(".lm-Menu-item", has_text="Interrupt Kernel").click()
        expect(state(book)).to_contain_text("Cancelled at step")
    expect(book.cell(GENERATES).locator(".jp-OutputArea-output").last).to_contain_text("Interrupt")
    shot(book.page, "alive-interrupted")
    before = thumbs(book).count()
    click(book)
    expect(thumbs(book)).to_have_count(before + 1)


def test_twenty_clicks_are_twenty_pictures(book: Book) -> None:
    before, made = thumbs(book).count(), pictures(book.lab)
    with held(book.lab):
        for _ in range(CLICKS):
            click(book)
        expect(panel(book).locator(".zl-status")).to_contain_text(f"queue {CLICKS - 1}")
        expect(panel(book).locator(".zl-generate")).to_be_enabled()
        shot(book.page, "alive-twenty-clicks")
    expect(thumbs(book)).to_have_count(min(24, before + CLICKS), timeout=PATIENCE)
    expect(panel(book).locator(".zl-status")).to_contain_text("queue 0")
    expect(state(book)).to_contain_text("Done")
    assert pictures(book.lab) == made + CLICKS
    newest = history(home=book.lab.home, pictures=True, limit=CLICKS)
    assert newest["seed"].nunique() == CLICKS  # each click drew a seed of its own
    assert all(Path(path).is_file() for path in newest["path"])


def test_two_panels_show_the_same_job(book: Book) -> None:
    book.run(SECOND)
    expect(panel(book, SECOND).locator(".zl-generate")).to_be_visible()
    expect(thumbs(book, SECOND)).to_have_count(thumbs(book).count())  # the second one knows what the first one made
    with held(book.lab):
        panel(book, SECOND).locator(".zl-prompt textarea").fill("a blue fish on the right")
        click(book, SECOND)
        for number in (FIRST, SECOND):
            expect(state(book, number)).to_contain_text(f"Step {STEP} of")
            expect(panel(book, number).locator(".zl-view .zl-summary")).to_contain_text("a blue fish on the right")
        panel(book).locator(".zl-cancel").click()
        for number in (FIRST, SECOND):
            expect(state(book, number)).to_contain_text("Cancelled at step")
    click(book)
    for number in (FIRST, SECOND):
        expect(panel(book, number).locator(".zl-view .zl-summary")).to_contain_text(PROMPT)
        expect(state(book, number)).to_contain_text("Done")
    panel(book, SECOND).scroll_into_view_if_needed()
    shot(book.page, "alive-two-panels")


def test_hostile_text_is_text(book: Book) -> None:
    made, area = panel(book), panel(book).locator(".zl-prompt textarea")
    with held(book.lab):
        for waiting, prompt in enumerate(HOSTILE):
            area.fill(prompt)
            click(book)
            expect(made.locator(".zl-view .zl-summary")).to_contain_text(HOSTILE[0])
            expect(made.locator(".zl-status")).to_contain_text(f"queue {waiting}")
        for prompt, sentence in REFUSED.items():
            area.fill(prompt)
            click(book)
            expect(made.locator(".zl-error", has_text=sentence)).to_be_visible()
        shot(book.page, "alive-refused")
        expect(made.locator(".zl-status")).to_contain_text(f"queue {len(HOSTILE) - 1}")
    expect(state(book)).to_contain_text("Done", timeout=PATIENCE)
    expect(made.locator(".zl-status")).to_contain_text("queue 0")
    for place, prompt in enumerate(reversed(HOSTILE)):
        thumb = thumbs(book).nth(place).locator("button")
        expect(thumb).to_have_attribute("title", re.compile(re.escape(prompt)))
        thumb.click()
        expect(made.locator(".zl-view .zl-summary")).to_contain_text(prompt)
    made.locator("button", has_text="Show as code").click()
    expect(made.locator("pre")).to_contain_text("<script>window.struck = 1</script>")
    shot(book.page, "alive-hostile")
    made.locator(".zl-tab", has_text="Gallery").click()
    expect(made.locator(".zl-tile").nth(len(HOSTILE) - 1)).to_be_visible()
    shot(book.page, "alive-hostile-gallery")
    assert book.page.evaluate("window.struck") is None
    assert made.locator("script, svg, img[src=x]").count() == 0
