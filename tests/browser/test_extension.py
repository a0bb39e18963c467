"""The studio opens from the launcher, from its address, and again after a reload, on the same kernel."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

from conftest import CARD, shot

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Page

PANEL = ".zimage-studio-output .jupyter-widgets"
NOTICE = ".zimage-studio-notice"


def test_launcher_card_opens_the_panel_and_a_reload_finds_its_kernel(lab: Lab, page: Page) -> None:
    lab.open(page)
    page.wait_for_selector(CARD)
    shot(page, "launcher")
    page.click(CARD)
    page.wait_for_selector(PANEL, state="visible")
    shot(page, "studio")
    assert page.locator(NOTICE).is_hidden()
    (before,) = lab.sessions()
    assert before["path"] == "zimage-studio"

    page.reload()
    page.wait_for_selector(PANEL, state="visible")
    (after,) = lab.sessions()
    assert after["kernel"]["id"] == before["kernel"]["id"]


def test_the_link_of_start_opens_the_studio_once(lab: Lab, page: Page) -> None:
    lab.open(page, "&zimage=open")
    page.wait_for_selector(PANEL, state="visible")
    assert "zimage=open" not in page.url
    assert page.locator(".zimage-studio").count() == 1


def test_a_kernel_that_crashes_is_said_and_comes_back(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(PANEL, state="visible")
    (kernel,) = lab.kernels()
    kernel.kill()
    page.wait_for_selector(NOTICE, state="visible")
    shot(page, "studio-restarting")
    page.wait_for_selector(PANEL, state="visible")
    assert lab.kernels() != [kernel]


def test_a_kernel_restarted_from_elsewhere_gets_its_panel_again(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(PANEL, state="visible")
    (session,) = lab.sessions()
    first = page.locator(PANEL).first.element_handle()
    lab.call(f"api/kernels/{session['kernel']['id']}/restart", "POST")
    first.wait_for_element_state("hidden")
    page.wait_for_selector(PANEL, state="visible")


def test_a_kernel_that_cannot_start_is_named_and_retry_works(lab: Lab, page: Page) -> None:
    broken = lab.data / "kernels" / "zimage-lab"
    broken.mkdir(parents=True)
    spec = {"argv": [sys.executable, "-c", "raise SystemExit(1)"], "display_name": "Z-Image", "language": "python"}
    (broken / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    try:
        lab.open_studio(page)
        page.wait_for_selector(f"{NOTICE} button", state="visible")
        shot(page, "studio-no-kernel")
        assert "Z-Image" in page.inner_text(NOTICE)
    finally:
        spec["argv"] = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (broken / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    try:
        page.click(f"{NOTICE} button")
        page.wait_for_selector(PANEL, state="visible")
        assert [session["kernel"]["name"] for session in lab.sessions()] == ["zimage-lab"]
    finally:
        shutil.rmtree(broken)
