"""The page of a sweep in a real browser, without a network: looked at, enlarged, hidden, by keys, on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zimage_lab.sweeps import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

HOSTILE = "<img src=x onerror=alert(1)>"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of a sweep of which nothing is made but one column."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from stub_engine import StubEngine

    place = tmp_path_factory.mktemp("sweep-page")
    engine = StubEngine(place / "home")
    engine.fails = lambda request: request.seed == 3
    sweep = engine.sweep(
        f"a red cat {HOSTILE}",
        seeds=range(1, 4),
        steps=[4, 8],
        prompt_replace={"cat": [HOSTILE]},
        width=64,
        height=64,
        name=f"cats {HOSTILE}",
    ).wait(60)
    assert isinstance(sweep, Sweep)
    saved = sweep.save(place / "page.html")
    engine.stop()
    return saved.path


@pytest.fixture
def opened(browser: Browser, file: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open the page offline; whatever it asks for, says or raises fails the test."""
    phone = getattr(request, "param", None) == "phone"
    context: BrowserContext = browser.new_context(
        offline=True,
        locale="zh-CN" if phone else "en-US",
        has_touch=phone,
        is_mobile=phone,
        color_scheme="dark" if phone else "light",
        viewport=PHONE if phone else {"width": 1280, "height": 800},  # type: ignore[arg-type]
    )
    page = context.new_page()
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda message: told.append(message.text))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda asked: None if asked.url.startswith(("data:", "file:")) else told.append(asked.url))
    page.goto(file.as_uri())
    page.wait_for_selector("[data-cell]")
    yield page
    context.close()
    assert not told


def test_the_axes_are_there_and_what_was_written_is_text(opened: Page) -> None:
    assert opened.locator("h1").inner_text() == f"cats {HOSTILE}"
    assert opened.locator("tbody tr").count() == 2
    assert opened.locator("thead th .name").all_inner_texts() == ["1", "2", "3"]
    assert opened.locator("tbody th .name").all_inner_texts() == ["cat", HOSTILE]
    assert opened.locator("td img").count() == 4
    assert opened.locator("td .missing.wrong").count() == 2
    assert opened.locator("[onerror]").count() == 0


def test_keys_walk_enlarge_hide_and_turn(opened: Page) -> None:
    opened.locator("[data-cell]").first.focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Enter")
    assert opened.locator("dialog[open] .where").inner_text() == f"steps: 4, cat: {HOSTILE}, seed: 2"
    assert "2" in opened.locator("dialog dd.differs").all_inner_texts()
    opened.keyboard.press("ArrowLeft")
    assert opened.locator(".where").inner_text().endswith("seed: 1")
    opened.keyboard.press("Escape")
    assert opened.locator("dialog[open]").count() == 0
    opened.keyboard.press("h")
    assert opened.locator("tbody tr").count() == 1
    opened.keyboard.press("u")
    assert opened.locator("tbody tr").count() == 2
    opened.keyboard.press("PageDown")
    assert opened.locator("select.page").input_value() == "1"
    before = opened.locator("[data-cell]").first.bounding_box()
    opened.keyboard.press("-")
    after = opened.locator("[data-cell]").first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] < before["width"]


def test_axes_change_places(opened: Page) -> None:
    opened.get_by_label("Down").select_option(label="steps")
    assert opened.locator("tbody th .name").all_inner_texts() == ["4", "8"]
    opened.get_by_label("Across").select_option(label="steps")
    assert opened.locator("tbody th .name").all_inner_texts() == ["1", "2", "3"], "the two change places"


def test_labels_stay_while_the_grid_moves(opened: Page) -> None:
    for _ in range(12):
        opened.keyboard.press("+")
    opened.locator("main").evaluate("main => main.scrollTo(400, 300)")
    main = opened.locator("main").bounding_box()
    head, side = opened.locator("thead th").nth(2).bounding_box(), opened.locator("tbody th").nth(1).bounding_box()
    assert main is not None
    assert head is not None
    assert side is not None
    assert abs(head["y"] - main["y"]) < 2
    assert abs(side["x"] - main["x"]) < 2


@pytest.mark.parametrize("opened", ["phone"], indirect=True)
def test_on_a_phone_it_is_chinese_dark_and_a_tap_enlarges(opened: Page) -> None:
    assert opened.locator("html").get_attribute("lang") == "zh"
    assert opened.get_by_text("种子 →").is_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    opened.locator("[data-cell]").nth(1).tap()
    box = opened.locator("dialog[open]").bounding_box()
    assert box is not None
    assert box["width"] == PHONE["width"]
    assert opened.locator("dialog dt").first.inner_text() == "提示词"
    opened.locator(".after").tap()
    assert opened.locator("dialog .missing.wrong").inner_text() == "失败"
    opened.locator(".close").tap()
    opened.get_by_role("button", name="English").tap()
    assert opened.get_by_text("seed →").is_visible()
