"""The watch: it calls when somebody else has written, goes on whatever happens, and costs next to nothing."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from queues import REQUEST

from zimage_lab.store import watch as watching
from zimage_lab.store.queue import Queue
from zimage_lab.store.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

LONG = 3600.0
PATIENCE = 20.0


class Calls:
    """Counts the calls and lets a test wait for the next."""

    def __init__(self) -> None:
        self.number = 0
        self.fails = False
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.number += 1
            self._changed.notify_all()
        if self.fails:
            message = "on purpose"
            raise RuntimeError(message)

    def wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.number >= number, PATIENCE)


def test_it_calls_at_the_start_and_after_each_commit(tmp_path: Path) -> None:
    calls = Calls()
    with Queue(tmp_path) as queue, Watch(tmp_path, calls, every=LONG):
        calls.wait_for(1)
        for number in range(2, 5):
            queue.put(REQUEST)
            calls.wait_for(number)
        queue.counts()
        queue.list()
        time.sleep(4 * watching.LOOK_SECONDS)  # nothing is to happen: there is nothing to wait for
        assert calls.number == 4


def test_it_calls_now_and_then_in_any_case(tmp_path: Path) -> None:
    calls = Calls()
    with Watch(tmp_path, calls, every=0.0):
        calls.wait_for(3)


def test_a_callback_that_raises_is_logged_and_called_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls()
    calls.fails = True
    with Queue(tmp_path) as queue, caplog.at_level(logging.ERROR), Watch(tmp_path, calls, every=LONG):
        calls.wait_for(1)
        queue.put(REQUEST)
        calls.wait_for(2)
    assert "on purpose" in caplog.text


def test_a_file_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "REOPEN_SECONDS", 0.01)
    place = tmp_path / "later"
    calls = Calls()
    with caplog.at_level(logging.WARNING), Watch(place, calls, every=LONG):
        calls.wait_for(3)
        assert caplog.text.count("could not be watched") == 1
        place.mkdir()
        with Queue(place) as queue:
            for _ in range(2):  # the first may be seen by a watch that opens the file only now
                number = calls.number
                queue.put(REQUEST)
                calls.wait_for(number + 1)


def test_close_waits_for_a_running_call_and_nothing_comes_after(tmp_path: Path) -> None:
    calls = Calls()
    watch = Watch(tmp_path, calls, every=0.0)
    calls.wait_for(1)
    watch.close()
    watch.close()
    number = calls.number
    assert not watch._thread.is_alive()
    assert calls.number == number


def test_it_may_be_closed_by_its_own_callback(tmp_path: Path) -> None:
    made: list[Watch] = []
    ready, called = threading.Event(), threading.Event()

    def close() -> None:
        ready.wait(PATIENCE)
        made[0].close()
        called.set()

    made.append(Watch(tmp_path, close, every=0.0))
    ready.set()
    assert called.wait(PATIENCE)
    made[0].close()
    assert not made[0]._thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the clock of one thread")
def test_it_costs_next_to_nothing_while_nothing_happens(tmp_path: Path) -> None:
    calls = Calls()
    with Watch(tmp_path, calls, every=LONG) as watch:
        calls.wait_for(1)
        assert watch._thread.ident is not None
        clock = time.pthread_getcpuclockid(watch._thread.ident)
        cpu = time.clock_gettime(clock)
        time.sleep(1)
        assert time.clock_gettime(clock) - cpu < 0.03
