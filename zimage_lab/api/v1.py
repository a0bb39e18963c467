"""What the handlers of `/zimage/v1` share: models in, models out, and what a document says of each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from zimage_lab.api.base import Handler
from zimage_lab.api.problems import Problem

if TYPE_CHECKING:
    from zimage_lab.store.jobs import JobRow

T = TypeVar("T", bound=BaseModel)


class Operation(NamedTuple):
    """What a document says of a method.

    Attributes
    ----------
    summary
        A sentence.
    takes, gives
        The models of its body and of its answer; None where there is none, or none of JSON.
    status
        The status of its answer.
    query
        Parameters of the query, as OpenAPI writes their schemas.
    mime
        The kind of an answer that is no JSON.
    key
        Whether it looks at an Idempotency-Key.
    faults
        Statuses of errors that it has besides the usual ones.
    """

    summary: str
    takes: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    query: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - never changed
    mime: str = "application/json"
    key: bool = False
    faults: tuple[int, ...] = ()


class V1(Handler):
    """A handler of our own dialect."""

    operations: ClassVar[dict[str, Operation]] = {}
    """What a document says of each method."""

    def asked(self, kind: type[T]) -> T:
        """Read the body as a model.

        Raises
        ------
        Problem
            400, naming the first field that is wrong.
        """
        try:
            return kind.model_validate(self.json_body())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Problem(400, "invalid_request", f"{field}: {first['msg']}.", field=field) from error

    def give(self, model: BaseModel, status: int = 200) -> None:
        """Answer with a model."""
        self.answer(model.model_dump(mode="json"), status)

    @property
    def whose(self) -> str | None:
        """Whose jobs are meant: None, everybody's, for whoever sees everything."""
        return None if self.identity.everything else self.identity.owner

    def own_job(self, job_id: str) -> JobRow:
        """Give a job that may be seen.

        Raises
        ------
        Problem
            404 for any other.
        """
        row = self.service.job(job_id, self.identity)
        if row is None:
            raise missing("job")
        return row


def missing(what: str) -> Problem:
    """Give the error for what is not there, or not to be seen: a stranger learns no more."""
    return Problem(404, "not_found", f"There is no such {what}.")
