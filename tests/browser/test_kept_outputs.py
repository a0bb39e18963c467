"""A panel's pictures in a saved notebook: hidden while the panel shows them itself, there when its kernel is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from book import PANEL_CELL, PATIENCE, Book
from conftest import shot
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Page

KEPT = ".jp-RenderedImage img"


def test_a_saved_notebook_shows_the_pictures_without_a_kernel(lab: Lab, page: Page) -> None:
    book = Book(lab, page, PANEL_CELL)
    book.run(0)
    page.locator(".zl-prompt textarea").fill("a red cat in the middle, white background", timeout=PATIENCE)
    page.click(".zl-generate")
    expect(page.locator(KEPT)).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(KEPT)).to_be_hidden()
    book.save()
    lab.end_sessions()
    page.goto(f"{lab.url}lab/tree/python3.ipynb?token={lab.token}&reset")
    expect(page.locator(KEPT)).to_be_visible(timeout=PATIENCE)
    shot(page, "notebook-without-its-kernel")
