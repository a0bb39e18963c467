"""A sweep on many GPUs: Ray carries its cells to an engine on each, and everything that comes back is kept here.

To its sweep a cluster is one more engine (`engine.py`): jobs wait in the home's queue, pinned to it, and it leases them
like any other. `conductor.py` hands them on, a few ahead for each worker, so that work is pulled, not dealt out.
`crew.py` knows which workers there are, `replica.py` is what runs on each, and `joining.py` is the only file that
imports ray.
"""

from __future__ import annotations

from zimage_lab.sweeps.cluster.hand import WorkerLine
from zimage_lab.sweeps.cluster.options import Engines, Ray

__all__ = ["Engines", "Ray", "WorkerLine"]
