"""Server and engine are killed under load: what was acknowledged is drawn, once; the rest may be asked for again."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import websocket
from http_load import submitters
from http_process import Engine, Server
from http_server import Lab

from zimage_lab.store.lookup import Lookup
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LONG = "ZIMAGE_LAB_LONG_TESTS" in os.environ
CLIENTS, JOBS = (100, 20) if LONG else (12, 6)


def test_server_and_engine_are_killed_and_started_again(tmp_path: Path) -> None:
    home = tmp_path / "lab" / "home"
    server, engine = Server(home), Engine(home)
    told: dict[str, Any] = {}
    load = threading.Thread(
        target=lambda: told.update(asyncio.run(submitters(server.address, CLIENTS, JOBS))), daemon=True
    )
    try:
        load.start()
        for victim in (server, engine):
            time.sleep(0.6)
            victim.kill()
            time.sleep(0.2)
            victim.start()
        load.join(150)
        assert not load.is_alive()
        end = time.monotonic() + 100
        while server.ask("/prompt")["exec_info"]["queue_remaining"]:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        engine.kill()
        server.kill()
    wanted = CLIENTS * JOBS
    assert told["others"] == []
    assert len(told["ids"]) == len(set(told["ids"])) == wanted
    with Lookup(home) as jobs, Records(home) as records:
        assert jobs.counts()["succeeded"] == wanted
        assert sum(jobs.counts().values()) == wanted
        made = [record for record in records.list(limit=2 * wanted) if record.state == "succeeded"]
    assert sorted(record.job_id for record in made) == sorted(told["ids"])


def test_a_crowd_is_told_when_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_QUEUE_JOBS", "10")
    lab = Lab(tmp_path / "home", auth=False)
    lab.engine.pictures = False
    try:
        told = asyncio.run(submitters(lab.address, 10, 4))
        assert told["others"] == []
        assert told["without"] == 0
        assert len(set(told["ids"])) == 40
    finally:
        lab.close()


def test_a_reader_that_stops_reading_holds_nobody(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "home", auth=False)
    lab.engine.pictures = False
    try:
        silent = websocket.create_connection(f"ws://127.0.0.1:{lab.port}/ws?clientId=silent", timeout=20)
        hub = lab.server.application.settings["zimage_lab_site"].hub
        for _ in range(100):
            if hub._clients:
                break
            time.sleep(0.02)
        (client,) = hub._clients
        big = {"type": "executed", "data": {"x": "y" * 100_000}}
        for _ in range(3000):
            lab._loop.call_soon_threadsafe(client.tell, big)
        job = lab.asked("POST", "/zimage/v1/jobs", json={"prompt": "a red cat on the left, white background"}).json()
        began = time.monotonic()
        while lab.asked("GET", f"/zimage/v1/jobs/{job['id']}").json()["state"] != "succeeded":
            assert time.monotonic() - began < 10
            time.sleep(0.02)
        assert len(client._box) <= 2000
        assert lab.asked("GET", "/queue").status_code == 200
        silent.close()
    finally:
        lab.close()
