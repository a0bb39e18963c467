"""Processes of the tests that start in milliseconds: forked from one that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
from functools import lru_cache
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext


@lru_cache(maxsize=1)
def context() -> ForkServerContext:
    """Give the context that makes such processes; what they run must be importable from this folder."""
    made = multiprocessing.get_context("forkserver")
    before = os.environ.get("PYTHONPATH")
    # The only way to tell it where its modules are.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    try:
        made.set_forkserver_preload(["victims", "queue_worker"])
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return made
