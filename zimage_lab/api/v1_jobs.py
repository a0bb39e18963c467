"""/zimage/v1/jobs and /zimage/v1/queue: pictures are asked for, watched and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zimage_lab import models
from zimage_lab.api import closed
from zimage_lab.api.keys import key_of
from zimage_lab.api.schemas import JOB_STATES, Job, JobAsked, Jobs, Queue
from zimage_lab.api.v1 import V1, Operation
from zimage_lab.errors import InvalidRequest, suggestion
from zimage_lab.store.order import Options
from zimage_lab.store.prompts import Piece, Wish

if TYPE_CHECKING:
    from zimage_lab.request import GenerationRequest

LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
_BESIDE = {"name", "priority"}
_PICTURES = ("init_image", "mask")


class JobsHandler(V1):
    """Jobs are listed and made."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "List your jobs, the newest first.",
            gives=Jobs,
            query={"state": {"type": "string", "enum": list(JOB_STATES)}, "limit": LIMIT},
        ),
        "POST": Operation("Ask for a picture.", JobAsked, Job, status=201, key=True, faults=(409,)),
    }

    async def get(self) -> None:
        """List them."""
        state = self.get_query_argument("state", None)
        if state is not None and state not in JOB_STATES:
            field = "state"
            raise InvalidRequest(field, state, "is no state of a job", suggestion(state, JOB_STATES))
        limit = self.number("limit", 100, 1, 1000)
        states = None if state is None else (state,)
        rows = await self.service.off(self.service.prompts.jobs_of, self.whose, states, limit)
        self.give(Jobs(jobs=[Job.of(row) for row in rows]))

    async def post(self) -> None:
        """Make one."""
        asked = self.asked(JobAsked)
        request, warnings = await self.service.off(self._request, asked)
        options = Options(source="http", key=key_of(self), name=asked.name, priority=asked.priority)
        wish = Wish(
            owner=self.identity.owner,
            pieces=(Piece(request, options),),
            waiting=self.service.waiting_limit(self.identity),
        )
        taken = await self.service.intake.put(wish)
        self.set_header("Location", f"{self.site.address(self)}/zimage/v1/jobs/{taken.jobs[0].id}")
        self.give(Job.of(taken.jobs[0], warnings), 201)

    def _request(self, asked: JobAsked) -> tuple[GenerationRequest, list[str]]:
        home, identity, known = self.service.home, self.identity, self.service.names
        given = {name: value for name, value in asked.model_dump(exclude=_BESIDE).items() if value is not None}
        closed.check_model(asked.model, identity, home)
        closed.check_loras(given.get("loras"), identity)
        for field in _PICTURES:
            if field in given:
                given[field] = closed.check_picture(field, given[field], identity, known)
        if "reference_images" in given:
            field = "reference_images"
            given[field] = [closed.check_picture(field, one, identity, known) for one in given[field]]
        if "seed" in given:
            given["seed"] = int(given["seed"])
        given.setdefault("model", self.service.default_model)
        request = models.build(given.pop("prompt"), place=home, **given)
        return request, models.check(request, place=home)


class JobHandler(V1):
    """One job."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation("Tell of a job.", gives=Job, faults=(404,))}

    async def get(self, job_id: str) -> None:
        """Tell of it."""
        self.give(Job.of(self.own_job(job_id)))


class CancelHandler(V1):
    """One job is cancelled."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation(
            "Cancel a job: at once while it waits, within a step while it runs.", gives=Job, faults=(404,)
        )
    }

    async def post(self, job_id: str) -> None:
        """Cancel it."""
        row = self.own_job(job_id)
        self.give(Job.of(await self.service.off(self.service.prompts.cancel, row.id)))


class QueueHandler(V1):
    """How much there is to do."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation("Tell how the queue stands.", gives=Queue)}

    async def get(self) -> None:
        """Tell it, of one's own jobs."""
        self.give(await self.service.off(self.told))

    def told(self) -> Queue:
        """Give it."""
        prompts, whose = self.service.prompts, self.whose
        counts = prompts.counts() if whose is None else prompts.counts_of(whose)
        return Queue(paused=prompts.paused, queued=counts.get("queued", 0), running=counts.get("running", 0))


class PauseHandler(QueueHandler):
    """The whole queue is held."""

    scopes: ClassVar[dict[str, str]] = {"POST": "admin"}
    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation("Pause the whole queue; what runs goes on.", gives=Queue)
    }
    get = V1.get  # type: ignore[assignment]

    async def post(self) -> None:
        """Hold it."""
        await self.service.off(self.service.prompts.pause)
        self.give(await self.service.off(self.told))


class ResumeHandler(PauseHandler):
    """The whole queue goes on."""

    operations: ClassVar[dict[str, Operation]] = {"POST": Operation("Let the whole queue go on.", gives=Queue)}

    async def post(self) -> None:
        """Let it go on."""
        await self.service.off(self.service.prompts.resume)
        self.give(await self.service.off(self.told))
