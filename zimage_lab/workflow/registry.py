"""The closed list of nodes: those of this package, and those that a person installed or wrote in this process."""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from zimage_lab.workflow.node import Node, of_function

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "zimage_lab.nodes"
LOG = logging.getLogger(__name__)

_added: dict[str, Node] = {}


def nodes() -> Mapping[str, Node]:
    """Give all nodes by their class; this package's own cannot be replaced."""
    return {**_added, **_installed(), **_own()}


def add(one: Node) -> None:
    """Have this process know a node."""
    if one.name in _own():
        message = f"{one.name} is a node already; choose another name."
        raise TypeError(message)
    _added[one.name] = one


@lru_cache(maxsize=1)
def _own() -> dict[str, Node]:
    from zimage_lab.workflow.nodes import conditioning, latents, loading, pictures, sampling

    every = (*loading.NODES, *conditioning.NODES, *latents.NODES, *sampling.NODES, *pictures.NODES)
    return {one.name: one for one in every}


@lru_cache(maxsize=1)
def _installed() -> dict[str, Node]:
    found: dict[str, Node] = {}
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
            one = loaded if isinstance(loaded, Node) else of_function(loaded, name=point.name, category="installed")
        except Exception:  # somebody else's package must not take ours down
            LOG.warning("The node %s of %s cannot be used.", point.name, point.value, exc_info=True)
            continue
        if one.name not in _own():
            found[one.name] = one
    return found
