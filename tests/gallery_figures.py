"""What the gallery takes with ten thousand pictures: `python tests/gallery_figures.py [PICTURES]`.

A home is filled with records and files; then the gallery is drawn as its publisher would, on the first and the last
page, for searches, and with one picture large. Times are medians of five, in milliseconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from samples import record

from zimage_lab.recipe import ImageFile
from zimage_lab.store.images import save_png
from zimage_lab.store.records import Records
from zimage_lab.widgets.gallery import Gallery
from zimage_lab.widgets.publisher import Publisher
from zimage_lab.widgets.tiles import PAGE
from zimage_lab.widgets.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
RUNS = 5


def fill(home: Path, number: int) -> None:
    """Put pictures of 1024 x 1024 pixels into a home: one file, under as many names as there are records."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((1024, 1024))
    with Records(home) as records:
        for seed in range(number):
            made = record(f"a {COLOURS[seed % len(COLOURS)]} cat, picture {seed}", seed=seed, size=1024)
            if not seed:
                first = save_png(picture, made, home)
            path = first.path.with_name(f"{made.id}.png")
            if seed:
                os.link(first.path, path)
            file = ImageFile(
                path=path.relative_to(home).as_posix(), sha256=first.sha256, pixels_sha256=first.pixels_sha256
            )
            records.append(made.replace(image=file))


def told(name: str, act: Callable[[], object]) -> None:
    """Print how long something takes."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1e3)
    print(f"{name:44} {statistics.median(times):8.1f} ms", flush=True)  # noqa: T201


def main(number: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, number)
        gallery = Gallery(Words("en"), Publisher(lambda: None), lambda: home, lambda _: None)  # type: ignore[arg-type]

        def thumbnails() -> None:
            """Read a page that was not seen before."""
            gallery.tiles._kept.clear()
            gallery.tiles._shown = []
            gallery.refresh()
            while len(gallery.tiles._kept) < PAGE:
                time.sleep(0.001)

        told("first page, without its thumbnails", gallery.refresh)
        told("a page's 48 thumbnails of 1024 x 1024", thumbnails)
        gallery._page = number
        told("last page", gallery.refresh)
        gallery.search.text.value = "purple"
        told("search: one in eight", gallery.refresh)
        gallery.search.text.value = "nowhere"
        told("search: nothing", gallery.refresh)
        gallery.search.text.value = ""
        gallery._open = number - 1
        told("the oldest picture large", gallery.refresh)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
