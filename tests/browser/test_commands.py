"""What reaches into the studio from the rest of JupyterLab: keys, status bar, file browser, tutorials, a notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import shot
from graphs import article
from held import gate, held
from PIL import Image
from playwright.sync_api import expect
from samples import keep_picture, record
from test_panel import FORMING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page

AREA = ".zl-prompt textarea"
STATE = ".zl-state"
PATIENCE = 120_000
BUSY_SECONDS = 30


def command(page: Page, name: str) -> None:
    """Run a command by its name in the palette."""
    page.keyboard.press("Control+Shift+c")
    page.locator(".lm-CommandPalette-input").wait_for()
    page.fill(".lm-CommandPalette-input", name)
    page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=name).wait_for()
    page.keyboard.press("Enter")


@pytest.fixture
def files(lab: Lab) -> Iterator[Path]:
    """Give the folder that the file browser shows, and leave it empty."""
    folder = lab.home.parent / "notebooks"
    yield folder
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


def test_the_keyboard_alone_makes_a_picture(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(".zl-generate", state="visible")
    expect(page.locator(".zimage-status")).to_contain_text("queue 0")
    command(page, "Write the prompt")
    expect(page.locator(AREA)).to_be_focused()
    page.keyboard.type("a red cat on the left")
    seed = page.locator(".zl-settings").get_by_label("Seed", exact=True)
    before = seed.input_value()
    page.keyboard.press("Alt+r")
    expect(seed).not_to_have_value(before)
    page.keyboard.press("Control+Enter")
    expect(page.locator(STATE)).to_contain_text("Done", timeout=PATIENCE)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".zl-thumb")).to_have_count(2, timeout=PATIENCE)
    page.locator(".zl-thumb > button").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".zl-thumb > button").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+4")
    expect(page.locator(".zl-gallery")).to_be_visible()
    page.locator(".zl-tile > button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".zl-viewer .zl-summary b")).to_have_text("a red cat on the left")
    page.locator(".zl-viewer .zl-favourite").press("f")
    expect(page.locator(".zl-viewer .zl-favourite.mod-active")).to_be_visible()
    shot(page, "keyboard")
    expect(page.locator(".zimage-status")).to_contain_text("Miniature Turbo")


def test_a_picture_of_the_file_browser_comes_into_the_studio(lab: Lab, page: Page, files: Path, tmp_path: Path) -> None:
    made = keep_picture(tmp_path, Image.new("RGB", (128, 128), (200, 40, 40)), record("a blue fish", size=128))
    assert made.image is not None
    (files / "fish.png").write_bytes((tmp_path / made.image.path).read_bytes())
    lab.open(page)
    row = page.locator(".jp-DirListing-item", has_text="fish.png")
    row.click(button="right")
    page.locator(".lm-Menu-item", has_text="Open in Z-Image Studio").click()
    expect(page.locator(".zl-recipe", has_text="a blue fish")).to_be_visible(timeout=PATIENCE)
    shot(page, "from-the-file-browser")
    row.click(button="right")
    page.locator(".lm-Menu-item", has_text="Begin with This Picture").click()
    expect(page.locator(".zl-fold-head", has_text="one is chosen")).to_be_visible()


def test_a_workflow_of_the_file_browser_is_run_in_the_studio(lab: Lab, page: Page, files: Path) -> None:
    (files / "two-stars.json").write_text(json.dumps(article(n10_steps=3)), encoding="utf-8")
    lab.open(page)
    page.locator(".jp-DirListing-item", has_text="two-stars.json").click(button="right")
    page.locator(".lm-Menu-item", has_text="Open in Z-Image Studio").click()
    nodes = page.locator(".zl-workflow")
    nodes.get_by_text("KSampler", exact=False).first.wait_for(timeout=PATIENCE)
    nodes.get_by_label("text").first.fill("two red stars")
    nodes.get_by_label("text").first.press("Tab")
    shot(page, "workflow-from-the-file-browser")
    nodes.locator(".zl-workflow-run").click()
    expect(page.locator(STATE)).to_contain_text("Done", timeout=PATIENCE)
    nodes.locator(".zl-workflow-run").scroll_into_view_if_needed()
    shot(page, "workflow-run")


def test_a_tutorial_opens_as_a_copy(lab: Lab, page: Page, files: Path) -> None:
    copies = ["01-first-picture.ipynb", "01-first-picture-2.ipynb"]
    for number, copy in enumerate(copies, 1):
        lab.open(page)
        page.click('.jp-LauncherCard:has-text("Z-Image Tutorials")')
        page.wait_for_selector(".jp-Dialog select")
        if number == 1:
            shot(page, "tutorials")
        page.locator(".jp-Dialog select").select_option("01  A first picture")
        page.locator(".jp-Dialog button", has_text="Open a copy").click()
        page.wait_for_selector(".jp-NotebookPanel", state="visible")
        lab.wait_for_session(copy)  # a kernel that came after the test would be the next one's
    assert {path.name for path in files.glob("*.ipynb")} == set(copies)
    cells = json.loads((files / copies[0]).read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)


def test_the_studio_shares_a_notebooks_kernel(lab: Lab, page: Page, files: Path) -> None:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (files / "shared.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    lab.open(page)
    with gate(lab):
        page.locator(".jp-DirListing-item", has_text="shared.ipynb").dblclick()
        page.wait_for_selector(".jp-NotebookPanel", state="visible")
        lab.wait_for_session("shared.ipynb")
        page.locator(".lm-MenuBar-item", has_text="Kernel").click()
        page.locator(".lm-Menu-item", has_text="Open Z-Image Studio on This").click()
        page.wait_for_selector(".zl-generate", state="visible")
    sessions = [session["path"] for session in lab.sessions()]
    assert len(lab.kernels()) == 1, sessions
    page.locator(".jp-NotebookPanel .jp-Cell .cm-content").first.click()
    page.keyboard.type("from zimage_lab.engine import engines; print(len(engines()), 'engine')")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output", has_text="1 engine")).to_be_visible(timeout=PATIENCE)
    shot(page, "beside-a-notebook")
    page.set_viewport_size({"width": 2400, "height": 900})  # room for both, with nothing folded
    page.fill(AREA, "a red cat in the middle")
    with held(lab):
        page.click(".zl-generate")
        expect(page.locator(STATE)).to_contain_text(FORMING, timeout=PATIENCE)
        page.locator(".jp-NotebookPanel .jp-Cell .cm-content").last.click()
        page.keyboard.type(f"import time; time.sleep({BUSY_SECONDS}); print('the cell', 'ended')")
        page.keyboard.press("Shift+Enter")
        page.locator(AREA).focus()
        page.keyboard.press("Escape")  # by a subshell of its own: the main one sleeps
        expect(page.locator(STATE)).to_contain_text("Cancelled at step", timeout=BUSY_SECONDS * 500)
    assert page.get_by_text("the cell ended", exact=True).count() == 0
