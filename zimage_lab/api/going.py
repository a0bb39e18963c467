"""The sweeps that this server is making: held until they end, so that a client can pause and cancel them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.sweeps import Sweep


class Going:
    """Sweeps that are made here, and whose they are."""

    def __init__(self) -> None:
        self._sweeps: dict[str, tuple[str, Sweep]] = {}
        self._lock = threading.Lock()

    def keep(self, owner: str, sweep: Sweep) -> None:
        """Hold a sweep until it ends."""
        with self._lock:
            self._sweeps = {name: (whose, one) for name, (whose, one) in self._sweeps.items() if not one.done}
            self._sweeps[sweep.id] = (owner, sweep)

    def find(self, sweep_id: str) -> Sweep | None:
        """Give a sweep that is made here."""
        with self._lock:
            found = self._sweeps.get(sweep_id)
        return None if found is None else found[1]

    def going(self, owner: str) -> int:
        """Count an owner's sweeps that have not ended."""
        with self._lock:
            return sum(whose == owner and not sweep.done for whose, sweep in self._sweeps.values())
