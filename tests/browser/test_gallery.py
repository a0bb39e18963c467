"""The gallery in a real JupyterLab: pages, one picture, marks, delete and undo, a recipe read from a file."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from conftest import shot
from playwright.sync_api import expect
from samples import keep_picture, record

from zimage_lab import history
from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.scenes import draw_scene

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page

    from zimage_lab.recipe import RunRecord

TILE = ".zl-tile:not(.zl-gone)"
PICTURES = 60


def fill(home: Path) -> list[RunRecord]:
    """Put drawn pictures into the home, with captions in both languages."""
    home.mkdir(parents=True, exist_ok=True)
    rng, made = random.Random(1), []
    for number in range(PICTURES):
        scene = draw_scene(rng)
        prompt = caption(scene, ("en", "zh")[number % 2], rng)
        made.append(keep_picture(home, draw(scene, rng), record(prompt, seed=number, size=128)))
    return made


def test_a_gallery_of_sixty(lab: Lab, page: Page) -> None:
    made = fill(lab.home)
    lab.open_studio(page)
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    page.locator(".zl-tab", has_text="Gallery").click()
    expect(page.locator(TILE)).to_have_count(48)
    expect(page.locator(f"{TILE} img[src]")).to_have_count(48)
    gallery = page.locator(".zl-gallery")
    shot(page, "gallery")
    gallery.locator("button", has_text="Older").click()
    total = len(history(home=lab.home, pictures=True))  # other tests' pictures are there too
    last = min(total, 96)
    expect(gallery.locator(".zl-line", has_text=f"49 to {last} of {total}")).to_be_visible()
    expect(page.locator(TILE)).to_have_count(last - 48)
    page.get_by_label("Search the prompts").fill(made[-1].request.prompt)
    expect(page.locator(TILE)).to_have_count(1)
    page.locator(f"{TILE} > button").click()
    expect(gallery.locator(".zl-summary b")).to_have_text(made[-1].request.prompt)
    gallery.locator("button", has_text="Favourite").last.click()
    page.get_by_label("Tags").fill("shop window")
    page.get_by_label("Tags").press("Enter")
    with page.expect_download() as download:
        gallery.locator("button", has_text="Export").click()
        gallery.locator(".zl-save").click()
    assert download.value.suggested_filename.endswith(".png")
    shot(page, "gallery-one")
    gallery.locator("button", has_text="Delete").last.click()
    expect(gallery.locator(".zl-bar-line")).to_contain_text("Deleted")
    expect(gallery.locator(".zl-empty")).to_contain_text("No picture fits")
    shot(page, "gallery-deleted")
    gallery.locator("button", has_text="Undo").click()
    expect(page.locator(TILE)).to_have_count(1)
    expect(page.locator(f"{TILE}.zl-star")).to_have_count(1)


def test_a_recipe_is_read_from_a_file(lab: Lab, page: Page, tmp_path: Path) -> None:
    made = fill(tmp_path)[0]
    assert made.image is not None
    lab.open_studio(page)
    page.wait_for_selector(".zl-panel .zl-generate", state="visible")
    page.locator(".zl-fold-head", has_text="Recipe from a picture").click()
    part = page.locator(".zl-fold", has=page.locator(".zl-fold-head", has_text="Recipe from a picture")).last
    with page.expect_file_chooser() as chooser:
        part.locator("button", has_text="Choose a file").click()
    chooser.value.set_files(tmp_path / made.image.path)
    expect(part.locator(".zl-recipe")).to_contain_text(made.request.prompt)
    area = page.locator(".zl-prompt textarea")
    expect(area).to_have_value("")
    shot(page, "recipe-found")
    part.locator("button", has_text="Apply").click()
    expect(area).to_have_value(made.request.prompt)
