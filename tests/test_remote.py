"""One model for everybody: processes that share an engine, and what holds when one of them dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest

import zimage_lab
from zimage_lab.engine import Engine, RemoteEngine, door
from zimage_lab.engine.devices import device_name
from zimage_lab.errors import Cancelled, InvalidRequest
from zimage_lab.hooks import Webhooks
from zimage_lab.store.engines import Engines
from zimage_lab.store.images import pixels_sha256
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zimage_lab.engine import Event

PROMPT = "a red circle on the left, a blue cat on the right, white background"

HOLD = """
import sys, zimage_lab
engine = zimage_lab.load(home=sys.argv[1])
engine.generate("a red circle, white background", seed=1)
print(engine.where, flush=True)
sys.stdin.read()
"""


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a home whose engines all end with the test."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZIMAGE_LAB_DEVICE", "cpu")
    home.mkdir()
    yield home
    for engine in door.engines():
        engine.stop()


@contextmanager
def holding(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the engine of a home."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "this process\n"
        yield process
        process.kill()


@pytest.fixture
def holder(place: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds the engine of the home, for a test that ends it."""
    with holding(place) as process:
        yield process


class Held(NamedTuple):
    """A home whose engine is held by another process."""

    home: Path
    pid: int


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Give one process that holds an engine, for all tests that leave it as it is."""
    home = tmp_path_factory.mktemp("held") / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ZIMAGE_LAB_DEVICE", "cpu")
        with holding(home) as process:
            yield Held(home, process.pid)


@pytest.fixture
def held(standing: Held, place: Path, monkeypatch: pytest.MonkeyPatch) -> Held:
    """Give that, as the home of this test."""
    del place  # which ends this test's own engines
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(standing.home))
    return standing


def test_a_second_process_attaches(held: Held) -> None:
    engine = zimage_lab.load()
    assert isinstance(engine, RemoteEngine)
    assert engine.where == f"process {held.pid}"
    assert engine.status()["model"] == "miniature-turbo"
    previews: list[int] = []
    states: list[str] = []
    engine.events.subscribe(lambda event: previews.append(event.data["step"]) if event.kind == "preview" else None)
    engine.events.subscribe(lambda event: states.append(event.data["state"]) if event.kind == "state" else None)
    job = engine.submit(PROMPT, seed=42, steps=24)
    image = job.result(60)
    assert image.record.request.seed == 42
    assert image.path is not None
    assert image.path.is_relative_to(held.home)
    assert image.record.image is not None
    assert image.record.image.pixels_sha256 == pixels_sha256(image.image)
    wait_for(lambda: states == ["queued", "running", "succeeded"])
    assert previews, "live previews travel between processes"
    assert job.preview is not None
    with Engines(held.home) as engines:
        assert [row.pid for row in engines.living()] == [held.pid]


def test_the_pixels_do_not_depend_on_who_made_them(held: Held) -> None:
    attached = zimage_lab.load().generate(PROMPT, seed=42)
    own = zimage_lab.load(own=True)
    assert isinstance(own, Engine)
    assert own.where == "this process"
    assert pixels_sha256(own.generate(PROMPT, seed=42).image) == pixels_sha256(attached.image)
    with Engines(held.home) as engines:
        assert {row.pid for row in engines.living()} == {held.pid, os.getpid()}


def test_a_job_is_cancelled_from_another_process(held: Held) -> None:
    engine = zimage_lab.load()
    job = engine.submit(PROMPT, seed=1, steps=50, width=256, height=256)
    wait_for(lambda: job.progress.step > 0)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(60)
    with Records(held.home) as records:
        assert [record.state for record in records.by_job(job.id)] == ["cancelled"]
        assert records.broken() == ()


def test_a_killed_engine_is_replaced_and_its_job_made_once(place: Path, holder: subprocess.Popen[str]) -> None:
    engine = zimage_lab.load()
    job = engine.submit(PROMPT, seed=1, steps=50, width=256, height=256)
    wait_for(lambda: job.progress.step > 0)
    holder.kill()
    holder.wait()
    image = job.result(120)
    assert image.record.attempt == 2
    with Records(place) as records:
        assert [record.state for record in records.by_job(job.id)] == ["interrupted", "succeeded"]
        assert records.broken() == ()
    assert len(list(place.glob("images/*/*.png"))) == 2  # the holder's first picture, and this one
    with Engines(place) as engines:
        (row,) = engines.living()
    assert row.independent
    assert row.pid not in {holder.pid, os.getpid()}


def test_an_engine_that_ends_in_order_gives_its_job_back_paused(place: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    with Queue(place) as queue:
        row = queue.put(
            zimage_lab.GenerationRequest(
                prompt=PROMPT, model="miniature-turbo", width=256, height=256, steps=50, guidance_scale=0.0, seed=1
            )
        )
        wait_for(lambda: queue.get(row.id).state == "running")
        holder.stdin.close()
        holder.wait(60)
        now = queue.get(row.id)
        assert (now.state, now.paused) == ("queued", True)
        assert [attempt.outcome for attempt in queue.attempts(row.id)] == ["interrupted"]


def test_an_independent_engine_outlives_its_starter_and_ends_idle(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_ENGINE_IDLE_MINUTES", "0.05")
    code = (
        "import zimage_lab; engine = zimage_lab.load(independent=True);"
        f" print(engine.generate({PROMPT!r}, seed=42).path)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert made.stdout.strip().endswith(".png")
    assert "torch" not in made.stderr
    with Engines(place) as engines:
        (row,) = engines.living()
        assert row.independent
        wait_for(lambda: not engines.living())
    assert not list((place / "run").glob("*.sock"))
    wait_for(lambda: not list((place / "run").glob("kernel-*.json")))  # the kernel's own, which goes last


@pytest.mark.usefixtures("held")
def test_an_attached_process_imports_no_torch() -> None:
    code = (
        "import sys, zimage_lab; engine = zimage_lab.load();"
        f" engine.generate({PROMPT!r}, seed=3); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "False\n"


def test_detaching_leaves_the_engine_to_others(held: Held) -> None:
    engine = zimage_lab.load()
    assert [one["id"] for one in engine.status()["models"]] == ["miniature-turbo"]
    engine.unload("miniature-turbo")
    assert not engine.status()["models"]
    assert engine.status()["state"] != "stopped", "only the model goes"
    engine.unload()
    assert engine.stopped
    assert psutil.pid_exists(held.pid)
    again = zimage_lab.load()
    assert again is not engine
    assert again.generate(PROMPT, seed=5).path is not None


@pytest.mark.parametrize(
    ("device", "name"), [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:01", "cuda:1"), ("mps", "mps")]
)
def test_device_names(device: str, name: str) -> None:
    assert device_name(device) == name


@pytest.mark.parametrize("device", ["", "cuda:", "cuda:x", "../x", "cuda:1:2", "a" * 99])
def test_wrong_device_names(device: str) -> None:
    with pytest.raises(InvalidRequest, match="device"):
        device_name(device)


def test_each_end_is_told_to_a_webhook_once(place: Path) -> None:
    heard: list[dict[str, object]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server, Webhooks(place) as webhooks:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        webhooks.add(f"http://127.0.0.1:{server.server_port}/ended", states=("succeeded", "cancelled"))
        shared, own = zimage_lab.load(), Engine(home=place, device="cpu")
        jobs = [engine.submit(PROMPT, seed=1, steps=2) for engine in (shared, own)]
        assert all(job.wait(60) for job in jobs)
        with Queue(place) as queue:
            queue.pause()
            waiting = shared.submit(PROMPT, seed=2)
            waiting.cancel()
        wait_for(lambda: len(heard) >= 3)
        shared.stop()
        own.stop()
        server.shutdown()
    assert sorted(str(told["state"]) for told in heard) == ["cancelled", "succeeded", "succeeded"]
    assert {told["job_id"] for told in heard} == {waiting.id, *(job.id for job in jobs)}


def test_a_late_listener_hears_the_states_since_its_cursor(place: Path) -> None:
    engine = zimage_lab.load()
    first = engine.submit(PROMPT, seed=1, steps=2)
    first.wait(60)
    heard: list[Event] = []
    stop = engine.events.subscribe(heard.append, since=0)
    wait_for(lambda: len(heard) >= 3)
    assert [event.data["state"] for event in heard] == ["queued", "running", "succeeded"]
    stop()
    again: list[Event] = []
    engine.events.subscribe(again.append, since=heard[1].cursor)
    engine.generate(PROMPT, seed=2, steps=2)
    states = ["succeeded", "queued", "running", "succeeded"]
    wait_for(lambda: [event.data["state"] for event in again if event.kind == "state"] == states)
    cursors = [event.cursor for event in again if event.kind == "state"]
    assert cursors == sorted(set(cursors))
    assert place.is_dir()
