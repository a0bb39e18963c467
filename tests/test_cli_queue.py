"""The shell's hands on queue, engines and records: what it prints, and what its exit codes say."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from samples import record

from zimage_lab.cli import main
from zimage_lab.recipe import ImageFile
from zimage_lab.store.engines import Engines
from zimage_lab.store.images import save_png
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def queue(own_home: Path) -> Iterator[Queue]:
    own_home.mkdir()
    with Queue(own_home) as made:
        yield made


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_an_empty_queue_says_so(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    assert queue.counts()["queued"] == 0
    assert said(capsys, "queue") == "Nothing waits.\n"
    assert said(capsys, "queue", "clear") == "Nothing waited.\n"
    assert json.loads(said(capsys, "queue", "list", "--json")) == {"paused": False, "jobs": []}


def test_jobs_are_listed_in_the_order_in_which_they_will_run(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [
        queue.put(record(prompt).request, priority=priority).id for prompt, priority in (("a", 0), ("b", 5), ("c", 0))
    ]
    said(capsys, "queue", "first", ids[2][:8])
    listed = [line.split("\t") for line in said(capsys, "queue").splitlines()]
    assert [line[-1] for line in listed] == ["b", "c", "a"]
    assert [line[0] for line in listed] == [ids[1][:8], ids[2][:8], ids[0][:8]]
    jobs = json.loads(said(capsys, "queue", "list", "--json"))["jobs"]
    assert jobs[0]["id"] == ids[1]
    assert jobs[0]["request"]["seed"] == str(2**64 - 1)


def test_pause_resume_cancel_retry_and_clear(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (queue.put(record(prompt).request).id for prompt in ("a", "b"))
    assert "paused" in said(capsys, "queue", "pause")
    assert queue.lease("engine") is None
    assert "zimage-lab queue resume" in said(capsys, "queue", "list")
    assert "goes on" in said(capsys, "queue", "resume")
    said(capsys, "queue", "pause", one)
    assert "paused" in said(capsys, "queue").splitlines()[0]
    said(capsys, "queue", "resume", one)
    assert "cancelled" in said(capsys, "queue", "cancel", one)
    assert "queued again as" in said(capsys, "queue", "retry", one)
    assert queue.counts() | {"cancelled": 1, "queued": 2} == queue.counts()
    assert "Cancelled 2 jobs" in said(capsys, "queue", "clear")
    assert {row.state for row in queue.list()} == {"cancelled"}
    assert queue.get(two).state == "cancelled"
    assert len(said(capsys, "queue", "list", "--all").splitlines()) == 3


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry", "first"])
@pytest.mark.parametrize("name", ["nothing", "", "%", "\ud800"])
def test_unknown_jobs_are_wrong_input(queue: Queue, capsys: pytest.CaptureFixture[str], verb: str, name: str) -> None:
    for prompt in ("a", "b"):
        queue.put(record(prompt).request)
    assert "JOB" in said(capsys, "queue", verb, name, code=2)


def test_a_job_that_runs_cannot_be_retried(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    job = queue.put(record().request)
    assert queue.lease("engine") is not None
    assert "still running" in said(capsys, "queue", "retry", job.id, code=2)
    assert "asked to stop" in said(capsys, "queue", "cancel", job.id)


def test_engines_are_listed_and_asked_to_stop(
    own_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No engine runs" in said(capsys, "engines")
    assert "No engine runs" in said(capsys, "engines", "stop")
    with Engines(own_home) as engines:
        engines.register("12345678-x", device="cpu", independent=True, idle_seconds=600.0)
        engines.tell("12345678-x", {"model": "miniature-turbo", "memory_bytes": 28_000_000})
        line = said(capsys, "engines").split("\t")
        assert line[:6] == ["12345678", str(os.getpid()), "cpu", "miniature-turbo", "28.0 MB", "idle"]
        (told,) = json.loads(said(capsys, "engines", "list", "--json"))["engines"]
        assert told["idle_seconds"] == 600
        assert "ENGINE" in said(capsys, "engines", "stop", "nobody", code=2)
        monkeypatch.setattr("zimage_lab.cli.engines.STOP_SECONDS", 0.2)
        assert "has not ended yet" in said(capsys, "engines", "stop", "1234", code=1)
        assert engines.asked("12345678-x").what == "stop"
        monkeypatch.setattr(time, "sleep", lambda _: engines.end("12345678-x"))
        assert said(capsys, "engines", "stop") == "12345678 ended.\n"


def test_models_of_engines_are_listed_and_let_go(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No engine runs" in said(capsys, "engines", "unload")
    held = [
        {"id": "miniature-turbo", "device": "cpu", "dtype": "float32", "policy": "resident", "bytes": {"vae": 8}},
        {"id": "gone", "device": "cpu", "dtype": "float32", "policy": "balanced", "bytes": {"vae": 8}},
    ]
    with Engines(own_home) as engines:
        engines.register("12345678-x", device="cpu")
        engines.tell("12345678-x", {"model": "miniature-turbo", "memory_bytes": 16, "models": held})
        assert said(capsys, "engines").split("\t")[3] == "miniature-turbo, gone (balanced)"
        (told,) = json.loads(said(capsys, "engines", "list", "--json"))["engines"]
        assert told["models"] == held
        assert "lets gone go" in said(capsys, "engines", "unload", "1234", "--model", "gone")
        said(capsys, "engines", "unload", "--model", "miniature-turbo")
        assert engines.asked("12345678-x") == ("unload", ("gone", "miniature-turbo"))
        assert "is not a known model" in said(capsys, "engines", "unload", "--model", "nothing", code=2)
        assert "lets all its models go" in said(capsys, "engines", "unload")
        assert engines.asked("12345678-x") == ("unload", ())


def test_the_log_and_what_is_done_with_its_runs(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "log") == "Nothing was made.\n"
    made: Any = record("a [red] cat", seed=5)
    picture = save_png(Image.new("RGB", (64, 64), (1, 2, 3)), made, own_home)
    path = picture.path.relative_to(own_home).as_posix()
    made = made.replace(image=ImageFile(path=path, sha256=picture.sha256, pixels_sha256=picture.pixels_sha256))
    with Records(own_home) as records:
        records.append(made)
    assert "a [red] cat" in said(capsys, "log", "--since", "2d")
    assert json.loads(said(capsys, "log", "--json"))["record_id"] == made.id
    assert "since" in said(capsys, "log", "--since", "long ago", code=2)
    assert "as they were written" in said(capsys, "verify")
    assert "forgotten" in said(capsys, "erase", made.id[:8])
    assert "[erased]" in said(capsys, "log")
    assert "deleted" in said(capsys, "delete", made.id)
    assert "had no picture" in said(capsys, "delete", made.id)
    assert "as they were written" in said(capsys, "verify")
    (own_home / "images" / "stranger.png").write_bytes(b"x")
    assert "stranger.png is in no record" in said(capsys, "verify", code=1)
    assert json.loads(said(capsys, "verify", "--json", code=1))["sound"] is False
    assert "RECORD" in said(capsys, "delete", "nothing", code=2)
    assert "RECORD" in said(capsys, "reproduce", "nothing", code=2)
    assert "PNG" in said(capsys, "reproduce", str(own_home / "images" / "stranger.png"), code=2)
