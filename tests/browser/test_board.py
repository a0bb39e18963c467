"""The tab Sweep and the board in a real JupyterLab: a run by hand, keys, a reload in its midst, themes, narrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from book import PATIENCE, Book
from conftest import shot
from held import gate, held
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.timeout(400)  # two busy cores make pictures, too
CANVAS = "canvas.zl-board-canvas"
PROMPT = "a red cat on the left, a yellow lantern on the right"
SETTINGS = "lab/api/settings/{}"
THEME, STUDIO = "@jupyterlab/apputils-extension:themes", "zimage-lab:studio"
COLOURS = """
(canvas) => {
  if (canvas === null) return 0;
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, found = new Set();
  for (let place = 0; place < data.length; place += 4 * 97) {
    found.add((data[place] >> 4) * 256 + (data[place + 1] >> 4) * 16 + (data[place + 2] >> 4));
  }
  return found.size;
}
"""
"""Counts colours: a board of pictures has many, an empty one a handful, one that is not there yet none."""

CORNER = "canvas => [...canvas.getContext('2d').getImageData(1, canvas.height - 2, 1, 1).data]"


def panel(page: Page) -> Locator:
    return page.locator(".zl-panel:visible")


def colourful(page: Page, least: int = 60) -> None:
    """Wait until pictures are on the board."""
    page.wait_for_function(f"({COLOURS})(document.querySelector('{CANVAS}')) >= {least}", timeout=PATIENCE)


def no_scroll_bar(page: Page) -> None:
    over = page.evaluate(
        "[...document.querySelectorAll('.zl-panel, .zl-panel *')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'auto').length"
    )
    assert over == 0


def open_tab(page: Page, prompt: str = PROMPT) -> None:
    """Write a prompt in Create, and turn to the tab by its key."""
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    page.locator(".zl-prompt textarea").first.fill(prompt)
    page.keyboard.press("Tab")
    page.keyboard.press("Alt+2")
    expect(panel(page).locator(".zl-sweep")).to_be_visible()


def test_a_sweep_by_hand(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    open_tab(page)
    tab = panel(page).locator(".zl-sweep")
    expect(tab.locator(".zl-summary b")).to_have_text(PROMPT)
    expect(tab.locator(".zl-plan")).to_contain_text("4 pictures")
    tab.get_by_label("Values").fill("4, x")
    expect(tab.locator(".zl-axis .zl-error")).to_contain_text("is no number")
    expect(tab.locator("button", has_text="Start")).to_be_disabled()
    shot(page, "sweep-wrong")
    tab.get_by_label("Values").fill("2, 4")
    tab.locator("button", has_text="Vary more").click()
    expect(tab.locator(".zl-axis")).to_have_count(2)
    tab.get_by_label("Vary", exact=True).last.select_option(label="Words of the prompt")
    tab.get_by_label("Find in the prompt").last.fill("cat")
    tab.get_by_label("Replace with").fill("fish")
    expect(tab.locator(".zl-plan")).to_contain_text("16 pictures")
    shot(page, "sweep-plan")
    tab.locator("button", has_text="Start").click()
    expect(page.locator(CANVAS)).to_be_visible()
    expect(tab.locator(".zl-state")).to_contain_text("16 of 16 · done", timeout=PATIENCE)
    colourful(page)
    shot(page, "sweep-board")
    by_mouse_and_keys(page)
    page.locator(CANVAS).focus()
    page.keyboard.press("ArrowDown")
    reuse = tab.locator(".zl-run button", has_text="Reuse")
    expect(reuse).to_be_enabled()
    reuse.click()
    expect(panel(page).locator(".zl-grid")).to_be_visible()
    page.locator(".zl-tab", has_text="Gallery").click()
    page.locator(".zl-gallery button", has_text="Favourites").click()
    expect(page.locator(".zl-tile.zl-star:not(.zl-gone)")).to_have_count(1)


def by_mouse_and_keys(page: Page) -> None:
    """Choose a cell, make it a favourite, open it large, turn the page, and leave."""
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    caption = page.locator(".zl-board-caption")
    expect(caption).to_contain_text("made in")
    page.wait_for_timeout(400)
    shot(page, "sweep-hover")
    clicked = caption.inner_text()
    page.keyboard.press("ArrowRight")
    expect(caption).not_to_have_text(clicked)
    before = caption.inner_text()
    page.keyboard.press("f")
    expect(caption).to_contain_text("favourite")
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    shot(page, "sweep-large")
    page.keyboard.press("ArrowLeft")
    expect(caption).not_to_have_text(before)
    page.keyboard.press("0")
    page.keyboard.press("PageDown")
    expect(page.locator(".zl-board-pager")).to_contain_text("page 2 of 2")
    page.keyboard.press("Tab")
    expect(page.locator(CANVAS)).not_to_be_focused()


def test_a_page_is_loaded_anew_in_the_midst_of_a_run(lab: Lab, page: Page) -> None:
    with gate(lab):
        lab.open_studio(page)
        open_tab(page)
        with held(lab):
            tab = panel(page).locator(".zl-sweep")
            tab.locator("button", has_text="Start").click()
            expect(tab.locator(".zl-state")).to_contain_text("0 of 4 · being made", timeout=PATIENCE)
            colourful(page, 8)
            shot(page, "sweep-forming")
            page.reload()
            page.wait_for_selector(CANVAS, state="visible")
            expect(tab.locator(".zl-state")).to_contain_text("0 of 4 · being made")
            colourful(page, 8)
        expect(tab.locator(".zl-state")).to_contain_text("4 of 4 · done", timeout=PATIENCE)
        colourful(page, 20)
        shot(page, "sweep-reloaded")


def test_a_board_in_a_notebook_outlives_its_page_and_its_kernel(lab: Lab, page: Page) -> None:
    make = f"import zimage_lab\nsweep = zimage_lab.load('miniature-turbo').sweep({PROMPT!r}, seeds=3, steps=[4, 8])\n"
    book = Book(lab, page, make + "sweep.grid(language='en')")
    book.run(0)
    page.wait_for_selector(CANVAS, state="visible", timeout=PATIENCE)
    colourful(page, 30)
    page.wait_for_function("document.querySelectorAll('.jp-OutputArea-child').length === 2")
    page.get_by_text("| Idle").wait_for()
    expect(page.locator(".jp-RenderedImage img")).to_be_hidden()  # the board shows it already
    page.locator(CANVAS).click()
    page.keyboard.press("ArrowDown")  # no key of the board moves the notebook's cell
    expect(page.locator(".zl-board-caption")).to_contain_text("steps")
    page.wait_for_function("document.querySelector('.jp-RenderedImage img') !== null", timeout=PATIENCE)
    book.save()
    page.reload()
    page.wait_for_selector(CANVAS, state="visible", timeout=PATIENCE)
    colourful(page, 30)
    shot(page, "board-notebook")
    content = lab.call("api/contents/python3.ipynb")["content"]
    kinds = [set(output["data"]) for output in content["cells"][0]["outputs"] if "data" in output]
    assert {"image/jpeg", "text/plain"} in kinds, "a viewer without a kernel shows the contact sheet"


@pytest.mark.parametrize(("name", "dark", "width"), [("dark", True, 1400), ("narrow", False, 600)])
def test_looks(lab: Lab, browser: Browser, name: str, dark: bool, width: int) -> None:  # noqa: FBT001
    lab.call(SETTINGS.format(THEME), "PUT", {"raw": json.dumps({"theme": f"JupyterLab {'Dark' if dark else 'Light'}"})})
    context = browser.new_context(viewport={"width": width, "height": 900 if width > 700 else 1100}, locale="en-US")
    page = context.new_page()
    try:
        lab.open_studio(page)
        if width < 700:
            page.keyboard.press("Control+b")  # the side bar away
        open_tab(page)
        tab = panel(page).locator(".zl-sweep")
        tab.locator("button", has_text="Start").click()
        expect(tab.locator(".zl-state")).to_contain_text("4 of 4 · done", timeout=PATIENCE)
        colourful(page, 20)
        page.locator(CANVAS).focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".zl-board-caption")).to_contain_text("made in")
        no_scroll_bar(page)
        assert (max(page.locator(CANVAS).evaluate(CORNER)[:3]) < 64) == dark
        shot(page, f"sweep-{name}")
    finally:
        context.close()
        lab.call(SETTINGS.format(THEME), "PUT", {"raw": json.dumps({"theme": "JupyterLab Light"})})


def test_the_settings_give_language_and_colours(lab: Lab, page: Page) -> None:
    wanted = {"language": "zh", "boardTheme": "dark"}
    lab.call(SETTINGS.format(STUDIO), "PUT", {"raw": json.dumps(wanted)})
    try:
        lab.open_studio(page)
        open_tab(page, "左侧一只红色的猫，右侧一个黄色的灯笼")
        tab = panel(page).locator(".zl-sweep")
        expect(tab.locator(".zl-plan")).to_contain_text("4 张图片")
        tab.locator("button", has_text="开始").click()
        expect(tab.locator(".zl-state")).to_contain_text("4 / 4 · 已完成", timeout=PATIENCE)
        colourful(page, 20)
        assert max(page.locator(CANVAS).evaluate(CORNER)[:3]) < 64
        page.locator(CANVAS).focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".zl-board-caption")).to_contain_text("用时")
        shot(page, "sweep-zh")
    finally:
        lab.call(SETTINGS.format(STUDIO), "PUT", {"raw": "{}"})
