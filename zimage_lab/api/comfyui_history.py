"""What was done, for ComfyUI's clients: /history, and the newer /api/jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.api import history
from zimage_lab.api.comfyui_prompt import Dialect
from zimage_lab.api.problems import Problem
from zimage_lab.errors import InvalidRequest, suggestion

if TYPE_CHECKING:
    from zimage_lab.store.prompts import PromptRow

MOST = 1000
STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")


class HistoryHandler(Dialect):
    """The prompts that have ended."""

    async def get(self) -> None:
        """List them, the oldest of the newest first."""
        limit = self.number("max_items", 200, -1, 10**9)
        skip = self.number("offset", -1, -1, 10**9)
        self.answer(await self.service.off(self._listed, MOST if limit < 0 else min(limit, MOST), max(0, skip)))

    def _listed(self, limit: int, skip: int) -> dict[str, Any]:
        found = self.service.prompts.ended_prompts(self.whose, limit, skip)
        return {one.id: history.entry(one, self.service) for one in reversed(found)}

    async def post(self) -> None:
        """Take prompts out of the list; their records stay."""
        asked = self.json_body()
        wanted = asked.get("delete")
        if asked.get("clear"):
            await self.service.off(self.service.prompts.hide, self.identity.owner)
        elif isinstance(wanted, list):
            await self.service.off(self.service.prompts.hide, self.whose, [str(one) for one in wanted])
        self.finish()


class EntryHandler(Dialect):
    """One prompt of the history."""

    async def get(self, prompt_id: str) -> None:
        """Tell of it; nothing of one that is unknown or goes on."""
        prompt = self.service.reading.prompt(prompt_id)
        if prompt is None or not self.identity.owns(prompt.owner) or not prompt.done:
            self.answer({})
            return
        self.answer({prompt.id: await self.service.off(history.entry, prompt, self.service)})


class JobsHandler(Dialect):
    """All prompts, whatever became of them."""

    async def get(self) -> None:
        """List them."""
        wanted = [one for one in self.get_query_argument("status", "").split(",") if one]
        for one in wanted:
            if one not in STATUSES:
                field = "status"
                raise InvalidRequest(field, one, "is no status", suggestion(one, STATUSES))
        limit, skip = self.number("limit", 100, 1, MOST), self.number("offset", 0, 0, 10**9)
        self.answer(await self.service.off(self._listed, set(wanted), limit, skip))

    def _listed(self, wanted: set[str], limit: int, skip: int) -> dict[str, Any]:
        found: list[PromptRow] = [
            *reversed(self.service.prompts.open_prompts(self.whose)),
            *self.service.prompts.ended_prompts(self.whose, MOST),
        ]
        found = [one for one in found if not wanted or one.state in wanted]
        if self.get_query_argument("sort_order", "desc") == "asc":
            found.reverse()
        page = found[skip : skip + limit]
        pages = {"offset": skip, "limit": limit, "total": len(found), "has_more": skip + limit < len(found)}
        return {"jobs": [history.job(one, self.service) for one in page], "pagination": pages}


class JobHandler(Dialect):
    """One prompt, whatever became of it."""

    async def get(self, prompt_id: str) -> None:
        """Tell of it."""
        prompt = self._found(prompt_id)
        told = await self.service.off(history.job, prompt, self.service)
        if prompt.done:
            told["outputs"] = (await self.service.off(history.entry, prompt, self.service))["outputs"]
        self.answer(told)

    def _found(self, prompt_id: str) -> PromptRow:
        prompt = self.service.reading.prompt(prompt_id)
        if prompt is None or not self.identity.owns(prompt.owner):
            raise Problem(404, "not_found", "There is no such job.")
        return prompt


class CancelHandler(JobHandler):
    """One prompt is cancelled."""

    get = Dialect.get  # type: ignore[assignment]

    async def post(self, prompt_id: str) -> None:
        """Cancel it, whether it waits or runs."""
        prompt = self._found(prompt_id)
        for job in prompt.jobs:
            await self.service.off(self.service.prompts.cancel, job.id)
        self.answer({"cancelled": not prompt.done})
