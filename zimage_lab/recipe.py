"""The run record: what was done, complete enough to make the same pixels again and to audit who made what, when.

It stands in the database and, as text, inside the picture itself, so that a picture that left the lab still says how
it was made. Where the environment's fingerprint is another one, it promises the same recipe, not the same bits.
"""

from __future__ import annotations

import json
import platform
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from zimage_lab.request import GenerationRequest, invalid_request
from zimage_lab.values import json_object

EndState = Literal["succeeded", "failed", "cancelled", "invalid_output", "interrupted"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


def now() -> str:
    """Give the time as the records write it: ISO 8601 in UTC with microseconds, sortable as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _utc(value: object) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = "the time has no zone; use UTC"
            raise ValueError(message)
        try:
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        except OverflowError as error:  # the first or last day of the calendar, in another zone
            message = "the time is outside the calendar"
            raise ValueError(message) from error
    return value


def _identity(value: object) -> object:
    return str(uuid.UUID(value)) if isinstance(value, str) else value


UtcTime = Annotated[str, BeforeValidator(_utc)]
Identity = Annotated[str, BeforeValidator(_identity)]  # always the canonical spelling: it becomes a file's name


class ImageFile(BaseModel):
    """The picture's file: its path relative to the home folder, and what its bytes and its pixels hash to.

    ``sha256`` is None inside the PNG itself: a file cannot hold its own hash.
    """

    model_config = _FROZEN

    path: str
    sha256: str | None
    pixels_sha256: str


class ModelIdentity(BaseModel):
    """Which weights drew: SHA-256 of each weight file, by its path inside the model's folder."""

    model_config = _FROZEN

    id: str
    family: str
    weights_sha256: dict[str, str] = Field(default_factory=dict)


class Environment(BaseModel):
    """The fingerprint under which pixels are promised to be equal; further facts may be added by name."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())
    if not TYPE_CHECKING:  # mypy would take it for one more field
        __pydantic_extra__: dict[str, str | int | float | bool | None]

    zimage_lab: str
    python: str
    torch: str | None = None
    diffusers: str | None = None
    transformers: str | None = None
    device: str
    dtype: str
    platform: str
    threads: int | None = None


class Batch(BaseModel):
    """The picture's place in the batch that it was drawn in."""

    model_config = _FROZEN

    index: int = Field(default=0, ge=0)
    size: int = Field(default=1, ge=1)


class Output(BaseModel):
    """Which picture of a workflow's job it is.

    Parameters
    ----------
    node
        Id of the node that saved or showed it.
    index
        Its place among that node's pictures.
    prefix
        What its file's name begins with, as the graph wants it.
    kind
        "output", or "temp" for what is only looked at.
    """

    model_config = _FROZEN

    node: str
    index: int = Field(default=0, ge=0)
    prefix: str = ""
    kind: Literal["output", "temp"] = "output"


class RunRecord(BaseModel):
    """One run of one request, and what came of it.

    Parameters
    ----------
    id
        UUID of the run; also the name of its picture.
    job_id
        UUID of the job that asked for it.
    request
        The request, complete.
    state
        How the run ended.
    created_at, started_at, finished_at
        When the job was submitted, when the run began and ended; ISO 8601, UTC. Aware datetimes are taken too.
    seconds
        Seconds by stage (load, encode, denoise, decode), from the monotonic clock.
    image, model, environment, batch
        The file, the weights, the fingerprint, the place in a batch.
    error
        The sentence that says why there is no picture.
    warnings
        Sentences about what was done otherwise than asked (a cut prompt, a fallback).
    attempt
        Number of the attempt, from 1.
    source, user
        Which face asked (python, panel, magic, shell, batch, ...) and for whom; the user stays out of pictures.
    parent_id
        UUID of the batch or sweep that the run belongs to.
    measured
        What was measured of the machine meanwhile, for a comparison: process_peak_bytes, device_peak_bytes,
        others_bytes (weights of other models that were in memory), matrix_rate (operations a second that the device
        reaches in plain matrix products).
    output
        Which picture of a workflow's job it is; None for all others.
    """

    model_config = _FROZEN

    id: Identity = Field(default_factory=lambda: str(uuid.uuid4()))
    job_id: Identity
    request: GenerationRequest
    state: EndState
    created_at: UtcTime
    started_at: UtcTime | None = None
    finished_at: UtcTime | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    image: ImageFile | None = None
    model: ModelIdentity
    environment: Environment
    error: str | None = None
    batch: Batch = Batch()
    warnings: list[str] = Field(default_factory=list)
    attempt: int = Field(default=1, ge=1)
    source: str | None = None
    user: str | None = None
    parent_id: Identity | None = None
    measured: dict[str, float] = Field(default_factory=dict)
    output: Output | None = None

    @field_validator("request", mode="before")
    @classmethod
    def _read_request(cls, value: object) -> object:
        return GenerationRequest.from_plain(value) if isinstance(value, dict) else value

    def to_json(self) -> str:
        """Give the record as one JSON object, keys in the order above, the seed a string."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record, also one from a stranger's picture: nothing is run, every value is checked.

        Raises
        ------
        InvalidRequest
            When it is no such record.
        """
        try:
            return cls.model_validate(json_object("recipe", text))
        except ValidationError as error:
            raise invalid_request(error) from error

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401 - the values of any field, checked right here
        """Give a validated copy with other values, such as ``image`` once the file is written."""
        return type(self).model_validate({**dict(self), **changes})

    def as_code(self) -> str:
        """Give a notebook cell that makes the picture again.

        Every value is written as a Python literal, so that no prompt can become code.
        """
        asked = self.request
        if asked.workflow is not None:
            return f"from zimage_lab.workflow import Workflow\nWorkflow.load({_literal(asked.workflow)}).run()"
        defaults = {name: field.default for name, field in GenerationRequest.model_fields.items()}
        always = ("seed", "width", "height", "steps", "guidance_scale")
        rest = [name for name in defaults if name not in {"prompt", "model", *always}]
        options = [*always, *(name for name in rest if getattr(asked, name) != defaults[name])]
        arguments = "".join(f", {name}={_literal(getattr(asked, name))}" for name in options)
        return (
            "import zimage_lab\n"
            f"engine = zimage_lab.load({_literal(asked.model)})\n"
            f"engine.generate({_literal(asked.prompt)}{arguments})"
        )

    def as_parameters(self) -> str:
        """Give the text that other programs look for in a PNG: Automatic1111's ``parameters`` format."""
        asked = self.request
        # Theirs is 1 without guidance, where Z-Image counts from 0 and Stable Diffusion as they do.
        cfg = asked.guidance_scale + (self.model.family != "stable_diffusion")
        facts = {
            "Steps": asked.steps,
            "Sampler": asked.sampler.capitalize(),
            "Schedule type": asked.scheduler.capitalize(),
            "CFG scale": f"{cfg:g}",
            "Seed": asked.seed,
            "Size": f"{asked.width}x{asked.height}",
            "Model": _parameter(self.model.id),
            **({} if asked.shift is None else {"Shift": f"{asked.shift:g}"}),
            **({"Variation": f"{asked.variation:g}"} if asked.variation else {}),
            "Version": _parameter(f"zimage_lab {self.environment.zimage_lab}"),
        }
        lines = [asked.prompt]
        if asked.negative_prompt:
            lines.append(f"Negative prompt: {asked.negative_prompt}")
        lines.append(", ".join(f"{name}: {value}" for name, value in facts.items()))
        return "\n".join(lines)


def bare_record(request: GenerationRequest, state: EndState, **facts: Any) -> RunRecord:  # noqa: ANN401 - any field
    """Give the record of a run that no model took part in: cancelled before it began, or cut by its engine's death.

    Parameters
    ----------
    request
        What was asked for.
    state
        How it ended.
    **facts
        Further fields of the record; `job_id` and `created_at` at least.
    """
    from zimage_lab import __version__

    known = {
        "model": ModelIdentity(id=request.model, family="unknown"),
        "environment": Environment(
            zimage_lab=__version__,
            python=platform.python_version(),
            device="none",
            dtype="none",
            platform=platform.system(),
        ),
        "finished_at": now(),
    }
    return RunRecord(request=request, state=state, **{**known, **facts})


def _literal(value: object) -> str:
    """Write a Python literal, text with double quotes where that costs no escapes."""
    literal = repr(value)
    # repr() of a text picks single quotes unless the text holds some and no double ones.
    return f'"{literal[1:-1]}"' if literal[0] == "'" and "'" not in literal[1:-1] and '"' not in literal else literal


def _parameter(text: str) -> str:
    """Quote a value that the format's own separators would cut, as Automatic1111 does: as a JSON string."""
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',:"\n') else text
