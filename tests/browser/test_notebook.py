"""The panel in a notebook: it answers and cancels while a cell keeps the kernel busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from conftest import shot
from held import gate, held
from playwright.sync_api import expect
from test_panel import AREA, FORMING, PATIENCE, STATE

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Page

BUSY_SECONDS = 60


def cell(source: str) -> dict[str, object]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def test_cancel_works_while_a_cell_runs(lab: Lab, page: Page) -> None:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [
        cell("import zimage_lab\nzimage_lab.panel()"),
        cell(f"import time\nfor _ in range({BUSY_SECONDS * 10}):\n    time.sleep(0.1)\nprint('the cell', 'ended')"),
    ]
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    lab.call("api/contents/busy.ipynb", "PUT", {"type": "notebook", "format": "json", "content": notebook})
    page.set_default_timeout(60_000)
    with gate(lab):
        page.goto(f"{lab.url}lab/tree/busy.ipynb?token={lab.token}&reset")  # no tab of another test beside it
        page.get_by_text("| Idle").wait_for(timeout=PATIENCE)  # a key pressed before the kernel is there is lost
    page.locator(".jp-Notebook .jp-CodeCell").first.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".zl-panel .zl-generate", state="visible", timeout=PATIENCE)
    page.fill(AREA, "a red cat in the middle")
    with held(lab):
        page.click(".zl-generate")
        expect(page.locator(STATE)).to_contain_text(FORMING, timeout=PATIENCE)
        page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Shift+Enter")
        began = time.monotonic()
        page.locator(".zl-cancel").click()
        expect(page.locator(STATE)).to_contain_text("Cancelled at step", timeout=BUSY_SECONDS * 1000)
    assert time.monotonic() - began < BUSY_SECONDS / 2
    shot(page, "notebook-cancelled-while-a-cell-runs")
    assert page.get_by_text("the cell ended", exact=True).count() == 0
