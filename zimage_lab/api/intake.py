"""The way into the queue for many clients at once: their wishes are gathered while a commit is under way.

Each waits for the commit that holds its own, so nothing is acknowledged early; the disk is waited for once for all that
came meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import QueueFull, ZImageError

if TYPE_CHECKING:
    from zimage_lab.store.prompts import Prompts, Taken, Wish

AT_ONCE = 100  # wishes of one commit: readers see a part of them soon
MOST = 1000  # wishes that wait for a commit; the disk is not keeping up with more
RETRY_SECONDS = 1.0


class _Waiting(NamedTuple):
    wish: Wish
    answer: asyncio.Future[Taken]
    loop: asyncio.AbstractEventLoop


class Intake:
    """Takes wishes from any number of coroutines and commits them on a thread of its own.

    Parameters
    ----------
    prompts
        The store; used by this thread.
    """

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._line: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="zimage-lab-intake", daemon=True)
        self._thread.start()

    async def put(self, wish: Wish) -> Taken:
        """Take a wish in; when this returns, it is on the disk.

        Raises
        ------
        QueueFull
            Too many wait, or more than the disk can write.
        ZImageError
            It was refused.
        """
        if self._line.qsize() >= MOST:
            message = f"More comes in than can be written. Try again in {RETRY_SECONDS:.0f} second."
            raise QueueFull(message, RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Taken] = loop.create_future()
        self._line.put(_Waiting(wish, answer, loop))
        return await answer

    def close(self) -> None:
        """End the thread after what waits."""
        self._line.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._line.get()) is not None:
            gathered, ended = [first], False
            while len(gathered) < AT_ONCE and not self._line.empty() and not ended:
                one = self._line.get()
                ended = one is None
                if one is not None:
                    gathered.append(one)
            self._commit(gathered)
            if ended:
                return

    def _commit(self, gathered: list[_Waiting]) -> None:
        answers: list[Taken | BaseException]
        try:
            answers = [*self._prompts.take([one.wish for one in gathered])]
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            answers = [error] * len(gathered)
        for one, answer in zip(gathered, answers, strict=True):
            try:
                one.loop.call_soon_threadsafe(_tell, one.answer, answer)
            except RuntimeError:  # the loop has ended; the wish is on the disk all the same
                continue


def _tell(waiting: asyncio.Future[Taken], answer: Taken | BaseException) -> None:
    if waiting.done():  # its client has gone
        return
    if isinstance(answer, BaseException):
        # Several may share one error: each gets a traceback of its own.
        waiting.set_exception(answer if isinstance(answer, ZImageError) else RuntimeError(str(answer)))
    else:
        waiting.set_result(answer)
