"""How quick the studio is: `python tests/studio_figures.py`, in a real JupyterLab and chromium with the miniature.

Times of the page and of the kernel are told by the machine's one clock, so that they can be compared.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).with_name("browser")))

from book import Book
from conftest import CHROMIUM, running_lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 5
KERNEL_CORE, PAGE_CORE = 0, 1
PANEL, EVENTS, OVERHEAD = range(3)
SOURCES = (
    "import zimage_lab\nshown = zimage_lab.panel(language='en')\nshown",
    """
import json, time
from zimage_lab.engine.attempt import Attempt
heard = []
whole = Attempt.on_step
def on_step(self, number, latents):
    whole(self, number, latents)
    heard.append({"t": time.time() * 1000, "kind": "taken", "job": self.job.id, "step": number})
Attempt.on_step = on_step  # events of steps can be told late, or not at all
engine = zimage_lab.load()
def hear(event):
    heard.append({"t": event.t * 1000, "kind": event.kind, "job": event.job, **event.data})
    if event.kind == "state":
        open(FILE, "w").write(json.dumps(sorted(heard, key=lambda one: one["t"])))
deaf = engine.events.subscribe(hear)
print("it", "hears")
""",
    """
import collections, os, psutil, threading, torch
from zimage_lab.store.queue import Queue
def alone(self, number, latents):
    torch.set_num_threads(1)  # of this thread, the engine's
    on_step(self, number, latents)
Attempt.on_step = alone
for one in psutil.Process().threads():
    os.sched_setaffinity(one.id, {KERNEL_CORE})
queue = Queue(engine.home)
def spent():
    names = {one.native_id: one.name for one in threading.enumerate()}
    told = collections.Counter()
    for one in psutil.Process().threads():
        told[names.get(one.id, "torch")] += one.user_time + one.system_time
    return told
def run(seed):
    queue.pause()
    jobs = [engine.submit("a red cat on the left", seed=seed + number) for number in range(16)]
    before, began = spent(), time.perf_counter()
    queue.resume()
    for job in jobs:
        job.result()
    took = time.perf_counter() - began
    time.sleep(0.5)  # the panel draws the last state
    after = spent()
    faces = sum(after[name] - before[name] for name in ("zimage-lab-panel", "zimage-lab-events", "IOPub", "MainThread"))
    return took, faces, sum(after.values()) - sum(before.values())
deaf()
shown.owner.close()
run(0)
told = {True: [], False: []}
for number in range(ROUNDS):
    for listens in (True, False):
        if listens:
            root = zimage_lab.panel(language="en")
            time.sleep(3)  # it is drawn first, and what it draws at first is no part of a run
        told[listens].append(run(100 * number))
        if listens:
            root.owner.close()
print("RU" + "NS", json.dumps([told[True], told[False]]))
""",
)
WATCH = """
(found) => new Promise(resolve => {
  const look = () => eval(found) ? resolve(performance.timeOrigin + performance.now()) : requestAnimationFrame(look);
  look();
})
"""
SHOWN = "[...document.querySelectorAll('.zl-generate')].some(one => one.offsetParent)"
CLICKED = "document.addEventListener('click', () => { window.at = performance.timeOrigin + performance.now(); }, true)"
PREVIEWS = """
const image = document.querySelector('.zl-frame img');
window.shown = [];
image.addEventListener('load', () => shown.push(performance.timeOrigin + performance.now()));
"""


def panel_shown(book: Book, name: str) -> None:
    """Tell the time from a cell's execution to the panel on the screen."""
    book.page.evaluate("document.querySelectorAll('.zl-panel').forEach(one => one.remove())")
    book.cell(PANEL).locator(".jp-InputArea-editor").click()
    time.sleep(1)  # what the page does about a new kernel and a clicked cell is no part of it
    began = time.time() * 1000
    book.page.keyboard.press("Control+Enter")
    print(f"panel shown, {name}: {book.page.evaluate(WATCH, SHOWN) - began:.0f} ms (wanted: at most 1000)")


def state(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until the panel says something of its job."""
    page.locator(".zl-state", has_text=text).wait_for(timeout=120_000)


def first_preview(page: Page, events: Path) -> float:
    """Give the milliseconds from a click to its first preview, less those of the engine itself."""
    page.evaluate("shown.length = 0")
    page.click(".zl-generate")
    page.wait_for_function("shown.length > 2", timeout=120_000)
    clicked, loaded = page.evaluate("[at, shown]")
    heard = read(events, clicked)
    queued = next(one["t"] for one in heard if one.get("state") == "queued")
    step = next(one["t"] for one in heard if one["kind"] == "taken")
    seen = next(t for t in loaded if t > step)  # an emptied frame loads nothing, and tells so, too
    return float(seen - clicked - (step - queued))


def cancelled(page: Page, events: Path) -> tuple[int, float, float]:
    """Give steps that ended after the click on Cancel, milliseconds until it had ended, and those of one step."""
    began = time.time() * 1000
    page.click(".zl-generate")
    state(page, re.compile(r"^Step ([89]|\d\d) of"))
    page.click(".zl-cancel")
    state(page, "Cancelled at step")
    clicked = page.evaluate("at")
    heard = read(events, began)
    end = heard[-1]
    steps = [one["t"] for one in heard if one["job"] == end["job"] and one["kind"] == "taken"]
    return sum(t > clicked for t in steps), end["t"] - clicked, (steps[-1] - steps[0]) / (len(steps) - 1)


def read(events: Path, since: float) -> list[dict[str, Any]]:
    """Give what the kernel has heard of the engine since a time, once the job that began then has ended."""
    while True:
        with suppress(ValueError):  # it is being written
            heard = [one for one in json.loads(events.read_text(encoding="utf-8")) if one["t"] > since]
            if heard and heard[-1].get("state") in {"succeeded", "cancelled"}:
                return heard
        time.sleep(0.05)


def figures(page: Page, book: Book, events: Path) -> None:
    """Print all figures."""
    panel_shown(book, "a fresh kernel")
    panel_shown(book, "again")
    page.evaluate(CLICKED)
    page.fill(".zl-prompt textarea", "a red cat on the left")
    page.click(".zl-generate")
    state(page, "Done")
    book.run(EVENTS)
    page.get_by_text("it hears", exact=True).wait_for()
    page.evaluate(PREVIEWS)
    beyond = [first_preview(page, events) for _ in range(ROUNDS)]
    ends = f"{min(beyond):.0f} .. {max(beyond):.0f}"
    print(f"click to first preview beyond the engine: median {statistics.median(beyond):.0f} ms ({ends}; at most 150)")
    page.locator(".zl-fold-head", has_text="Advanced").click()
    for label, number in (("Width, px", 256), ("Height, px", 256), ("Steps", 50)):
        page.get_by_label(label).fill(str(number))
        page.get_by_label(label).press("Tab")
    for _ in range(ROUNDS):
        steps, end, one = cancelled(page, events)
        print(f"cancel: {steps} more steps, ended after {end:.0f} ms, where a step takes {one:.0f} ms (at most 1 step)")
    # A page is mostly on another machine than its kernel: here each has a core of its own.
    for process in psutil.Process().children(recursive=True):
        if "ipykernel_launcher" not in process.cmdline():
            for thread in process.threads():
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread.id, {PAGE_CORE})
    book.run(OVERHEAD)
    told = page.get_by_text("RUNS [[", exact=False)
    told.wait_for(timeout=300_000)
    with_panel, without = json.loads(told.inner_text().partition("RUNS ")[2])
    for name, runs in (("with a panel", with_panel), ("without", without)):
        took, faces, cpu = (statistics.median(one[place] for one in runs) for place in range(3))
        ends = f"{min(one[0] for one in runs):.2f} .. {max(one[0] for one in runs):.2f}"
        print(f"16 pictures {name}: {took:.2f} s ({ends}), CPU {cpu:.2f} s, of which faces {faces:.2f} s")
    cost = statistics.median(one[1] for one in with_panel) - statistics.median(one[1] for one in without)
    share = cost / statistics.median(one[2] for one in without)
    longer = statistics.median(one[0] for one in with_panel) / statistics.median(one[0] for one in without) - 1
    print(f"so the panel takes {share:.1%} of the CPU time of a run, and {longer:.1%} of its time (at most 5 %)")


def main() -> None:
    """Start everything, and print."""
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, locale="en-US")
        events = Path(folder) / "events.json"
        names = {"FILE": repr(str(events)), "ROUNDS": str(ROUNDS), "KERNEL_CORE": str(KERNEL_CORE)}
        sources = [reduce(lambda text, name: text.replace(name, names[name]), names, one) for one in SOURCES]
        figures(page, Book(lab, page, *sources), events)
        browser.close()


if __name__ == "__main__":
    main()
