"""Sweeps on workers of a real local Ray: killed, slow, late, foreign ones, and what is paused or cancelled."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import stub_replica
from stub_engine import StubEngine

from zimage_lab.errors import InvalidRequest
from zimage_lab.runs import history
from zimage_lab.store.queue import Queue
from zimage_lab.store.verify import verify
from zimage_lab.sweeps import Ray, stop_workers
from zimage_lab.sweeps.cluster import crew, joining
from zimage_lab.sweeps.cluster.agreement import Facts, differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.sweeps import Sweep

pytest.importorskip("ray", reason="Ray has no build for this Python")
pytestmark = [
    pytest.mark.timeout(600),
    # Ray leaves pipes and processes for the collector, which may come in any later test.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

from ray_cluster import add, cluster  # noqa: E402 - Ray may not be there

CAT = "a red cat on the left"
SECONDS = 120.0


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """Give a cluster of two machines with one CPU each."""
    with cluster() as made:
        add(made)
        yield made


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[StubEngine]:
    """Give the engine of who asks; it draws nothing."""
    made = StubEngine(tmp_path / "home", held=True)
    yield made
    stop_workers()
    made.stop()


@pytest.fixture
def workers(machines: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """Let every worker be a stub."""
    del machines
    monkeypatch.setattr(crew, "Replica", stub_replica.StubReplica)


def until(condition: Any) -> None:  # noqa: ANN401 - a callable
    """Wait for something that another process does."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def check(sweep: Sweep, cells: int) -> None:
    """See that every cell was made, and none twice."""
    assert sweep.counts == {"succeeded": cells}
    runs = history(parent_id=sweep.id, state="succeeded", limit=None, home=sweep.home)
    assert len(runs) == cells
    assert {path.stem for path in sweep.home.glob("images/*/*.png")} == set(runs.record_id)
    assert verify(sweep.home) == []


@pytest.mark.usefixtures("workers")
def test_a_worker_that_is_killed_loses_no_cell(asker: StubEngine) -> None:
    sweep = asker.sweep(CAT, seeds=range(30), steps=[4, 8], executor="ray")
    until(lambda: sweep.counts.get("succeeded", 0) >= 6 and len([one for one in sweep.workers if one.pid]) == 2)
    victim = next(one for one in sweep.workers if one.state == "drawing")
    os.kill(victim.pid, signal.SIGKILL)
    sweep.wait(SECONDS)
    check(sweep, 60)
    lines = {one.name: one for one in sweep.workers}
    assert lines[victim.name].state == "lost"
    assert sum(one.cells for one in lines.values()) == 60
    assert len(history(parent_id=sweep.id, state="interrupted", limit=None, home=asker.home)) >= 1
    assert asker.drawn == [], "nothing was drawn here"
    cell = sweep.cell(1, 5)
    assert cell.image is not None
    assert cell.image.record.request == cell.request
    assert cell.image.record.parent_id == sweep.id
    assert list(sweep.frame().state) == ["succeeded"] * 60


@pytest.mark.usefixtures("workers")
def test_pause_and_cancel_reach_the_workers(asker: StubEngine) -> None:
    sweep = asker.sweep(CAT, seeds=range(400), steps=50, executor="ray")
    until(lambda: sweep.counts.get("succeeded", 0) >= 1 and any(one.drawing for one in sweep.workers))
    assert "cat" in next(one.drawing for one in sweep.workers if one.drawing)
    sweep.pause()
    until(lambda: not sweep.counts.get("running"))
    made = sweep.counts["succeeded"]
    assert made < 100, "what was handed out and not begun went back"
    time.sleep(0.5)
    assert sweep.counts["succeeded"] == made, "nothing was begun"
    assert sweep.state == "paused"
    sweep.resume()
    until(lambda: sweep.counts["succeeded"] > made)
    sweep.cancel()
    sweep.wait(SECONDS)
    assert sweep.state == "cancelled"
    assert set(sweep.counts) - {"waiting"} == {"succeeded", "cancelled"}
    with Queue(asker.home) as queue:
        assert not any(queue.counts()[state] for state in ("queued", "running"))
    assert verify(asker.home) == []


@pytest.mark.usefixtures("machines")
def test_a_slow_worker_does_not_hold_the_rest(asker: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "Replica", stub_replica.SlowReplica)
    sweep = asker.sweep(CAT, seeds=range(24), steps=[2, 3], executor="ray").wait(SECONDS)
    check(sweep, 48)
    slow, quick = sorted(sweep.workers, key=lambda one: one.name)
    assert slow.cells < quick.cells


def test_a_worker_that_joins_late_gets_work(
    machines: Any,  # noqa: ANN401
    asker: StubEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "Replica", stub_replica.StubReplica)
    sweep = asker.sweep(CAT, seeds=range(1000), steps=50, limit=None, executor="ray")
    until(lambda: len([one for one in sweep.workers if one.cells]) == 2)
    node = add(machines)
    until(lambda: len([one for one in sweep.workers if one.cells]) == 3)
    sweep.cancel()
    sweep.wait(SECONDS)
    machines.remove_node(node)
    until(lambda: any(one.state == "lost" for one in sweep.workers))


@pytest.mark.usefixtures("machines")
@pytest.mark.parametrize(
    ("kind", "what"),
    [(stub_replica.OldReplica, "torch 1.0.0 instead of"), (stub_replica.ForeignReplica, "diffusion_pytorch_model")],
)
def test_a_worker_that_differs_is_refused_before_any_work(
    asker: StubEngine, monkeypatch: pytest.MonkeyPatch, kind: type, what: str
) -> None:
    monkeypatch.setattr(crew, "Replica", kind)
    with pytest.raises(InvalidRequest, match=what):
        asker.sweep(CAT, seeds=2, executor="ray")
    with Queue(asker.home) as queue:
        assert Counter(queue.counts()).total() == 0


@pytest.mark.usefixtures("machines")
def test_a_cell_has_the_pixels_of_the_same_request_made_alone(tmp_path: Path) -> None:
    from zimage_lab.engine import Engine

    engine = Engine(home=tmp_path / "home", device="cpu")
    try:
        sweep = engine.sweep(CAT, seeds=[3, 4], steps=[2], executor=Ray(workers=1)).wait(SECONDS)
        check(sweep, 2)
        for cell in sweep.cells:
            there, here = cell.image, engine.generate(cell.request)
            assert there is not None
            assert there.record.model.weights_sha256 == here.record.model.weights_sha256
            assert np.abs(np.asarray(there.image, int) - np.asarray(here.image, int)).max() <= 1
    finally:
        stop_workers()
        engine.stop()


@pytest.mark.parametrize("executor", ["slurm", 3, "ray://nobody", "host:port", "10.0.0.1:99999", ""])
def test_an_unknown_executor(asker: StubEngine, executor: object) -> None:
    with pytest.raises(InvalidRequest, match=r'executor.*Use "ray"'):
        asker.sweep(CAT, seeds=2, executor=executor)


def test_ray_that_is_not_installed(asker: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidRequest, match=r"pip install 'zimage-lab\[ray\]'"):
        asker.sweep(CAT, seeds=2, executor="ray")


def test_an_address_where_nothing_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InvalidRequest, match="nothing answers"):
        joining._knock(address)


def test_what_differs_is_named() -> None:
    ours = Facts({"torch": "2.13.0+cpu", "diffusers": "0.42.1"}, {"m": {"a": "1" * 64}, "n": {}})
    assert (
        differences(
            ours, Facts({"torch": "2.13.0+cu130", "diffusers": "0.42.1"}, {"m": {"a": "1" * 64}, "n": {"b": "2"}})
        )
        == []
    )
    found = differences(ours, Facts({"torch": "2.12.0"}, {"m": {"a": "3" * 64}}))
    assert found == [
        "torch 2.12.0 instead of 2.13.0+cpu",
        "no diffusers",
        "another m by its a (333333333333 instead of 111111111111)",
        "no n",
    ]
