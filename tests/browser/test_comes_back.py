"""What a person does not lose: a page closed in the middle of a picture, a line that breaks, a kernel restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import CARD, STEP_MILLISECONDS, shot
from held import STEP, gate, held
from playwright.sync_api import expect

from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Lab
    from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute

PATIENCE = 120_000
GENERATE = ".zl-generate"
STATE = ".zl-state"
THUMB = ".zl-thumb"
OFFLINE = ".zimage-studio-offline"
CUT = ".zl-interrupted"


class Wire:
    """The page's connections to kernels, which can be cut."""

    def __init__(self) -> None:
        self.whole = True
        self._open: list[WebSocketRoute] = []

    def through(self, route: WebSocketRoute) -> None:
        """Let a new connection through, or refuse it."""
        if self.whole:
            route.connect_to_server()
            self._open.append(route)
        else:
            route.close(code=4000)

    def cut(self) -> None:
        """Break what is open, and refuse what comes."""
        self.whole = False
        for route in self._open:
            route.close(code=4000)
        self._open.clear()

    def mend(self) -> None:
        self.whole = True


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def context(
    lab_server: Lab, browser: Browser, browser_context_args: dict[str, Any], wire: Wire
) -> Iterator[BrowserContext]:
    """Give one browser, and a kernel that lives through this module."""
    made = browser.new_context(**browser_context_args)
    made.set_default_timeout(STEP_MILLISECONDS)
    made.route_web_socket("**/channels*", wire.through)
    with gate(lab_server):
        yield made
    made.close()
    lab_server.end_sessions()


@pytest.fixture(scope="module")
def studio(lab_server: Lab, context: BrowserContext) -> Page:
    """Give a page with the studio, its model in memory and one picture made."""
    page = context.new_page()
    page.goto(f"{lab_server.url}lab?token={lab_server.token}&reset")
    page.click(CARD)
    page.fill(".zl-prompt textarea", "a red cat on the left")
    page.click(GENERATE)
    expect(page.locator(THUMB)).to_have_count(1, timeout=PATIENCE)
    return page


def test_a_line_that_breaks_loses_no_picture(lab_server: Lab, studio: Page, wire: Wire) -> None:
    with held(lab_server):
        studio.click(GENERATE)
        expect(studio.locator(STATE)).to_contain_text(f"Step {STEP} of")
        wire.cut()
        expect(studio.locator(OFFLINE)).to_contain_text("No connection to Python since")
        shot(studio, "studio-offline")
        studio.click(GENERATE)  # it is sent when the line is whole again
    with Queue(lab_server.home) as queue:
        while queue.counts()["running"]:  # the picture is finished while nobody can hear of it
            studio.wait_for_timeout(100)
    expect(studio.locator(THUMB)).to_have_count(1)
    wire.mend()
    expect(studio.locator(OFFLINE)).to_be_hidden()
    expect(studio.locator(THUMB)).to_have_count(3)
    expect(studio.locator(STATE)).to_contain_text("Done")


def test_a_page_closed_in_a_run_and_opened_again(lab_server: Lab, studio: Page, context: BrowserContext) -> None:
    with held(lab_server):
        studio.click(GENERATE)
        expect(studio.locator(STATE)).to_contain_text(f"Step {STEP} of")
        studio.close()
        again = context.new_page()
        again.goto(f"{lab_server.url}lab?token={lab_server.token}&reset")
        again.click(CARD)
        expect(again.locator(STATE)).to_contain_text(f"Step {STEP} of")
        again.wait_for_selector(".zl-frame:not(.zl-blank) img")
        expect(again.locator(".zl-prompt textarea")).to_have_value("a red cat on the left")
        shot(again, "studio-opened-again")
        assert len(lab_server.kernels()) == 1
    expect(again.locator(THUMB)).to_have_count(4)
    expect(again.locator(STATE)).to_contain_text("Done")


def test_a_kernel_restarted_in_a_run(lab_server: Lab, context: BrowserContext) -> None:
    page = context.pages[-1]
    (session,) = lab_server.sessions()
    with held(lab_server):
        for _ in range(3):
            page.click(GENERATE)
        expect(page.locator(STATE)).to_contain_text(f"Step {STEP} of")
        expect(page.locator(".zl-status")).to_contain_text("queue 2")
        lab_server.call(f"api/kernels/{session['kernel']['id']}/restart", "POST")
    expect(page.locator(CUT)).to_contain_text("Python was restarted while this was made: a red cat", timeout=PATIENCE)
    expect(page.locator(THUMB)).to_have_count(2, timeout=PATIENCE)  # what only waited is made, what was cut off is not
    shot(page, "studio-cut-off")
    page.locator(f"{CUT} button", has_text="Make").click()
    expect(page.locator(CUT)).to_be_hidden()
    expect(page.locator(THUMB)).to_have_count(3)
    with Queue(lab_server.home) as queue:
        assert queue.counts()["queued"] == queue.counts()["running"] == 0
