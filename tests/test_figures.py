"""Prometheus' text of a home: what a reader of that format gets, and what it must never get."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from queues import REQUEST, change_attempt, leased
from samples import record

from zimage_lab.cli import main
from zimage_lab.recipe import ImageFile, ModelIdentity
from zimage_lab.store import figures
from zimage_lab.store.engines import Engines
from zimage_lab.store.images import picture_path
from zimage_lab.store.jobs import STATES
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.recipe import RunRecord


@pytest.fixture
def home(own_home: Path) -> Path:
    (own_home / "images").mkdir(parents=True)
    return own_home


def read(text: str) -> dict[tuple[str, str], float]:
    """Parse the text: (name, value of the only label or nothing) -> value; no sample comes twice."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in {"gauge", "counter", "summary"}
        for sample in family.samples:
            key = (sample.name.removeprefix("zimage_lab_"), ",".join(sample.labels.values()))
            assert key not in found
            found[key] = sample.value
    return found


def drawn(records: Records, model: str, *, picture: bytes = b"", **changes: object) -> RunRecord:
    made = record(model=ModelIdentity(id=model, family="z_image"), **changes)
    if picture:
        path = picture_path(records.home, made.created_at, made.id)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture)
        name = path.relative_to(records.home).as_posix()
        made = made.replace(image=ImageFile(path=name, sha256="", pixels_sha256=""))
    records.append(made)
    return made


def test_an_empty_home(home: Path) -> None:
    found = read(figures.text(home))
    assert found == {
        **{("jobs", state): 0 for state in STATES},
        ("queue_jobs", ""): 0,
        ("queue_bytes", ""): 0,
        ("queue_paused", ""): 0,
        ("running", ""): 0,
        ("attempts_interrupted_total", ""): 0,
        ("pictures", ""): 0,
        ("pictures_bytes", ""): 0,
    }


def test_jobs_and_attempts(home: Path) -> None:
    with Queue(home) as queue:
        for _ in range(5):
            queue.put(REQUEST)
        queue.cancel(queue.put(REQUEST).id)
        leased(queue)
        queue.release(leased(queue))
        leased(queue)
        change_attempt(queue, process="linux:another-boot:1:1")
        queue.recover()
        leased(queue)
        queue.pause()
        found = read(figures.text(home))
        size = len(REQUEST.canonical_json().encode())
    assert (found["jobs", "queued"], found["jobs", "running"], found["jobs", "cancelled"]) == (4, 1, 1)
    assert (found["queue_jobs", ""], found["queue_bytes", ""]) == (4, 4 * size)
    assert (found["running", ""], found["queue_paused", ""]) == (1, 1)
    assert found["attempts_interrupted_total", ""] == 3


def test_runs_and_pictures(home: Path) -> None:
    with Records(home) as records:
        drawn(records, "z-image", picture=b"x" * 1000, seconds={"load": 60.0, "denoise": 2.0, "decode": 0.5})
        gone = drawn(records, "z-image", picture=b"x" * 500, seconds={"denoise": 1.5})
        drawn(records, "Org/红.v1", seconds={"denoise": 1.0})
        drawn(records, "z-image", state="failed", error="why", seconds={"denoise": 100.0})
        drawn(records, "z-image")
        found = read(figures.text(home))
        assert (found["pictures", ""], found["pictures_bytes", ""]) == (2, 1500)
        records.delete_picture(gone.id)
        found = read(figures.text(home))
    assert (found["pictures", ""], found["pictures_bytes", ""]) == (1, 1000)
    assert (found["run_seconds_count", "z-image"], found["run_seconds_sum", "z-image"]) == (2, 4.0)
    assert (found["run_seconds_count", "Org/红.v1"], found["run_seconds_sum", "Org/红.v1"]) == (1, 1.0)


def test_engines_by_device(home: Path) -> None:
    with Engines(home) as engines:
        for name, device in (("a", "cuda:0"), ("b", "cpu"), ("c", "cuda:0"), ("d", "mps")):
            engines.register(name, device=device)
        engines.end("d")
        found = read(figures.text(home))
    assert {key[1]: value for key, value in found.items() if key[0] == "engines"} == {"cpu": 1, "cuda:0": 2}


def test_nothing_private_is_in_it(home: Path) -> None:
    prompt, user = "the secret of a person", "maria"
    own = ["/home/maria/model", "~/model", "./maria", r"C:\maria\model", "maria/her/model", "../maria", "a/.maria"]
    with Records(home) as records, Queue(home) as queue, Engines(home) as engines:
        for model in own:
            drawn(records, model, prompt=prompt, user=user, seconds={"denoise": 1.0}, picture=b"x")
        queue.put(REQUEST.replace(prompt=prompt), user=user, name=user)
        engines.register("e", device="cpu", endpoint="ipc:///home/maria/run/x")
        engines.tell("e", {"model": own[0]})
        text = figures.text(home)
    assert read(text)["run_seconds_count", "folder"] == len(own)
    for word in (prompt, user, str(home), "ipc:", "images/"):
        assert word not in text


def test_any_name_of_a_model_is_read_back(home: Path) -> None:
    odd = 'a "b"\nc # {d="e"} 1'
    with Records(home) as records:
        drawn(records, odd, seconds={"denoise": 1.0})
    assert read(figures.text(home))["run_seconds_count", odd] == 1


def test_the_librarys_own_registry_stays_as_it_is(home: Path) -> None:
    figures.text(home)
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("zimage_lab")]


def test_a_registry_collects_anew_each_time(home: Path) -> None:
    registry = CollectorRegistry()
    registry.register(figures.Figures(home))
    assert registry.get_sample_value("zimage_lab_queue_jobs") == 0
    with Queue(home) as queue:
        queue.put(REQUEST)
    assert registry.get_sample_value("zimage_lab_queue_jobs") == 1


def test_the_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--home", str(home)]) == 0
    printed = capsys.readouterr()
    assert printed.out == figures.text(home)
    assert printed.err == ""
    (home / "lab.db").write_text("no database, but long enough to be looked at" * 100)
    assert main(["metrics", "--home", str(home)]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_the_commands_text_is_utf_8_everywhere(home: Path) -> None:
    with Records(home) as records:
        drawn(records, "红", seconds={"denoise": 1.0})
    command = [sys.executable, "-m", "zimage_lab.cli", "metrics", "--home", str(home)]
    ran = subprocess.run(command, capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii"}, timeout=60)
    assert read(ran.stdout.decode())["run_seconds_count", "红"] == 1
