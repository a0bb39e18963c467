"""Stored events: what a listener that comes late, or comes back, can still learn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from queues import REQUEST, leased, succeed

from zimage_lab.store import events as stored
from zimage_lab.store.events import StoredEvents, append_in
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def events(tmp_path: Path) -> Iterator[StoredEvents]:
    with StoredEvents(tmp_path) as made:
        yield made


def test_the_life_of_a_job(events: StoredEvents, tmp_path: Path) -> None:
    assert (events.newest(), events.since(0)) == (0, [])
    began = time.time()
    with Queue(tmp_path) as queue:
        put = queue.put(REQUEST)
        lease = leased(queue)
        back = queue.release(lease, paused=False)
        again = leased(queue)
        ended = succeed(queue, again)
    found = events.since(0)
    assert [event.data["state"] for event in found] == ["queued", "running", "queued", "running", "succeeded"]
    cursors = [put.cursor, lease.job.cursor, back.cursor, again.job.cursor, ended.cursor]
    assert [event.cursor for event in found] == cursors == sorted(cursors)
    assert {(event.job, event.kind) for event in found} == {(put.id, "state")}
    assert all(began - 1 < event.t < time.time() + 1 for event in found)
    assert found[-1].data["record_id"] == again.record_id
    assert events.newest() == ended.cursor


def test_a_listener_goes_on_where_it_was(events: StoredEvents, tmp_path: Path) -> None:
    with Queue(tmp_path) as queue:
        rows = queue.put_many((REQUEST, {}) for _ in range(25))
        seen, cursor = [], 0
        while page := events.since(cursor, limit=10):
            seen += [event.job for event in page]
            cursor = page[-1].cursor
        assert seen == [row.id for row in rows]
        assert events.since(events.newest()) == []
        late = queue.put(REQUEST)
    assert [event.job for event in events.since(cursor)] == [late.id]
    assert events.since(0, limit=-1) == []


def test_old_events_are_pruned_and_cursors_never_come_again(
    events: StoredEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "KEPT", 20)
    monkeypatch.setattr(stored, "PRUNE_EVERY", 10)
    with events._database.write() as connection:
        cursors = [append_in(connection, "job", "state", {"state": "红"}) for _ in range(45)]
    assert cursors == list(range(1, 46))
    assert [event.cursor for event in events.since(0)] == list(range(21, 46))
    with events._database.write() as connection:
        connection.execute("DELETE FROM events")
        assert append_in(connection, "", "queue", {}) == 46
