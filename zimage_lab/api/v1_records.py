"""/zimage/v1/records and /zimage/v1/models: what was made, and by what more can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zimage_lab import models
from zimage_lab.api import pictures
from zimage_lab.api.schemas import Model, Models, Record, Records
from zimage_lab.api.v1 import V1, Operation, missing
from zimage_lab.api.v1_jobs import LIMIT
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.public import public_record

if TYPE_CHECKING:
    from zimage_lab.recipe import RunRecord

TEXT = {"type": "string", "maxLength": 60}


class RecordsHandler(V1):
    """Records are listed."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("List your records, the newest first.", gives=Records, query={"before": TEXT, "limit": LIMIT})
    }

    async def get(self) -> None:
        """List them."""
        before, limit = self.get_query_argument("before", None), self.number("limit", 100, 1, 1000)
        self.give(await self.service.off(self._listed, before, limit))

    def _listed(self, before: str | None, limit: int) -> Records:
        found = self.service.prompts.records_of(self.whose, limit, before)
        told = [Record.of(public_record(one, self.service.home)) for one in found]
        return Records(records=told, next=told[-1].id if len(told) == limit else None)


class RecordHandler(V1):
    """One record."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation("Give a record.", gives=Record, faults=(404,))}

    async def get(self, record_id: str) -> None:
        """Give it."""
        record = await self.service.off(self.own_record, record_id)
        self.give(Record.of(public_record(record, self.service.home)))

    def own_record(self, record_id: str) -> RunRecord:
        """Give a record that may be seen.

        Raises
        ------
        Problem
            404 for any other.
        """
        try:
            record = self.service.records.get(record_id)
        except InvalidRequest as error:
            raise missing("record") from error
        if not self.identity.owns(record.user) and self.service.job(record.job_id, self.identity) is None:
            raise missing("record")
        return record


class RecordImageHandler(RecordHandler):
    """The picture of a record."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("Give the picture, its recipe and AI labels inside.", mime="image/png", faults=(404,))
    }

    async def get(self, record_id: str) -> None:
        """Send it."""
        record = await self.service.off(self.own_record, record_id)
        file = await self.service.off(pictures.of_record, self.service, record.id)
        pictures.send(self, file, f"{record.id}.png")


class ModelsHandler(V1):
    """The models."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation("List the models.", gives=Models)}

    async def get(self) -> None:
        """List them."""
        self.give(await self.service.off(self._listed))

    def _listed(self) -> Models:
        told = []
        for one in models.models(self.service.home):
            card = one.card
            here = one.path is not None
            defaults = card.defaults.model_dump(mode="json")
            told.append(Model(id=one.id, title=card.title, family=card.family, here=here, defaults=defaults))
        return Models(data=told)
