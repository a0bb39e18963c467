"""In a Chinese JupyterLab the studio is Chinese, and so are the names of its settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import shot
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Lab
    from playwright.sync_api import Page

TRANSLATION = "lab/api/settings/@jupyterlab/translation-extension:plugin"


@pytest.fixture
def chinese(lab: Lab) -> Iterator[Lab]:
    """Set JupyterLab's language, whether or not its language pack is there."""
    lab.call(TRANSLATION, "PUT", {"raw": json.dumps({"locale": "zh_CN"})})
    yield lab
    lab.call(TRANSLATION, "PUT", {"raw": "{}"})


def settings_of(page: Page, title: str) -> None:
    page.keyboard.press("Control+,")
    page.wait_for_selector("#jp-SettingsEditor-list, .jp-PluginList", state="visible")
    page.locator(".jp-PluginList-entry", has_text=title).click()


def test_the_settings_have_chinese_names(chinese: Lab, page: Page) -> None:
    chinese.open(page)
    page.locator(".jp-LauncherCard", has_text="Z-Image 工作室").first.wait_for()
    settings_of(page, "Z-Image 工作室")
    editor = page.locator(".jp-SettingsPanel")
    for words in ("默认模型", "文件夹", "语言", "工作室启动时使用的模型"):
        expect(editor.get_by_text(words).first).to_be_visible()
    shot(page, "settings-chinese")
    language = editor.locator("select[id$=_language]")
    language.select_option("zh")
    expect(page.locator(".jp-SettingsPanel").get_by_text("默认模型").first).to_be_visible()
    page.reload()  # the keys and the menu of the extension are in the schema, too
    page.wait_for_selector("#jp-main-dock-panel", state="visible")
    page.locator(".lm-MenuBar-item", has_text="Kernel").or_(page.locator(".lm-MenuBar-item", has_text="内核")).click()
    expect(page.locator(".lm-Menu-item", has_text="用此笔记本的内核打开")).to_be_visible()


def test_the_settings_stay_english_elsewhere(lab: Lab, page: Page) -> None:
    lab.open(page)
    settings_of(page, "Z-Image Studio")
    expect(page.locator(".jp-SettingsPanel").get_by_text("Default model").first).to_be_visible()
