"""Engines and submitters killed at random moments, and an oracle: before or after, nothing between.

``KILL_ROUNDS`` sets how many die; a few suffice for every day.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from forked import context
from PIL import Image
from victims import drain, engine, request_of, submitter

from zimage_lab.store.images import pixels_sha256, read_recipe
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.verify import verify

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

ROUNDS = int(os.environ.get("KILL_ROUNDS", "12"))
ROUND_SECONDS = 0.15


class Studio:
    """Two engines and a submitter of one home, any of which may be dead."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.acknowledged: dict[int, str] = {}
        self._living: dict[str, ForkServerProcess] = {}
        self._heard, _ = context().Pipe(duplex=False)
        self._started = 0

    def start(self) -> None:
        """Start whoever is dead."""
        for name in {"engine 1", "engine 2", "submitter"} - set(self._living):
            self._started += 1
            if name == "submitter":
                # It sends its last click again: nobody who was killed knows whether the answer was on its way.
                self._heard, says = context().Pipe(duplex=False)
                first = max(self.acknowledged, default=0)
                process = context().Process(target=submitter, args=(self.home, first, says), daemon=True)
            else:
                process = context().Process(target=engine, args=(self.home, f"{name}.{self._started}"), daemon=True)
                says = None
            process.start()
            if says is not None:
                says.close()
            self._living[name] = process

    def kill(self, *names: str) -> None:
        """Kill -9."""
        for name in names:
            process = self._living.pop(name)
            assert process.is_alive(), f"{name} ended by itself with {process.exitcode}"
            process.kill()
            process.join()
            process.close()
        self.listen()

    def listen(self) -> None:
        """Take in what the submitter was told; a word that was cut by its death was not told."""
        with contextlib.suppress(EOFError, OSError):
            while self._heard.poll():
                number, job_id = self._heard.recv()
                assert self.acknowledged.setdefault(number, job_id) == job_id, "one click became two jobs"

    def kill_all(self) -> None:
        """Kill whoever lives."""
        self.kill(*self._living)


def check_in_the_middle(studio: Studio, looked_at: set[str]) -> None:
    """Look at what is done while others go on: whatever says done is there, whole."""
    with Queue(studio.home) as queue, Records(studio.home) as records:
        for job in queue.list(["succeeded"], limit=10**6):
            if job.id in looked_at:
                continue
            looked_at.add(job.id)
            assert job.record_id is not None
            image = records.get(job.record_id).image
            assert image is not None
            path = studio.home / image.path
            inside = read_recipe(path)
            assert (inside.id, inside.job_id, inside.request) == (job.record_id, job.id, job.request)
            with Image.open(path) as file:
                assert pixels_sha256(file) == image.pixels_sha256


def check_at_the_end(studio: Studio) -> dict[str, int]:
    """Look at everything that is left when all are dead, and let an engine that lives finish the rest."""
    home = studio.home
    with Queue(home) as queue, Records(home) as records:
        queue.recover()
        assert queue.list(["running"]) == []
        drain(queue)
        jobs = {job.id: job for job in queue.list(limit=10**6)}
        # No acknowledged job was lost, none was made of nothing, and one click is one job.
        for number, job_id in studio.acknowledged.items():
            assert jobs[job_id].key == f"click {number}"
            assert jobs[job_id].request == request_of(number)
        assert len(jobs) <= len(studio.acknowledged) + 1, "the last click's answer alone may be under way"
        pictures = {path.stem: path for path in home.glob("images/*/*.png")}
        for job in jobs.values():
            assert job.state in {"succeeded", "quarantined"}
            attempts, made = queue.attempts(job.id), records.by_job(job.id)
            # Every attempt has its record, and at most the last one drew.
            assert [(one.number, one.outcome, one.record_id) for one in attempts] == [
                (one.attempt, one.state, one.id) for one in made
            ]
            assert {one.state for one in made[:-1]} <= {"interrupted"}
            assert (made[-1].state == "succeeded") == (job.state == "succeeded")
            drawn = [one.id for one in made if pictures.pop(one.id, None) is not None]
            assert drawn == ([job.record_id] if job.state == "succeeded" else [])
        assert pictures == {}, "a picture that nobody knows"
        assert verify(home) == []
        assert list(home.rglob("*.part")) == []
        with queue._database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            totals = connection.execute("SELECT state, jobs, bytes FROM totals WHERE jobs > 0").fetchall()
            counted = connection.execute("SELECT state, count(*), sum(bytes) FROM jobs GROUP BY state").fetchall()
            assert sorted(map(tuple, totals)) == sorted(map(tuple, counted))
        return queue.counts()


@pytest.mark.timeout(60 + ROUNDS * 5)
def test_engines_and_submitters_that_are_killed(tmp_path: Path) -> None:
    studio, looked_at = Studio(tmp_path), set[str]()
    try:
        for _ in range(ROUNDS):
            studio.start()
            time.sleep(random.uniform(0, ROUND_SECONDS))
            names = ["engine 1", "engine 2", "submitter"]
            studio.kill(*random.sample(names, random.choice([1, 1, 2, 3])))
            check_in_the_middle(studio, looked_at)
    finally:
        studio.kill_all()
    check_in_the_middle(studio, looked_at)
    counts = check_at_the_end(studio)
    assert counts["succeeded"] > 0
