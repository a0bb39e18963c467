"""What the board of a sweep takes with a thousand cells: `python tests/board_figures.py [CELLS]`.

A home is filled with a sweep's records and pictures of 1024 x 1024. The kernel's time for a redrawing is told, and how
much it sends; with `--browser` instead, in a real JupyterLab and chromium, the time from a key to the new picture on
the screen. Times are medians, in milliseconds.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from samples import record

from zimage_lab.recipe import ImageFile
from zimage_lab.store.images import save_png
from zimage_lab.store.order import Options
from zimage_lab.store.queue import Queue
from zimage_lab.store.sweeps import Sweeps, key
from zimage_lab.sweeps import Sweep, plan
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.board import Board

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 7
AT_ONCE = 64
MAKE = "import zimage_lab\nfrom zimage_lab.sweeps import Sweep\nboard = Sweep.load('thousand').grid()\nboard"
WATCH = """
() => new Promise(resolve => {
  const canvas = document.querySelector('canvas.zl-board-canvas'), view = canvas.getContext('2d');
  const kept = view.drawImage.bind(view);
  let last = 0;
  view.drawImage = (...all) => { kept(...all); last = performance.now(); };
  const began = performance.now();
  canvas.dispatchEvent(new KeyboardEvent('keydown', { key: KEY }));
  const look = () => last ? resolve(last - began) : requestAnimationFrame(look);
  look();
})
"""
PAINT = """
() => {
  const canvas = document.querySelector('canvas.zl-board-canvas');
  const began = performance.now();
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  copy.getImageData(0, 0, 1, 1);
  return performance.now() - began;
}
"""


def fill(home: Path, cells: int) -> None:
    """Put a sweep that was made into a home: one picture, under as many names as there are cells."""
    home.mkdir(parents=True, exist_ok=True)
    seeds = min(40, cells)
    options: dict[str, Any] = {"width": 128, "height": 128, "seeds": seeds, "seed": 1, "model": "miniature-turbo"}
    made = plan("a red cat on the left", steps=range(1, cells // seeds + 1), limit=None, place=home, **options)
    with Sweeps(home) as store:
        row = store.put("7f0d1f0c-0000-4000-8000-000000000000", grids.write(made.grid), made.count, "thousand")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((1024, 1024))
    first: Any = None
    with Queue(home) as queue:
        for begin in range(0, made.count, AT_ONCE):
            places = [made.grid.index(number) for number in range(begin, min(begin + AT_ONCE, made.count))]
            requests = [made.grid.request(place) for place in places]
            queue.put_many(
                (request, Options(key=key(row.id, place, 0), parent_id=row.id, source="sweep"))
                for request, place in zip(requests, places, strict=True)
            )
            while (lease := queue.lease("figures")) is not None:
                job = lease.job
                told = record(
                    id=lease.record_id, job_id=job.id, request=job.request, attempt=1, parent_id=row.id,
                    created_at=job.created_at, seconds={"denoise": 0.1},
                )  # fmt: skip
                if first is None:
                    first = save_png(picture, told, home)
                path = first.path.with_name(f"{told.id}.png")
                if not path.exists():
                    os.link(first.path, path)
                file = ImageFile(
                    path=path.relative_to(home).as_posix(), sha256=first.sha256, pixels_sha256=first.pixels_sha256
                )
                queue.finish(lease, "succeeded", None, told.replace(image=file))


def told(name: str, times: list[float], wanted: str = "") -> None:
    """Print a figure."""
    ends = f"({min(times):.1f} .. {max(times):.1f}{wanted})"
    print(f"{name:58} {statistics.median(times):8.1f} ms {ends}", flush=True)  # noqa: T201


def timed(act: Callable[[], object]) -> list[float]:
    """Give the milliseconds that something takes, several times."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def kernel(home: Path, cells: int) -> None:
    """Measure the kernel's part."""
    board = Board(Sweep.load("thousand", home=home))
    painter, sent = board.painter, []

    def keep(_: object, buffers: list[Any] | None = None) -> None:
        sent.append(sum(memoryview(one).nbytes for one in buffers or []))

    painter.ink._manager.send = keep
    began = time.perf_counter()
    while len(painter.atlas.tiles) < cells:
        time.sleep(0.01)
    read = (time.perf_counter() - began) * 1e3
    print(f"{cells} pictures of 1024 x 1024 read for the first time: {read / 1e3:.1f} s, the board free meanwhile")  # noqa: T201
    painter._closed.set()  # from here on it is drawn from this thread alone
    painter.mark()
    painter._thread.join()
    painter.draw()
    sent.clear()
    told(f"kernel: redraw of {cells} cells", timed(painter.draw), "; at most 100")
    print(f"{'kernel: bytes of a redraw':58} {statistics.median(sent):8.0f}")  # noqa: T201
    told("kernel: redraw after a move", timed(lambda: (board.zoom(1.01), painter.draw())), "; at most 100")
    sent.clear()
    told(
        "kernel: all of it again, for a page that was loaded anew",
        timed(lambda: (painter._page_is_new(), painter.draw())),
    )
    print(f"{'kernel: bytes of all of it':58} {statistics.median(sent):8.0f}")  # noqa: T201
    board.close()


def browser(place: Path, cells: int) -> None:
    """Measure the page's part."""
    from book import Book
    from conftest import CHROMIUM, running_lab  # type: ignore[attr-defined]
    from playwright.sync_api import sync_playwright

    with running_lab(place) as lab, sync_playwright() as player:
        fill(lab.home, cells)
        chromium = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1400, "height": 1000}, locale="en-US")
        book = Book(lab, page, MAKE)
        book.run(0)
        page.wait_for_selector("canvas.zl-board-canvas", timeout=60_000)
        page.wait_for_timeout(60_000)  # all pictures are read
        script = [WATCH.replace("KEY", json.dumps(key)) for key in ("ArrowRight", "ArrowLeft")]
        told(
            "a key to the new picture on the screen, kernel and page", [page.evaluate(script[n % 2]) for n in range(10)]
        )
        told("page: the canvas copied to the screen", [page.evaluate(PAINT) for _ in range(10)])
        page.screenshot(path=Path(__file__).parent / "artifacts" / "board-thousand.png")
        chromium.close()


def main(cells: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        if "--browser" in sys.argv:
            browser(Path(folder), cells)
        else:
            fill(Path(folder) / "home", cells)
            kernel(Path(folder) / "home", cells)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).with_name("browser")))
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    main(numbers[0] if numbers else 1000)
