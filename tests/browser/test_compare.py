"""Slider and rating in a real JupyterLab: by pointer and keys, over a reload, in Chinese and dark; the page alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from book import PATIENCE, Book
from conftest import shot
from playwright.sync_api import expect

from zimage_lab.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page

    from zimage_lab.compare import Comparison

pytestmark = pytest.mark.timeout(400)  # two busy cores make pictures, too
CAT = "a yellow cat on the left, a red lantern on the right, white background"
PROMPTS = {
    CAT: None,
    "左侧一只黄色的猫，右侧一盏红色的灯笼，白色背景": CAT,
}
MODELS = {"eight steps": "miniature-turbo", "one step": {"model": "miniature-turbo", "steps": 1}}
SETTINGS = "lab/api/settings/{}"
THEME, STUDIO = "@jupyterlab/apputils-extension:themes", "zimage-lab:studio"
CANVAS = ".zl-look canvas"
LOAD = "from zimage_lab.compare import Comparison\nmade = Comparison.load('cats')\n"
AVERAGE = """
(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let place = 0; place < data.length; place += 4) sum += data[place] + data[place + 1] + data[place + 2];
  return sum / data.length;
}
"""


@pytest.fixture(scope="module")
def cats(lab_server: Lab) -> Comparison:
    """Give a comparison that was made."""
    engine = Engine(home=lab_server.home, device="cpu")
    made = engine.compare(PROMPTS, MODELS, seeds=[1, 2], name="cats").wait(300)
    engine.stop()
    return made


def drawn(page: Page) -> None:
    """Wait until the slider shows pictures."""
    page.wait_for_selector(CANVAS, state="visible", timeout=PATIENCE)
    expect(page.locator(".zl-look-said")).to_have_text("")
    page.wait_for_function(f"({AVERAGE})(document.querySelector('{CANVAS}')) > 20")


@pytest.mark.usefixtures("cats")
def test_the_slider_by_pointer_and_keys_and_over_a_reload(lab: Lab, page: Page) -> None:
    book = Book(lab, page, LOAD + "made.slider()")
    book.run(0)
    drawn(page)
    canvas = page.locator(CANVAS)
    expect(canvas).to_have_attribute("aria-valuenow", "50")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 80, box["y"] + 120, steps=8)
    page.mouse.up()
    assert int(canvas.get_attribute("aria-valuenow") or 50) < 40
    canvas.focus()
    page.keyboard.press("ArrowRight")
    shot(page, "compare-wipe")
    page.keyboard.press("2")
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("PageDown")
    expect(page.locator(".zl-look-line")).to_contain_text("左侧一只黄色的猫")
    page.wait_for_timeout(600)  # the view is told when it rests
    shot(page, "compare-side")
    assert page.locator(".jp-Notebook .jp-Cell").count() == 1, "no key reached the notebook"
    book.save()
    page.reload()
    drawn(page)
    expect(page.locator(".zl-look-mode[aria-pressed='true']")).to_have_text("Side by side")
    expect(page.locator(".zl-look-line")).to_contain_text("左侧一只黄色的猫")
    page.locator(CANVAS).focus()
    page.keyboard.press("4")
    expect(page.locator(".zl-look-said")).to_contain_text("Mean difference")
    shot(page, "compare-difference")
    page.keyboard.press("3")
    first = page.locator(".zl-look-name").first
    expect(first).to_have_text("one step")
    expect(first).to_have_text("eight steps")
    page.keyboard.press("Space")
    outputs = lab.call("api/contents/python3.ipynb")["content"]["cells"][0]["outputs"]
    assert any("image/jpeg" in one["data"] for one in outputs), "for viewers without a kernel"


def test_the_page_alone_asks_nobody(cats: Comparison, page: Page, tmp_path: Path) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    path = cats.slider(language="zh").save(tmp_path / "cats.html")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 420, "height": 860})
    page.goto(path.as_uri())
    drawn(page)
    shot(page, "compare-page-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []


@pytest.mark.usefixtures("cats")
def test_pairs_and_stars_are_rated_blindly(lab: Lab, page: Page) -> None:
    book = Book(lab, page, LOAD + "made.rate()", "len(made.votes())")
    book.run(0)
    ballot = page.locator(".zl-ballot")
    ballot.get_by_role("button", name="Begin").click()
    expect(ballot.locator(".zl-ballot-trouble")).to_contain_text("Write a name")
    shot(page, "rate-name")
    ballot.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    expect(ballot.locator(".zl-ballot-head")).to_contain_text("1 of 4 · Ann")
    shot(page, "rate-pairs")
    told = page.evaluate("document.querySelector('.zl-ballot').outerHTML")
    assert "step" not in told
    assert "miniature" not in told
    assert {one.get_attribute("alt") for one in ballot.locator("img").all()} == {"Left picture", "Right picture"}
    for key, number in (("ArrowLeft", 2), ("ArrowDown", 3), ("u", 2), ("s", 3)):
        page.keyboard.press(key)
        expect(ballot.locator(".zl-ballot-head")).to_contain_text(f"{number} of 4")
    book.save()
    page.reload()
    expect(ballot.locator(".zl-ballot-head")).to_contain_text("3 of 4 · Ann", timeout=PATIENCE)
    ballot.get_by_role("button", name="Right is better").click()
    expect(ballot.locator(".zl-ballot-head")).to_contain_text("4 of 4")
    ballot.get_by_role("button", name="Equally good").click()
    expect(ballot.locator(".zl-ballot-end")).to_contain_text("Thank you, Ann")
    shot(page, "rate-end")
    ballot.locator(".zl-ballot-end").get_by_role("button", name="Another rater").click()
    ballot.get_by_label("Your name").fill("Bob")
    ballot.get_by_label("One to five stars").check()
    ballot.get_by_role("button", name="Begin").click()
    expect(ballot.locator(".zl-ballot-head")).to_contain_text("1 of 8 · Bob")
    ballot.locator(".zl-ballot-pictures").click()
    page.keyboard.press("4")
    expect(ballot.locator(".zl-ballot-head")).to_contain_text("2 of 8")
    shot(page, "rate-stars")


@pytest.mark.usefixtures("cats")
def test_the_tab_in_chinese_and_dark(lab: Lab, page: Page) -> None:
    lab.call(SETTINGS.format(STUDIO), "PUT", {"raw": json.dumps({"language": "zh"})})
    lab.call(SETTINGS.format(THEME), "PUT", {"raw": json.dumps({"theme": "JupyterLab Dark"})})
    try:
        lab.open_studio(page)
        page.wait_for_selector(".zl-panel .zl-generate", state="visible")
        page.locator(".zl-tab", has_text="对比").click()
        tab = page.locator(".zl-compare")
        expect(tab.locator(".zl-plan")).to_contain_text("请填写提示词")
        shot(page, "compare-tab-empty-zh")
        tab.get_by_label("提示词，每行一条").fill("左侧一只红色的猫\n左侧一只红色的猫")
        page.keyboard.press("Tab")
        expect(tab.locator(".zl-error").first).to_contain_text("出现了两次")
        shot(page, "compare-tab-wrong-zh")
        tab.get_by_label("已保存的对比").select_option(index=1)
        expect(tab.locator(".zl-state")).to_contain_text("已完成", timeout=PATIENCE)
        expect(tab.locator(".zl-compare-table")).to_contain_text("每张耗时")
        shot(page, "compare-tab-table-zh")
        tab.locator("button", has_text="查看").click()
        drawn(page)
        page.locator(CANVAS).scroll_into_view_if_needed()
        shot(page, "compare-tab-slider-zh")
    finally:
        lab.call(SETTINGS.format(STUDIO), "PUT", {"raw": "{}"})
        lab.call(SETTINGS.format(THEME), "PUT", {"raw": "{}"})


def test_a_comparison_by_hand(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    page.locator(".zl-prompt textarea").first.fill("a blue fish in the middle")
    page.keyboard.press("Tab")
    page.keyboard.press("Alt+3")
    tab = page.locator(".zl-compare")
    expect(tab.locator(".zl-plan")).to_contain_text("4 pictures")
    shot(page, "compare-tab-plan")
    tab.locator("button", has_text="Start").click()
    expect(tab.locator(".zl-state")).to_contain_text("4 of 4 · done", timeout=PATIENCE)
    tab.locator("button", has_text="Rate blindly").click()
    expect(tab.locator(".zl-ballot")).to_be_visible()
    tab.locator(".zl-actions button", has_text="Export").click()
    expect(tab.locator("a.zl-save")).to_be_visible()
    shot(page, "compare-tab-done")
