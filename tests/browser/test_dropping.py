"""A picture dropped on the studio shows its recipe, wherever it comes from; one without a recipe says so."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from conftest import shot
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect
from samples import keep_picture, record

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page

STUDIO = ".zimage-studio"
AREA = ".zl-prompt textarea"
FOUND = ".zl-found"
PARAMETERS = "a fox in the snow\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 99"

PATIENCE = 60_000


def picture(text: str = "") -> bytes:
    """Give a PNG as Automatic1111 writes it, or one without a recipe."""
    buffer, texts = io.BytesIO(), PngInfo()
    if text:
        texts.add_text("parameters", text)
    Image.new("RGB", (64, 64), (40, 80, 200)).save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()


def drag(page: Page, event: str, name: str, data: bytes) -> None:
    """Do as a browser does while a file of the desktop is over the studio, or let go there."""
    script = """([name, data]) => {
        const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name));
        return transfer;
    }"""
    transfer = page.evaluate_handle(script, [name, base64.b64encode(data).decode("ascii")])
    page.dispatch_event(f"{STUDIO} .zl-panel", event, {"dataTransfer": transfer, "bubbles": True, "cancelable": True})


def test_a_picture_of_the_desktop(lab: Lab, page: Page) -> None:
    lab.open_studio(page)
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    page.fill(AREA, "my own words")
    page.locator(".zl-tab", has_text="Gallery").click()
    found = page.locator(FOUND)
    drag(page, "dragover", "fox.png", picture(PARAMETERS))
    expect(page.locator(f"{STUDIO}.zimage-drop")).to_be_visible()
    shot(page, "dropping")
    drag(page, "drop", "fox.png", picture(PARAMETERS))
    expect(page.locator(f"{STUDIO}.zimage-drop")).to_have_count(0)
    expect(found.locator(".zl-recipe")).to_contain_text("a fox in the snow", timeout=PATIENCE)
    expect(found).to_contain_text("Automatic1111")
    expect(found.locator(".zl-recipe")).to_be_in_viewport()
    expect(page.locator(AREA)).to_have_value("my own words")
    shot(page, "dropped")

    for name, data, sentence in (
        ("plain.png", picture(), "holds no recipe"),
        ("letter.txt", "Dear 猫".encode(), "cannot be read as a picture"),
        ("empty.png", b"", "cannot be read as a picture"),
    ):
        drag(page, "drop", name, data)
        expect(found.locator(".zl-error")).to_contain_text(sentence)
        expect(found.locator(".zl-error")).to_contain_text(name)
        expect(page.locator(AREA)).to_have_value("my own words")
    shot(page, "dropped-wrong")

    drag(page, "drop", "fox.png", picture(PARAMETERS))
    found.locator("button", has_text="Apply").click()
    expect(page.locator(AREA)).to_have_value("a fox in the snow")


def test_a_picture_of_the_file_browser(lab: Lab, page: Page, tmp_path: Path) -> None:
    made = keep_picture(tmp_path, Image.new("RGB", (128, 128), (200, 40, 40)), record("a blue fish", size=128))
    assert made.image is not None
    file = lab.home.parent / "notebooks" / "dropped fish.png"
    file.write_bytes((tmp_path / made.image.path).read_bytes())
    try:
        lab.open_studio(page)
        page.wait_for_selector(".zl-panel .zl-generate", state="visible")
        source = page.locator(".jp-DirListing-item", has_text=file.name).bounding_box()
        target = page.locator(f"{STUDIO} .zl-panel").bounding_box()
        assert source is not None
        assert target is not None
        page.mouse.move(source["x"] + 60, source["y"] + 8)
        page.mouse.down()
        page.mouse.move(source["x"] + 90, source["y"] + 30, steps=4)
        page.mouse.move(target["x"] + 300, target["y"] + 200, steps=8)
        expect(page.locator(f"{STUDIO}.zimage-drop")).to_be_visible()
        page.mouse.up()
        expect(page.locator(f"{FOUND} .zl-recipe")).to_contain_text("a blue fish", timeout=PATIENCE)
        expect(page.locator(f"{STUDIO}.zimage-drop")).to_have_count(0)
        assert file.is_file(), "it was read, not moved"
    finally:
        file.unlink(missing_ok=True)
