"""A sweep on several engines of one machine: one for each device, all at the same queue, without Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stub_engine import StubEngine

from zimage_lab import home as homes
from zimage_lab.engine import RemoteEngine
from zimage_lab.errors import InvalidRequest
from zimage_lab.runs import history
from zimage_lab.store import engines as store
from zimage_lab.store.verify import verify
from zimage_lab.sweeps import Engines
from zimage_lab.sweeps.cluster import machine

if TYPE_CHECKING:
    from pathlib import Path


def test_every_device_gets_an_engine_and_all_share_the_queue(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, made = homes.home(own_home), {}
    monkeypatch.setattr(machine, "_known", {})

    def start(place: Path, device: str) -> None:
        """Stand in for an engine process: the real queue, plain pictures."""
        made[device] = StubEngine(place, held=True)
        with store.Engines(place) as known:
            known.register(made[device].id, device=device)

    monkeypatch.setattr(machine.independent, "start", start)
    asked = RemoteEngine(home, model=None, device="cuda:0", pin=None)
    executor = Engines(devices=("cuda:0", "cuda:1", "cuda"))
    sweep = asked.sweep("a red cat on the left", steps=range(1, 41), seed=1, executor=executor)
    assert set(made) == {"cuda:0", "cuda:1"}
    for engine in made.values():
        engine.gate.set()
    sweep.wait(60)
    assert sweep.counts == {"succeeded": 40}
    lines = {one.device: one for one in sweep.workers}
    assert {name: line.cells for name, line in lines.items()} == {
        name: len(engine.drawn) for name, engine in made.items()
    }
    assert sum(line.cells for line in lines.values()) == 40
    again = asked.sweep("a red cat on the left", steps=range(1, 3), seed=2, executor=executor).wait(60)
    assert again.counts == {"succeeded": 2}
    assert len(history(parent_id=sweep.id, state="succeeded", limit=None, home=home)) == 40
    assert verify(home) == []
    for desk in (asked, *machine._known.values(), *made.values()):
        desk.stop()


@pytest.mark.parametrize("devices", [(), ["cpu"], ("a b",), ("cuda:x",)])
def test_devices_that_are_none(devices: object) -> None:
    with pytest.raises(InvalidRequest, match="device"):
        Engines(devices=devices)  # type: ignore[arg-type]


def test_the_gpus_that_may_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "device_name", lambda _: "cuda:0")
    monkeypatch.setattr(machine, "NVIDIA_DEVICES", tmp_path)
    for name in ("0000:01", "0000:02", "0000:03"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv(machine.VISIBLE, raising=False)
    assert machine.gpus() == ["cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setenv(machine.VISIBLE, "4,5")
    assert machine.gpus() == ["cuda:0", "cuda:1"]
    monkeypatch.setenv(machine.VISIBLE, "")
    assert machine.gpus() == []
