"""OpenAI's images dialect: /v1/images/generations, with the fields that servers of Z-Image add to it."""

from __future__ import annotations

import base64
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, ClassVar

from zimage_lab import models
from zimage_lab.api import closed, pictures
from zimage_lab.api.keys import key_of
from zimage_lab.api.problems import Problem
from zimage_lab.api.schemas import Images, ImagesAsked
from zimage_lab.api.v1 import V1, Operation
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import SEED_RANGE
from zimage_lab.store.prompts import Piece, Wish
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.jobs import JobRow

MOST = 10  # pictures of one request, as OpenAI's own
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
NAMES = {"num_inference_steps": "steps", "guidance_scale": "guidance_scale", "negative_prompt": "negative_prompt"}
FORMATS = ("b64_json", "url")
LATER = {"cancelled": 409, "invalid_output": 500}


class ImagesHandler(V1):
    """Pictures of a prompt; answered when they are there."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation("Make pictures, in OpenAI's dialect.", ImagesAsked, Images, key=True, faults=(409, 500))
    }

    def error_body(self, problem: Problem) -> dict[str, Any]:
        """Give an error with OpenAI's four keys."""
        kind = "invalid_request_error" if problem.status_code < 500 else "server_error"  # noqa: PLR2004 - HTTP's border
        told = {"message": problem.message, "type": kind, "code": problem.kind, "param": problem.more.get("field")}
        return {"error": told}

    async def post(self) -> None:
        """Make them."""
        asked = self.json_body()
        wanted = asked.get("response_format") or "b64_json"
        if wanted not in FORMATS:
            field = "response_format"
            raise InvalidRequest(field, wanted, "is not a format", "Use b64_json or url.")
        requests = await self.service.off(self._requests, asked)
        key = key_of(self)
        pieces = tuple(
            Piece(one, {"source": "http", "key": None if key is None else f"{key}/{number}"})
            for number, one in enumerate(requests)
        )
        waiting = self.service.waiting_limit(self.identity)
        taken = await self.service.intake.put(Wish(owner=self.identity.owner, pieces=pieces, waiting=waiting))
        self._jobs = [row.id for row in taken.jobs]
        ended = await self.service.finished(self._jobs)
        self._jobs = []
        data = [await self._picture(row, str(wanted)) for row in ended]
        self.answer({"created": int(time.time()), "data": data})

    def on_connection_close(self) -> None:
        """Draw nothing for a client that has gone."""
        jobs, self._jobs = getattr(self, "_jobs", []), []
        for job in jobs:
            self.service.submit(self.service.prompts.cancel, job)

    def _requests(self, asked: dict[str, Any]) -> list[GenerationRequest]:
        home = self.service.home
        number = checked_integer("n", asked.get("n") if asked.get("n") is not None else 1, 1, MOST)
        options = {ours: asked[theirs] for theirs, ours in NAMES.items() if asked.get(theirs) is not None}
        size = asked.get("size")
        if size not in (None, "auto"):
            found = SIZE.fullmatch(size) if isinstance(size, str) else None
            if found is None:
                field = "size"
                raise InvalidRequest(field, size, "is no size", "Use 1024x1024, say, or auto.")
            options |= {"width": int(found[1]), "height": int(found[2])}
        model = asked.get("model")
        closed.check_model(model, self.identity, home)
        seed = asked.get("seed")
        first = secrets.randbits(63) if seed is None else checked_integer("seed", seed, *SEED_RANGE)
        last = SEED_RANGE[1] + 1
        options["model"] = model if model is not None else self.service.default_model
        made = [
            models.build(asked.get("prompt"), place=home, seed=(first + place) % last, **options)  # type: ignore[arg-type]
            for place in range(number)
        ]
        models.check(made[0], place=home)
        return made

    async def _picture(self, row: JobRow, wanted: str) -> dict[str, Any]:
        if row.state != "succeeded" or row.record_id is None:
            raise Problem(LATER.get(row.state, 500), row.state, row.error or "The picture was not made.")
        told: dict[str, Any] = {"revised_prompt": row.request.prompt}
        if wanted == "url":
            return {"url": f"{self.site.address(self)}/zimage/v1/records/{row.record_id}/image", **told}
        file = await self.service.off(pictures.of_record, self.service, row.record_id)
        return {"b64_json": base64.b64encode(file.data).decode("ascii"), **told}
