"""/zimage/v1/sweeps: a picture for each combination of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zimage_lab.api import closed, schemas
from zimage_lab.api.problems import Problem
from zimage_lab.api.schemas import Cell, SweepAsked
from zimage_lab.api.v1 import V1, Operation, missing
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.sweeps import Sweeps

if TYPE_CHECKING:
    from zimage_lab.store.gradual import Row

AXES = (
    "steps",
    "width",
    "height",
    "guidance_scale",
    "shift",
    "variation",
    "negative_prompt",
    "sampler",
    "scheduler",
    "model",
)
MOST_AT_ONCE = 4  # sweeps of one owner that are made at a time: each is a thread here


class SweepsHandler(V1):
    """Sweeps are listed and begun."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("List your sweeps, the newest first, without their cells.", gives=schemas.Sweeps),
        "POST": Operation("Begin a sweep.", SweepAsked, schemas.Sweep, status=201),
    }

    async def get(self) -> None:
        """List them."""
        self.give(await self.service.off(self._listed))

    async def post(self) -> None:
        """Begin one."""
        self.give(await self.service.off(self._begun, self.asked(SweepAsked)), 201)

    def _listed(self) -> schemas.Sweeps:
        mine = self.service.prompts.parents(self.identity.owner)
        with Sweeps(self.service.home) as store:
            rows = [row for row in store.every() if self.identity.everything or row.id in mine]
        return schemas.Sweeps(sweeps=[told(row, []) for row in rows])

    def _begun(self, asked: SweepAsked) -> schemas.Sweep:
        from zimage_lab.sweeps import plan, start  # a second of imports that JupyterLab's start need not wait for

        owner = self.identity.owner
        going = self.service.sweeps.going(owner)
        if going >= MOST_AT_ONCE:
            message = f"{going} sweeps of yours are being made; wait for the end of one."
            raise Problem(429, "too_many_sweeps", message, retry_after=10)
        options: dict[str, Any] = dict(asked.axes)
        for name in asked.axes:
            if name not in AXES:
                raise InvalidRequest(f"axes.{name}"[:100], None, "is no axis", f"Use {', '.join(AXES)}.")
        for model in [asked.model, *options.get("model", [])]:
            closed.check_model(model, self.identity, self.service.home)
        if asked.model is not None:
            options["model"] = asked.model
        if asked.seed is not None:
            options["seed"] = int(asked.seed)
        if asked.prompt_replace:
            options["prompt_replace"] = asked.prompt_replace
        most = self.service.waiting_limit(self.identity)
        count = plan(asked.prompt, place=self.service.home, seeds=asked.seeds, **options).count
        if most is not None and count > most:
            field, what = "axes", f"{count} pictures are more than the {most} that may wait for this token"
            raise InvalidRequest(field, None, what, "Give fewer values.")
        sweep = start(self.service.desk(), asked.prompt, name=asked.name, seeds=asked.seeds, **options)
        self.service.prompts.own_parent(sweep.id, owner)
        self.service.sweeps.keep(owner, sweep)
        with Sweeps(self.service.home) as store:
            return told(store.get(sweep.id), cells(store, sweep.id))


class SweepHandler(V1):
    """One sweep."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("Tell of a sweep and its cells.", gives=schemas.Sweep, faults=(404,))
    }

    async def get(self, name: str) -> None:
        """Tell of it."""
        self.give(await self.service.off(self.whole, name))

    def whole(self, name: str) -> schemas.Sweep:
        """Give it with its cells."""
        with Sweeps(self.service.home) as store:
            row = self.own_sweep(store, name)
            return told(row, cells(store, row.id))

    def own_sweep(self, store: Sweeps, name: str) -> Row:
        """Give a sweep that may be seen.

        Raises
        ------
        Problem
            404 for any other.
        """
        try:
            row = store.get(name)
        except InvalidRequest as error:
            raise missing("sweep") from error
        if not self.identity.everything and row.id not in self.service.prompts.parents(self.identity.owner):
            raise missing("sweep")
        return row


class SweepWishHandler(SweepHandler):
    """A sweep is paused, resumed or cancelled."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation("Pause, resume or cancel a sweep.", gives=schemas.Sweep, faults=(404,))
    }
    get = V1.get  # type: ignore[assignment]

    async def post(self, name: str, verb: str) -> None:
        """Do it."""
        self.give(await self.service.off(self._wished, name, verb))

    def _wished(self, name: str, verb: str) -> schemas.Sweep:
        from zimage_lab.sweeps import Sweep

        with Sweeps(self.service.home) as store:
            row = self.own_sweep(store, name)
        sweep = self.service.sweeps.find(row.id) or Sweep.load(row.id, engine=self.service.desk())
        getattr(sweep, verb)()  # the address has one of the three
        self.service.sweeps.keep(self.identity.owner, sweep)
        return self.whole(row.id)


def told(row: Row, found: list[Cell]) -> schemas.Sweep:
    """Give a sweep as it is told."""
    return schemas.Sweep(
        id=row.id, name=row.name, created_at=row.created_at, wish=row.wish, count=row.cells, cells=found
    )


def cells(store: Sweeps, sweep_id: str) -> list[Cell]:
    """Give the cells of a sweep that have a job."""
    return [
        Cell(index=list(one.index), job_id=one.job_id, state=one.state)  # type: ignore[arg-type]
        for one in store.cells(sweep_id)
    ]
