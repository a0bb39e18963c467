"""Kernels killed in the middle of a sweep: each cell is made, none twice, and every picture is known."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from forked import context
from sweep_victim import NAME, sweeper

from zimage_lab.runs import history
from zimage_lab.store.queue import Queue
from zimage_lab.store.verify import verify
from zimage_lab.sweeps import Sweep

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
CELLS = 360


@pytest.mark.timeout(120 + ROUNDS * 10)
def test_a_sweep_whose_kernel_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(ROUNDS):
        victim = context().Process(target=sweeper, args=(home,), daemon=True)
        victim.start()
        made = len(list(home.glob("images/*/*.png")))
        end = time.monotonic() + 60
        while victim.is_alive() and time.monotonic() < end and len(list(home.glob("images/*/*.png"))) < made + 5:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.3))
        victim.kill()
        victim.join()
        victim.close()
    before = Sweep.load(NAME, home=home)
    done = {cell.index: cell.record_id for cell in before.cells if cell.state == "succeeded"}
    assert 0 < len(done) < CELLS, "it was killed in the middle"
    last = context().Process(target=sweeper, args=(home,), daemon=True)
    last.start()
    last.join(120)
    assert last.exitcode == 0
    after = Sweep.load(NAME, home=home)
    assert after.state == "done"
    assert after.counts == {"succeeded": CELLS}
    assert done.items() <= {cell.index: cell.record_id for cell in after.cells}.items(), "what was made stays"
    runs = history(parent_id=after.id, state="succeeded", limit=None, home=home)
    assert len(runs) == CELLS, "none was made twice"
    assert {path.stem for path in home.glob("images/*/*.png")} == set(runs.record_id)
    with Queue(home) as queue:
        jobs = queue.list(limit=10**6)
    assert Counter(job.state for job in jobs) == {"succeeded": CELLS}
    assert len({job.key for job in jobs}) == CELLS
    assert verify(home) == []
