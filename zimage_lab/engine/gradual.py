"""What is made part after part in the background, as a batch or a sweep is, and the ways to wait for it.

Wait in a cell that can be interrupted, await and leave the kernel free, or go through the parts as they end.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from zimage_lab.engine.waiting import block, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
    from typing import Self

Part = TypeVar("Part")

CANCEL_SECONDS = 30.0
"""How long an interrupted wait stays for what runs to stop at its next step."""


class Work(Protocol):
    """The thread that makes the parts."""

    done: threading.Event
    trouble: Exception | None

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once at the end, or now if it is over."""


class Standing(ABC):
    """How the parts stand.

    Attributes
    ----------
    changed
        Guards all of it, and is notified at each change.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._bells: list[Callable[[], None]] = []

    @property
    @abstractmethod
    def ended(self) -> Sequence[Any]:
        """The parts that ended, in the order of their ends; one that ended twice stands there twice."""

    def ring(self) -> None:
        """Wake whoever waits."""
        with self.changed:
            self.changed.notify_all()
            bells, self._bells = self._bells, []
        for bell in bells:
            bell()

    def on_change(self, bell: Callable[[], None]) -> None:
        """Call `bell` once, at the next change."""
        with self.changed:
            self._bells.append(bell)


class Change:
    """The next change, to be awaited; a task that is cancelled meanwhile calls `cancel`."""

    def __init__(self, standing: Standing, cancel: Callable[[], object]) -> None:
        self._standing, self._cancel = standing, cancel
        self._callbacks: list[Callable[[], None]] = []
        self._rung = False
        standing.on_change(self._ring)

    def __await__(self) -> Generator[Any, None, None]:
        yield from until(self._add, self._cancel)

    def _add(self, callback: Callable[[], None]) -> None:
        with self._standing.changed:
            if not self._rung:
                self._callbacks.append(callback)
                return
        callback()

    def _ring(self) -> None:
        with self._standing.changed:
            self._rung, callbacks = True, self._callbacks
        for callback in callbacks:
            callback()


class Gradual(ABC, Generic[Part]):
    """Something whose parts end one after the other."""

    KIND: ClassVar[str]
    """As a sentence calls it."""

    _work: Work | None

    @abstractmethod
    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays. Harmless at the end."""

    @property
    @abstractmethod
    def _standing(self) -> Standing:
        """How its parts stand."""

    @abstractmethod
    def _ended_since(self, position: int) -> list[Part]:
        """Give the parts that ended from a place in the order of ends on."""

    @property
    def done(self) -> bool:
        """Whether nothing more will happen here."""
        return self._work is None or self._work.done.is_set()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; an interrupt of the kernel cancels.

        Parameters
        ----------
        timeout
            Longest wait in seconds; None waits for as long as it takes.

        Raises
        ------
        TimeoutError
            It is not done yet; it goes on.
        ZImageError
            It could not go on: the engine was stopped, the disk is full, a model cannot be loaded.
        """
        if self._work is not None:
            late = f"The {self.KIND} is not done after {{timeout:g}} s; it goes on."
            block(self._work.done, timeout, cancel=self.cancel, late=late, patience=CANCEL_SECONDS)
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Self]:
        yield from until(self.add_done_callback, self.cancel)
        return self._outcome()

    def __iter__(self) -> Iterator[Part]:
        """Give each part when it has ended; those that were made before come first."""
        position = 0
        while True:
            over = self.done  # asked first: what ended before is then in the list
            ended = self._ended_since(position)
            position += len(ended)
            yield from ended
            if over and not ended:
                break
            try:
                with self._standing.changed:
                    if not self.done and position >= len(self._standing.ended):
                        self._standing.changed.wait(0.1)
            except KeyboardInterrupt:
                self.cancel()
                raise
        self._outcome()

    async def __aiter__(self) -> AsyncIterator[Part]:
        """Give each part when it has ended, and leave the kernel free meanwhile."""
        position = 0
        while True:
            change = Change(self._standing, self.cancel)  # listens before it looks: nothing comes between
            over = self.done
            ended = self._ended_since(position)
            position += len(ended)
            for one in ended:
                yield one
            if over and not ended:
                break
            if not ended:
                await change
        self._outcome()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when it is done, or now if it is."""
        if self._work is None:
            callback()
        else:
            self._work.add_done_callback(callback)

    def _outcome(self) -> Self:
        if self._work is not None and self._work.trouble is not None:
            raise self._work.trouble
        return self
