"""Prints what the statistics of votes cost, `python tests/compare_figures.py`; with `--browser` what the slider does.

10,000 votes on 10 models and 200 prompts, drawn as Davidson's model says, with 1,000 bootstraps. Then what a comparison
adds to the pictures that it measures: the time beside drawing of its pictures, and of the same requests made one by one
with `engine.generate`, in turns, by the miniature on the CPU.

With `--browser`: two pictures of 1024 x 1024 in chromium without a GPU, the line, the zoom and the place moved in each
frame. A frame's time is from the pointer's move until the canvas is drawn, read back so that nothing of it is left
waiting; then the time between frames, which the screen's 60 a second limits.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from zimage_lab.compare.preference import Pair, preference
from zimage_lab.compare.work import drawing
from zimage_lab.engine import Engine

VOTES, MODELS, PROMPTS, BOOTSTRAPS = 10_000, 10, 200, 1000


def votes(seed: int = 0) -> list[Pair]:
    """Draw votes for models whose log strengths run from -1 to 1."""
    random = np.random.default_rng(seed)
    strengths = np.linspace(1, -1, MODELS)
    drawn = []
    for _ in range(VOTES):
        one, other = random.choice(MODELS, 2, replace=False)
        half = (strengths[one] - strengths[other]) / 2
        weights = np.exp([half, -half, -0.7])
        choice = int(random.choice(3, p=weights / weights.sum()))
        drawn.append(Pair(int(random.integers(PROMPTS)), int(one), int(other), choice))
    return drawn


def overhead(rounds: int = 5, pictures: int = 12) -> None:
    """Print how long comparisons take beside the same pictures without one."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(home=Path(folder), device="cpu")
        models = {"eight": "miniature-turbo", "six": {"model": "miniature-turbo", "steps": 6}}
        engine.compare("a red cat", models, seeds=1).wait()  # reads the weights, and measures the device's rate
        beside: dict[str, list[float]] = {"alone": [], "comparison": []}
        shares, after = [], []
        for number in range(rounds):
            seeds = range(100 * number, 100 * number + pictures)
            began, spent = time.perf_counter(), 0.0
            for seed in seeds:
                for steps in (8, 6):
                    spent += drawing(engine.generate("a red cat", seed=seed, steps=steps).record)
            beside["alone"].append((time.perf_counter() - began - spent) / (2 * pictures))
            began = time.perf_counter()
            made = engine.compare("a red cat", models, seeds=seeds, protocol={"warm_up": 0})
            with made._cells.changed:
                made._cells.changed.wait_for(lambda cells=made._cells: not cells.left)
            wall = time.perf_counter() - began
            made.wait()
            after.append((time.perf_counter() - began - wall) / (2 * pictures))
            spent = sum(map(drawing, made.records().values()))
            beside["comparison"].append((wall - spent) / (2 * pictures))
            shares.append((beside["comparison"][-1] - beside["alone"][-1]) * 2 * pictures / spent)
        engine.stop()
    for name, values in beside.items():
        print(f"{name}: {statistics.median(values) * 1e3:.1f} ms a picture beside drawing (median of {rounds})")
    print(f"judge and other figures, when the device is free again: {statistics.median(after) * 1e3:.1f} ms a picture")
    each = ", ".join(f"{share:.1%}" for share in shares)
    print(f"a comparison adds {statistics.median(shares):.1%} to what it measures ({each}; target: under 2 %)")


MOVES = """
async ([mode, kind]) => {
  const canvas = document.querySelector('.zl-look canvas'), brush = canvas.getContext('2d');
  document.querySelectorAll('.zl-look-mode')[mode].click();
  if (kind !== 'wipe') for (let n = 0; n < 3; n++) [...document.querySelectorAll('.zl-look-end button')][1].click();
  await new Promise((go) => setTimeout(go, 500));
  const box = canvas.getBoundingClientRect(), spent = [], between = [];
  const point = (n) => ({ clientX: box.left + box.width * (0.5 + 0.4 * Math.sin(n / 9)),
    clientY: box.top + box.height / 2 + n % 7, pointerId: 1, button: 0, bubbles: true });
  canvas.setPointerCapture = () => {};
  if (kind === 'pan') canvas.dispatchEvent(new PointerEvent('pointerdown', { ...point(0), clientX: box.left + 5 }));
  else canvas.dispatchEvent(new PointerEvent('pointerdown', point(0)));
  let last = 0;
  for (let n = 0; n < 120; n++) {
    const began = performance.now();
    canvas.dispatchEvent(new PointerEvent('pointermove', point(n)));
    const handled = performance.now() - began;
    await new Promise((go) => requestAnimationFrame((now) => {
      if (last) between.push(now - last);
      last = now;
      go();
    }));
    const drawn = performance.now(); // the slider's own frame ran before this one
    brush.getImageData(0, 0, 1, 1);
    spent.push(handled + performance.now() - drawn + (window.zlPaint ?? 0));
  }
  canvas.dispatchEvent(new PointerEvent('pointerup', point(0)));
  return [spent, between];
}
"""
TIMED = """
const plain = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => plain((now) => {
  const began = performance.now();
  act(now);
  if (act.name === 'paint') window.zlPaint = performance.now() - began;
});
"""


def browser() -> None:
    """Print what a frame of the slider takes in chromium."""
    from playwright.sync_api import sync_playwright
    from stub_engine import StubEngine

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        engine = StubEngine(Path(folder))
        two = {"one": "miniature-turbo", "other": {"model": "miniature-turbo", "steps": 2}}
        made = engine.compare("a red cat", two, seeds=[1], protocol={"warm_up": 0}).wait(60)
        noise = np.random.default_rng(0)
        for one in made.results():
            assert one.image is not None
            assert one.image.path is not None
            small = noise.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(small).resize((1024, 1024)).save(one.image.path)
        path = made.slider().save(Path(folder) / "slider.html", pixels=1024)
        engine.stop()
        chromium = player.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1300, "height": 1500})
        page.add_init_script(TIMED)
        page.goto(path.as_uri())
        page.wait_for_timeout(1500)
        size = page.evaluate("[document.querySelector('canvas').width, document.querySelector('canvas').height]")
        print(f"slider: two pictures of 1024 x 1024 on a canvas of {size[0]} x {size[1]}, chromium without a GPU")
        for name, mode, kind in (
            ("wipe", 0, "wipe"),
            ("side by side, moved", 1, "pan"),
            ("difference, moved", 3, "pan"),
        ):
            spent, between = page.evaluate(MOVES, [mode, kind])
            told = f"{statistics.median(spent):.1f} ms a frame (95 % under {np.quantile(spent, 0.95):.1f})"
            print(f"{name}: {told}; {statistics.median(between):.1f} ms between frames (target: under 16)")
        chromium.close()


def main() -> None:
    """Measure and print."""
    drawn = votes()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = preference(drawn, [f"model {number}" for number in range(MODELS)], bootstraps=BOOTSTRAPS)
        times.append(time.perf_counter() - began)
    print(f"{VOTES:,} votes, {MODELS} models, {PROMPTS} prompts, {BOOTSTRAPS:,} bootstraps, {os.cpu_count()} cores")
    print(f"seconds: best {min(times):.3f}, worst {max(times):.3f} (target: under 10)")
    print(found)
    overhead()


if __name__ == "__main__":
    browser() if "--browser" in sys.argv else main()
