"""What `/zimage/v1` takes and gives, as models: handlers check and answer with them, OpenAPI is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from zimage_lab.request import GUIDANCE_RANGE, PROMPT_CHARACTERS, SHIFT_RANGE, SIZE_RANGE, STEPS_RANGE, VARIATION_RANGE

if TYPE_CHECKING:
    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.jobs import JobRow

Size = Annotated[int, Field(ge=SIZE_RANGE[0], le=SIZE_RANGE[1], multiple_of=16)]
Seed = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
State = Literal["queued", "running", "succeeded", "failed", "cancelled", "invalid_output", "quarantined"]
JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled", "invalid_output", "quarantined")


class _Asked(BaseModel):
    # Strict, so that what the document says is what is taken: "8" is no number here.
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class _Told(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class LoraAsked(_Asked):
    """A LoRA that takes part, by the name of its file in the lab's folder of LoRAs."""

    name: str = Field(min_length=1, max_length=200)
    weight: float = Field(default=1.0, ge=-4, le=4)


class JobAsked(_Asked):
    """A picture that is wanted. What is left out is the model's default."""

    prompt: str = Field(min_length=1, max_length=PROMPT_CHARACTERS, description="What the picture shows.")
    negative_prompt: str | None = Field(default=None, max_length=PROMPT_CHARACTERS)
    model: str | None = Field(default=None, max_length=200, description="An id of /zimage/v1/models.")
    width: Size | None = None
    height: Size | None = None
    steps: int | None = Field(default=None, ge=STEPS_RANGE[0], le=STEPS_RANGE[1])
    guidance_scale: float | None = Field(default=None, ge=GUIDANCE_RANGE[0], le=GUIDANCE_RANGE[1])
    seed: Seed | None = Field(default=None, description="0 to 2**64-1, as text: a browser's numbers end at 2**53.")
    shift: float | None = Field(default=None, ge=SHIFT_RANGE[0], le=SHIFT_RANGE[1])
    variation: float | None = Field(default=None, ge=VARIATION_RANGE[0], le=VARIATION_RANGE[1])
    sampler: str | None = Field(default=None, max_length=60)
    scheduler: str | None = Field(default=None, max_length=60)
    truncate: bool | None = None
    loras: list[LoraAsked] | None = Field(default=None, max_length=16)
    init_image: str | None = Field(default=None, max_length=300, description="Name of a picture that was uploaded.")
    mask: str | None = Field(default=None, max_length=300, description="Name of a mask that was uploaded.")
    strength: float | None = Field(default=None, gt=0, le=1)
    reference_images: list[str] | None = Field(default=None, max_length=4)
    name: str | None = Field(default=None, min_length=1, max_length=200, description="What a list shows it as.")
    priority: int = Field(default=0, ge=-1000, le=0, description="Below 0 it lets others go first.")


class Job(_Told):
    """A job of the queue."""

    id: str
    state: State
    paused: bool
    priority: int
    attempts: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    record_id: str | None = Field(description="The record of its end; its picture is at /zimage/v1/records/{id}/image.")
    name: str | None
    request: dict[str, Any]
    warnings: list[str] = []

    @classmethod
    def of(cls, row: JobRow, warnings: list[str] | None = None) -> Self:
        """Give a row of the queue as it is told."""
        names = set(cls.model_fields) - {"request", "warnings"}
        facts = {name: getattr(row, name) for name in names}
        return cls(**facts, request=row.request.model_dump(mode="json"), warnings=warnings or [])


class Jobs(_Told):
    """Jobs, the newest first."""

    jobs: list[Job]


class Queue(_Told):
    """How the queue stands."""

    paused: bool
    queued: int
    running: int


class Record(_Told):
    """What was done, and how: complete enough to make the same picture again."""

    id: str
    job_id: str
    state: str
    created_at: str
    request: dict[str, Any]
    model: dict[str, Any]
    environment: dict[str, Any]
    seconds: dict[str, float]
    error: str | None
    warnings: list[str]
    image: dict[str, Any] | None

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """Give a record as it is told."""
        told: dict[str, Any] = record.model_dump(mode="json")
        return cls.model_validate({name: told.get(name) for name in cls.model_fields})


class Records(_Told):
    """Records, the newest first; `next` is what `before` takes for the page behind."""

    records: list[Record]
    next: str | None


class Model(_Told):
    """A model; `object` and `owned_by` are what OpenAI's clients look for."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "zimage_lab"
    title: str
    family: str
    here: bool = Field(description="Whether its weights are on this machine.")
    defaults: dict[str, Any]


class Models(_Told):
    """The models of the lab."""

    object: Literal["list"] = "list"
    data: list[Model]


class SweepAsked(_Asked):
    """A picture for each combination of the axes' values."""

    prompt: str = Field(min_length=1, max_length=PROMPT_CHARACTERS)
    name: str | None = Field(default=None, min_length=1, max_length=100)
    model: str | None = Field(default=None, max_length=200)
    axes: dict[str, list[int | float | str]] = Field(
        default_factory=dict, max_length=6, description='Fields of a job and their values: {"steps": [4, 8]}.'
    )
    seeds: int = Field(default=1, ge=1, le=1000, description="Number of seeds, counted from `seed`.")
    seed: Seed | None = None
    prompt_replace: dict[str, list[str]] = Field(default_factory=dict, max_length=6)


class Cell(_Told):
    """A picture of a sweep: its place on each axis, and the latest job that makes it."""

    index: list[int]
    job_id: str
    state: State


class Sweep(_Told):
    """A sweep and how far it is."""

    id: str
    name: str
    created_at: str
    wish: str
    count: int
    cells: list[Cell]


class Sweeps(_Told):
    """Sweeps, the newest first."""

    sweeps: list[Sweep]


class Fault(_Told):
    """What went wrong."""

    type: str
    message: str
    field: str | None = None


class Error(_Told):
    """An answer that is none."""

    error: Fault


class ImagesAsked(BaseModel):
    """OpenAI's request for pictures, with what servers of Z-Image add; further fields are left alone."""

    prompt: str = Field(min_length=1, max_length=PROMPT_CHARACTERS)
    model: str | None = None
    n: int | None = Field(default=1, ge=1, le=10)
    size: str | None = Field(default=None, description='"1024x1024", or "auto".')
    response_format: Literal["b64_json", "url"] | None = "b64_json"
    negative_prompt: str | None = None
    num_inference_steps: int | None = Field(default=None, ge=1)
    guidance_scale: float | None = Field(default=None, ge=0)
    seed: int | None = Field(default=None, ge=0, le=2**64 - 1)


class ImageTold(_Told):
    """A picture in OpenAI's answer."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class Images(_Told):
    """OpenAI's answer."""

    created: int
    data: list[ImageTold]
