"""A Ray cluster for the tests: machines of one CPU each, which may come late; nothing of it is left behind."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE_BYTES = 100 * 2**20


@contextmanager
def cluster() -> Iterator[Any]:
    """Give a `ray.cluster_utils.Cluster` that this process is connected to; its workers can import this folder."""
    from zimage_lab.sweeps.cluster.joining import module

    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([kept] if kept else [])])
    ray = module()
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        add(made, include_dashboard=False)
        ray.init(address=made.address, log_to_driver=False, configure_logging=False)
        yield made
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray leaves pipes and processes for the collector
            ray.shutdown()
            made.shutdown()
        if kept is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = kept


def add(made: Any, **options: Any) -> Any:  # noqa: ANN401 - Ray's own
    """Let a machine of one CPU join."""
    return made.add_node(num_cpus=1, object_store_memory=STORE_BYTES, **options)
