"""The panel outside of JupyterLab: in Notebook 7, and, in the long form, in a front end that has only ipywidgets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from book import PANEL_CELL, PATIENCE, document
from conftest import STEP_MILLISECONDS, running_lab, shot
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page


def picture(lab: Lab, page: Page) -> None:
    """Open a notebook in Notebook 7, and make a picture with the panel in it."""
    content = {"type": "notebook", "format": "json", "content": document(PANEL_CELL)}
    lab.call("api/contents/seven.ipynb", "PUT", content)
    page.set_default_timeout(STEP_MILLISECONDS)
    page.goto(f"{lab.url}notebooks/seven.ipynb?token={lab.token}")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    while [one["kernel"]["execution_state"] for one in lab.sessions()] != ["idle"]:
        page.wait_for_timeout(100)  # a key pressed before the kernel is there is lost
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.press("Control+Enter")
    page.locator(".zl-prompt textarea").fill("a red cat on the left")
    page.locator(".zl-generate").click()
    expect(page.locator(".zl-thumb")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(".zl-state")).to_contain_text("Done")


def test_notebook_7(lab: Lab, page: Page) -> None:
    picture(lab, page)
    shot(page, "notebook-7")


@pytest.mark.skipif("ZIMAGE_LAB_LONG_TESTS" not in os.environ, reason="starts a second server: ./test.sh --all")
def test_without_the_extension(page: Page, tmp_path: Path) -> None:
    with running_lab(tmp_path, disabled=("zimage-lab",)) as lab:
        picture(lab, page)
        page.locator(".zl-tab", has_text="Gallery").click()
        expect(page.locator(".zl-tile")).to_have_count(1)
        shot(page, "without-the-extension")
