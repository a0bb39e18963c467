"""The register of engines: who lives, what it holds, what was asked of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from queues import REQUEST, leased, succeed

from zimage_lab.errors import InvalidRequest
from zimage_lab.store import process
from zimage_lab.store.engines import KEPT, Engines
from zimage_lab.store.leases import LEASE_SECONDS
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with Engines(tmp_path) as made:
        yield made


def change(engines: Engines, engine_id: str, **values: object) -> None:
    """Change the columns of an engine behind the register's back."""
    with engines._database.write() as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE engines SET {name} = ? WHERE id = ?", (value, engine_id))  # noqa: S608


def test_register_and_end(engines: Engines, tmp_path: Path) -> None:
    made = engines.register("a", device="cuda:1", endpoint="ipc://x", independent=True, idle_seconds=5, shared=False)
    assert (made.id, made.pid, made.device, made.endpoint) == ("a", os.getpid(), "cuda:1", "ipc://x")
    assert (made.independent, made.idle_seconds, made.shared, made.told, made.running) == (True, 5.0, False, {}, None)
    engines.register("b", device="cpu")
    with Engines(tmp_path) as others:
        assert [row.id for row in others.living()] == ["a", "b"]
        engines.end("a")
        engines.end("a")
        assert [row.id for row in others.living()] == ["b"]
        assert others.get("a").device == "cuda:1"


def test_what_an_engine_tells_and_runs(engines: Engines, tmp_path: Path) -> None:
    engines.register("a", device="cpu")
    engines.tell("a", {"model": "红", "memory_bytes": 2**40})
    engines.tell("a", {"model": "红", "memory_bytes": 2**40})
    assert engines.get("a").told == {"model": "红", "memory_bytes": 2**40}
    with Queue(tmp_path) as queue:
        job = queue.put(REQUEST)
        lease = leased(queue, "a")
        assert engines.get("a").running == engines.living()[0].running == job.id
        succeed(queue, lease)
    assert engines.get("a").running is None


def test_what_is_asked(engines: Engines, tmp_path: Path) -> None:
    engines.register("a", device="cpu")
    with Engines(tmp_path) as shell:
        assert engines.asked("a").what == ""
        shell.ask("a", "unload")
        assert engines.asked("a") == ("unload", ())
        assert engines.asked("a").what == ""
        shell.ask("a", "stop")
        shell.ask("a", "unload")
        assert [engines.asked("a").what, engines.asked("a").what] == ["stop", "stop"]
        with pytest.raises(InvalidRequest, match="Did you mean 'unload'"):
            shell.ask("a", "unlode")
        with pytest.raises(InvalidRequest, match="is no engine of this home"):
            shell.ask("nobody", "stop")
    assert engines.asked("nobody").what == ""


def test_models_that_are_to_go(engines: Engines, tmp_path: Path) -> None:
    engines.register("a", device="cpu")
    with Engines(tmp_path) as shell:
        for model in ("second", "红", "second"):
            shell.ask("a", "unload", model)
        assert engines.asked("a") == ("unload", ("second", "红"))
        assert engines.asked("a").what == ""
        shell.ask("a", "unload", "second")
        shell.ask("a", "unload")
        shell.ask("a", "unload", "third")
        assert engines.asked("a") == ("unload", ()), "all of them are more than any one"
        shell.ask("a", "unload", "third")
        assert engines.asked("a") == ("unload", ("third",))
        with pytest.raises(InvalidRequest, match="is no engine of this home"):
            shell.ask("nobody", "unload", "third")


@pytest.mark.parametrize("engine_id", ["", "x", None, 7, "\ud800"])
def test_unknown_engines(engines: Engines, engine_id: str) -> None:
    with pytest.raises(InvalidRequest, match="is no engine of this home"):
        engines.get(engine_id)


REGISTER = """
import sys
from pathlib import Path
from zimage_lab.store.engines import Engines
Engines(Path(sys.argv[1])).register("child", device="cpu")
print("registered", flush=True)
sys.stdin.read()
"""


def test_an_engine_that_is_killed_is_not_among_the_living(engines: Engines, tmp_path: Path) -> None:
    command = [sys.executable, "-c", REGISTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "registered\n"
        assert [row.pid for row in engines.living()] == [child.pid]
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert engines.living() == []
    engines.register("next", device="cpu")
    with engines._database.read() as connection:
        (stopped_at,) = connection.execute("SELECT stopped_at FROM engines WHERE id = 'child'").fetchone()
    assert stopped_at is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_engine_in_another_container_lives_while_its_heart_beats(engines: Engines) -> None:
    engines.register("a", device="cpu")
    _, boot, _, ticks = process.identity(os.getpid()).split(":")
    change(engines, "a", process=f"linux:{boot}:another:{ticks}")
    assert len(engines.living()) == 1
    change(engines, "a", beat=time.monotonic() - LEASE_SECONDS - 1)
    assert engines.living() == []
    engines.beat("a")
    assert len(engines.living()) == 1


def test_engines_of_long_ago_are_forgotten_but_for_pins(engines: Engines, tmp_path: Path) -> None:
    with Queue(tmp_path) as queue:
        queue.put(REQUEST, engine="engine 0")
        for number in range(KEPT + 3):
            engines.register(f"engine {number}", device="cpu")
            engines.end(f"engine {number}")
        engines.register("now", device="cpu")
        with pytest.raises(InvalidRequest):
            engines.get("engine 1")
        assert engines.get("engine 0").id == "engine 0"
        queue.recover()
        assert queue.waits("anybody")


def test_many_threads_tell(engines: Engines) -> None:
    engines.register("a", device="cpu")
    threads = [threading.Thread(target=engines.tell, args=("a", {"n": number})) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engines.get("a").told["n"] in range(8)
