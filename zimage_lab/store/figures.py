"""What a home does, in Prometheus' text: the same figures that its faces show, without a prompt, a user or a path."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from zimage_lab.store import leases, quota
from zimage_lab.store.database import Database
from zimage_lab.store.engines import Engines
from zimage_lab.store.jobs import STATES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Metric

PREFIX = "zimage_lab"
OWN_FOLDER = "folder"
"""What a model is called that has no name but its folder's path."""

_NAME = re.compile(r"[^/\\~.][^/\\]*(/[^/\\~.][^/\\]*)?")  # an id, or a hub's owner/name


def text(home: Path) -> str:
    """Give the figures of a home folder in the text format that Prometheus reads.

    Parameters
    ----------
    home
        The home folder.

    Raises
    ------
    StoreError
        When its database cannot be used.
    """
    registry = CollectorRegistry()  # the library's own one holds this process's figures, which are nobody's here
    registry.register(Figures(home))
    return generate_latest(registry).decode()


class Figures(Collector):
    """Asks a home folder for its figures each time they are collected; for any registry of prometheus_client.

    Parameters
    ----------
    home
        The home folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def describe(self) -> list[Metric]:
        """Say nothing ahead, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the figures as they are now."""
        quota.measure(self._home)
        with closing(Database(self._home)) as database, database.read() as connection:
            found = [*_jobs(connection), *_attempts(connection), *_pictures(connection), _seconds(connection)]
        yield from found
        with Engines(self._home) as engines:
            devices = [engine.device for engine in engines.living()]
        living = _gauge("engines", "Engines that live, by device", "device")
        for device in sorted(set(devices)):
            living.add_metric([device], devices.count(device))
        yield living


def _jobs(connection: sqlite3.Connection) -> Iterator[Metric]:
    rows = connection.execute("SELECT state, jobs, bytes FROM totals").fetchall()
    counts = dict.fromkeys(STATES, 0) | {row["state"]: row["jobs"] for row in rows}
    by_state = _gauge("jobs", "Jobs, by state", "state")
    for state, count in counts.items():
        by_state.add_metric([state], count)
    yield by_state
    yield _gauge("queue_jobs", "Jobs that wait", value=counts["queued"])
    waiting = next((row["bytes"] for row in rows if row["state"] == "queued"), 0)
    yield _gauge("queue_bytes", "Bytes of the requests that wait", value=waiting)
    yield _gauge("queue_paused", "1 while the whole queue is paused", value=int(leases.is_paused(connection)))


def _attempts(connection: sqlite3.Connection) -> Iterator[Metric]:
    count = "SELECT count(*) FROM attempts WHERE outcome = "
    (running,) = connection.execute(f"{count}'running'").fetchone()
    (interrupted,) = connection.execute(f"{count}'interrupted'").fetchone()
    yield _gauge("running", "Jobs that engines run now", value=running)
    name = f"{PREFIX}_attempts_interrupted"
    yield CounterMetricFamily(name, "Attempts whose engine died or was stopped", value=interrupted)


def _pictures(connection: sqlite3.Connection) -> Iterator[Metric]:
    count, taken = quota.totals(connection)
    yield _gauge("pictures", "Pictures of runs that are kept", value=count)
    yield _gauge("pictures_bytes", "Bytes that these pictures take", value=taken)


def _seconds(connection: sqlite3.Connection) -> Metric:
    spent: dict[str, tuple[int, float]] = {}
    for row in connection.execute(
        "SELECT model, count(*) AS runs, sum(seconds) AS seconds FROM runs"
        " WHERE state = 'succeeded' AND seconds IS NOT NULL GROUP BY model ORDER BY model"
    ):
        name = row["model"] if _NAME.fullmatch(row["model"]) else OWN_FOLDER
        runs, seconds = spent.get(name, (0, 0.0))
        spent[name] = (runs + row["runs"], seconds + row["seconds"])
    documentation = "Seconds that runs took to draw a picture, reading the weights left out, by model"
    summary = SummaryMetricFamily(f"{PREFIX}_run_seconds", documentation, labels=["model"])
    for name, (runs, seconds) in spent.items():
        summary.add_metric([name], runs, seconds)
    return summary


def _gauge(name: str, documentation: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", documentation, value=value, labels=labels or None)
