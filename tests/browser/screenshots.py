"""Makes the README's pictures from the running studio: `pytest -p no:randomly tests/browser/screenshots.py`.

It is no test, so pytest does not find it by itself. What it writes to `notebooks/images` is to be looked at before it
is committed. A Chinese JupyterLab needs its language pack: `pip install jupyterlab-language-pack-zh-CN`.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from zimage_lab.engine import Engine
from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.sayings import EXAMPLES
from zimage_lab.miniature.scenes import draw_scene

if TYPE_CHECKING:
    from conftest import Lab
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(900)  # two cores make many pictures
IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
MOST_BYTES = 200_000
MOST_COLOURS = 200
NUMBER = 48
PATIENCE = 120_000
SETTINGS = "lab/api/settings/{}"
THEME, LANGUAGE = "@jupyterlab/apputils-extension:themes", "@jupyterlab/translation-extension:plugin"
PROMPTS = EXAMPLES[0]  # by language
WORDS = {
    "en": {"gallery": "Gallery", "done": "Done", "recipe": "Recipe"},
    "zh": {"gallery": "图库", "done": "完成", "recipe": "配方"},
}


@pytest.fixture(scope="module")
def pictures(lab_server: Lab) -> None:
    """Have a gallery of what the bundled model draws, so that nobody expects more of it."""
    rng = random.Random(4)
    kinds = ("pair", "single", "sentence", "sign", "triple", "pair")
    scenes = [draw_scene(rng, kinds[number % len(kinds)]) for number in range(NUMBER)]
    prompts = [caption(scene, ("en", "zh")[number % 2], rng) for number, scene in enumerate(scenes)]
    engine = Engine(home=lab_server.home)
    engine.batch([{"prompt": prompt} for prompt in prompts], seeds=[11]).wait()
    engine.stop()


def set_up(lab: Lab, *, dark: bool, chinese: bool) -> None:
    """Set JupyterLab's theme and language."""
    theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
    lab.call(SETTINGS.format(THEME), "PUT", {"raw": json.dumps(theme)})
    lab.call(SETTINGS.format(LANGUAGE), "PUT", {"raw": json.dumps({"locale": "zh_CN" if chinese else "en"})})


def take(page: Page, name: str) -> None:
    """Write a picture of the page, with as many colours as it needs to be small."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(1, 1)
    page.wait_for_timeout(500)  # a tooltip fades
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(MOST_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("suffix", "dark", "language"), [("", False, "en"), ("-zh", False, "zh"), ("-dark", True, "en")]
)
def test_take(lab: Lab, page: Page, suffix: str, *, dark: bool, language: str) -> None:
    words = WORDS[language]
    page.set_viewport_size({"width": 1360, "height": 1016})
    set_up(lab, dark=dark, chinese=language == "zh")
    lab.open(page)
    page.locator(".jp-LauncherCard", has_text="Z-Image").first.click()
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    if page.locator(".jp-FileBrowser").is_visible():
        page.keyboard.press("Control+b")  # the file browser, which is empty
    if not dark:
        page.locator(".zl-tab", has_text=words["gallery"]).click()
        expect(page.locator(".zl-tile:not(.zl-gone)")).to_have_count(48)
        expect(page.locator(".zl-tile:not(.zl-gone) img[src]")).to_have_count(48)
        take(page, f"gallery{suffix}")
        page.locator(".zl-tab").first.click()
    page.fill(".zl-prompt textarea", PROMPTS[language])
    seed = page.locator(".zl-settings .zl-field input[type=text]").first
    for number in (3, 5, 7, 8):
        seed.fill(str(number))
        seed.press("Tab")
        page.click(".zl-generate")
    expect(page.locator(".zl-strip .zl-thumb")).to_have_count(4, timeout=PATIENCE)
    expect(page.locator(".zl-state")).to_contain_text(words["done"], timeout=PATIENCE)
    take(page, f"panel{suffix}")
