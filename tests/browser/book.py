"""A notebook in a real JupyterLab: cells that are run, some of which last until a test ends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conftest import STEP_MILLISECONDS
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Locator, Page

PATIENCE = 120_000  # the first picture waits for torch, on two busy cores
PANEL_CELL = "import zimage_lab\nzimage_lab.panel(language='en')"


def document(*sources: str, kernel: str = "python3") -> dict[str, object]:
    """Give a notebook with these cells."""
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in sources
    ]
    spec = {"display_name": kernel, "language": "python", "name": kernel}
    return {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 4}


def blocks(go: Path, *, awaits: bool = False) -> str:
    """Give a cell that keeps the kernel busy until the file `go` is there, and says so at its end."""
    pause = "import asyncio\nPAUSE" if awaits else "import time\nPAUSE"
    wait = "await asyncio.sleep(0.02)" if awaits else "time.sleep(0.02)"
    head, _ = pause.split("PAUSE")
    path = json.dumps(str(go))
    return f"{head}from pathlib import Path\nwhile not Path({path}).exists():\n    {wait}\nprint('the cell', 'ended')"


class Book:
    """A notebook that is open.

    Parameters
    ----------
    lab
        The server.
    page
        The page that shows it.
    sources
        Its cells.
    kernel
        Name of its kernel.
    """

    def __init__(self, lab: Lab, page: Page, *sources: str, kernel: str = "python3") -> None:
        self.lab, self.page = lab, page
        name = f"{kernel}.ipynb"
        content = {"type": "notebook", "format": "json", "content": document(*sources, kernel=kernel)}
        lab.call(f"api/contents/{name}", "PUT", content)
        page.set_default_timeout(STEP_MILLISECONDS)
        page.goto(f"{lab.url}lab/tree/{name}?token={lab.token}&reset")
        page.get_by_text("| Idle").wait_for()  # a key pressed before the kernel is there is lost

    def cell(self, number: int) -> Locator:
        """Give a cell, the first one being 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run(self, number: int) -> None:
        """Run a cell without waiting for its end."""
        self.cell(number).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")

    def runs(self, number: int) -> None:
        """Wait until a cell runs."""
        expect(self.cell(number).locator(".jp-InputArea-prompt")).to_have_text("[*]:")

    def ended(self, number: int) -> Locator:
        """Give what a cell of `blocks` says at its end."""
        return self.cell(number).get_by_text("the cell ended", exact=True)

    def save(self) -> None:
        """Save the notebook, and wait until the server has it: a page that is reloaded sooner has nothing to show."""
        with self.page.expect_response(lambda told: told.request.method == "PUT" and "/api/contents/" in told.url):
            self.page.keyboard.press("Control+s")
