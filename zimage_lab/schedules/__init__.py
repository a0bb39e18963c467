"""Commands at set times: a table of schedules, and a small process that keeps to it.

    zimage-lab schedule add "0 8 * * *" batch prompts.csv --output-dir "out/{date}"
    zimage-lab scheduler

The table is ours, so that nothing is pickled; APScheduler keeps the clock, in memory, and is filled from the table.
"""

from __future__ import annotations

from zimage_lab.schedules.cron import Cron
from zimage_lab.schedules.scheduler import Scheduler
from zimage_lab.schedules.table import Run, Schedule, Schedules

__all__ = ["Cron", "Run", "Schedule", "Scheduler", "Schedules"]
