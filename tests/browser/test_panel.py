"""The panel in a real JupyterLab: a Chinese prompt to a picture, cancel, a page that is loaded again, hostile text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import shot
from held import STEP, gate, held
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Page

PROMPT = "左侧一个红色的圆形，右侧一只蓝色的猫，白色背景"
HOSTILE = "a red cat <img src=x onerror=alert(1)>"
PANEL = ".zl-panel"
AREA = ".zl-prompt textarea"
STATE = ".zl-state"
PICTURE = ".zl-frame:not(.zl-blank) img"
FORMING = f"Step {STEP} of 8"
PATIENCE = 120_000  # the first picture waits for torch, on two busy cores


def opened(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(f"{PANEL} .zl-generate", state="visible")


def test_a_chinese_prompt_becomes_a_picture(lab: Lab, page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})  # the whole form: no click scrolls
    with gate(lab):
        opened(lab, page)
    shot(page, "panel-first-open")
    frame = page.locator(".zl-frame:visible").bounding_box()
    page.fill(AREA, PROMPT)
    expect(page.locator(".zl-count")).not_to_have_text("0/512")
    with held(lab):
        page.click(".zl-generate")
        page.wait_for_selector(PICTURE, timeout=PATIENCE)
        expect(page.locator(STATE)).to_contain_text(FORMING)
        shot(page, "panel-forming")
    expect(page.locator(STATE)).to_contain_text("Done", timeout=PATIENCE)
    assert page.locator(".zl-frame:visible").bounding_box() == frame  # nothing moved
    expect(page.locator(".zl-thumb")).to_have_count(1)
    page.get_by_role("button", name="Show as code").click()
    expect(page.locator(f"{PANEL} pre")).to_contain_text(PROMPT)
    shot(page, "panel-done")


def test_cancel_in_the_middle_and_a_reload_that_finds_the_run(lab: Lab, page: Page) -> None:
    with gate(lab):
        opened(lab, page)
    page.fill(AREA, "a red cat in the middle")
    with held(lab):
        page.click(".zl-generate")
        expect(page.locator(STATE)).to_contain_text(FORMING, timeout=PATIENCE)
        page.click(".zl-cancel")
        expect(page.locator(STATE)).to_contain_text("Cancelled at step", timeout=PATIENCE)
        shot(page, "panel-cancelled")
        page.click(".zl-generate")
        expect(page.locator(STATE)).to_contain_text(FORMING, timeout=PATIENCE)
        page.reload()
        page.wait_for_selector(f"{PANEL} .zl-generate", state="visible")
        expect(page.locator(STATE)).to_contain_text(FORMING)
    expect(page.locator(STATE)).to_contain_text("Done", timeout=PATIENCE)
    page.wait_for_selector(PICTURE)


def test_hostile_text_is_text_and_a_wrong_size_is_a_sentence(lab: Lab, page: Page) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened(lab, page)
    page.fill(AREA, HOSTILE)
    width = page.get_by_label("Width, px")
    width.fill("100")
    width.press("Tab")
    expect(page.locator(".zl-error")).to_have_text("100 is not a multiple of 16. Use 96 or 112.")
    page.click(".zl-generate")
    shot(page, "panel-wrong")
    width.fill("128")
    width.press("Tab")
    expect(page.locator(".zl-error")).to_have_count(0)
    page.click(".zl-generate")
    expect(page.locator(".zl-summary:visible")).to_contain_text(HOSTILE, timeout=PATIENCE)
    assert not dialogs
    assert page.locator(f'{PANEL} img[src="x"]').count() == 0


def test_narrow_is_one_column_without_a_horizontal_scroll_bar(lab: Lab, page: Page) -> None:
    opened(lab, page)
    page.set_viewport_size({"width": 640, "height": 1400})
    shot(page, "panel-narrow")
    prompt, picture = page.locator(AREA).bounding_box(), page.locator(".zl-frame:visible").bounding_box()
    assert prompt is not None
    assert picture is not None
    assert picture["y"] > prompt["y"] + prompt["height"]
    assert page.evaluate("e => e.scrollWidth <= e.clientWidth", page.query_selector(PANEL))


def test_eight_steps_as_a_newcomer_takes_them(lab: Lab, page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 860})
    opened(lab, page)
    page.fill(AREA, PROMPT)
    page.click(".zl-generate")
    expect(page.locator(STATE)).to_contain_text("Done", timeout=PATIENCE)
    page.wait_for_selector(PICTURE)
    expect(page.locator(".zl-warn:visible")).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    shot(page, "panel")
