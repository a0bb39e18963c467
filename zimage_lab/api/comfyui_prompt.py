"""ComfyUI's way into the queue and its hand on it: /prompt, /queue, /interrupt, /free."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from zimage_lab.api import graphs, history
from zimage_lab.api.base import Handler
from zimage_lab.api.keys import key_of
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.prompts import Piece, Wish

if TYPE_CHECKING:
    from zimage_lab.api.problems import Problem

MOST = 2.0**52  # of a number, either side of 0: exact in JSON
CLIENT_CHARACTERS = 200


class Dialect(Handler):
    """A handler whose errors are ComfyUI's."""

    def error_body(self, problem: Problem) -> dict[str, Any]:
        """Give an error with ComfyUI's four keys."""
        if isinstance(problem, graphs.Refused):
            return {"error": problem.error, "node_errors": problem.node_errors}
        told = {"type": problem.kind, "message": problem.message, "details": "", "extra_info": problem.more}
        return {"error": told, "node_errors": {}}

    @property
    def whose(self) -> str | None:
        """Whose prompts are meant: None, everybody's, for whoever sees everything."""
        return None if self.identity.everything else self.identity.owner


class PromptHandler(Dialect):
    """A graph is sent, and how much there is to do."""

    async def get(self) -> None:
        """Tell how much there is to do."""
        self.answer({"exec_info": {"queue_remaining": self.service.reading.remaining(self.whose)}})

    async def post(self) -> None:
        """Take a graph in."""
        asked = self.json_body()
        if "prompt" not in asked:
            raise graphs.refusal("no_prompt", "No prompt provided", "No prompt provided")
        prompt_id, number = _identity(asked.get("prompt_id")), _number(asked.get("number"))
        extra = asked.get("extra_data")
        client_id = asked.get("client_id")
        plan = await self.service.off(graphs.planned, asked["prompt"], self.identity, self.service)
        wish = Wish(
            owner=self.identity.owner,
            pieces=(Piece(plan.request, {"source": "http", "key": key_of(self)}),),
            waiting=self.service.waiting_limit(self.identity),
            prompt_id=prompt_id,
            client_id=str(client_id)[:CLIENT_CHARACTERS] if client_id is not None else None,
            number=number,
            front=bool(asked.get("front")),
            told={
                "graph": asked["prompt"],
                "extra_data": extra if isinstance(extra, dict) else {},
                "outputs": plan.outputs,
            },
        )
        taken = await self.service.intake.put(wish)
        told = int(taken.number) if taken.number.is_integer() else taken.number
        self.answer({"prompt_id": taken.prompt_id, "number": told, "node_errors": plan.node_errors})


class QueueHandler(Dialect):
    """What waits and runs."""

    async def get(self) -> None:
        """List it."""
        found = await self.service.off(self.service.prompts.open_prompts, self.whose)
        running = [history.line(one) for one in found if one.state == "in_progress"]
        pending = [history.line(one) for one in found if one.state == "pending"]
        self.answer({"queue_running": running, "queue_pending": pending})

    async def post(self) -> None:
        """Cancel what waits: all of it, or what is named."""
        asked = self.json_body()
        wanted = asked.get("delete")
        names = {str(one) for one in wanted} if isinstance(wanted, list) else set()
        await self.service.off(self._cancel, names, everything=bool(asked.get("clear")))
        self.finish()

    def _cancel(self, names: set[str], *, everything: bool) -> None:
        for prompt in self.service.prompts.open_prompts(self.identity.owner if everything else self.whose):
            if prompt.state == "pending" and (everything or prompt.id in names):
                for job in prompt.jobs:
                    self.service.prompts.cancel(job.id)


class InterruptHandler(Dialect):
    """What runs is stopped."""

    async def post(self) -> None:
        """Stop the running prompt, or the named one where it runs."""
        asked = self.json_body() if self.body().strip() else {}
        await self.service.off(self._stop, asked.get("prompt_id"))
        self.finish()

    def _stop(self, name: object) -> None:
        for prompt in self.service.prompts.open_prompts(self.whose):
            if prompt.state == "in_progress" and name in (None, prompt.id):
                for job in prompt.jobs:
                    self.service.prompts.cancel(job.id)


class FreeHandler(Dialect):
    """Memory is given back."""

    scopes: ClassVar[dict[str, str]] = {"POST": "admin"}

    async def post(self) -> None:
        """Ask the engines to let their models go, behind the running job."""
        asked = self.json_body() if self.body().strip() else {}
        if asked.get("unload_models") or asked.get("free_memory"):
            await self.service.off(self._free)
        self.finish()

    def _free(self) -> None:
        from zimage_lab.store.engines import Engines

        with Engines(self.service.home) as engines:
            for row in engines.living():
                engines.ask(row.id, "unload")


def _identity(given: object) -> str:
    """Give a prompt's id, a new one where none is given."""
    if given is None:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(str(given)[:60]))
    except ValueError:
        raise graphs.refusal("invalid_prompt_id", "prompt_id must be a valid UUID", str(given)[:60]) from None


def _number(given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not -MOST <= given <= MOST:
        field = "number"
        raise InvalidRequest(field, given, "is no number of a prompt", "Use a plain number, or none.")
    return float(given)
