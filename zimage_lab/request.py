"""The one validator: what a person wants, checked once, so that everything behind it may trust what it is given.

Types and ranges only. What needs a model's card (its sizes, steps and tokens) is asked of ``models.check``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator, model_validator

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.values import checked_integer, checked_real, checked_text, json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import FieldSerializationInfo, ValidationInfo

SIZE_MULTIPLE = 16  # the VAE's factor 8 times the transformer's patch of 2: zimage.md
SIZE_RANGE = (16, 8192)  # px; what a model can do is narrower and stands in its card
STEPS_RANGE = (1, 1000)  # the flow-match schedule has 1000 training steps
SEED_RANGE = (0, 2**64 - 1)  # what torch.Generator.manual_seed takes without folding
GUIDANCE_RANGE = (0.0, 50.0)
SHIFT_RANGE = (0.01, 100.0)  # Z-Image ships 3.0 and 6.0
VARIATION_RANGE = (0.0, 1.0)
PROMPT_CHARACTERS = 20_000  # far above 512 tokens; the exact count is the model's business
NAME_CHARACTERS = 1024
SAMPLERS = ("euler", "heun", "res_multistep", "dpmpp_2m")
SCHEDULERS = ("simple", "normal", "sgm_uniform", "beta")
NOISES = ("per_image",)
LORA_RANGE = (-4.0, 4.0)
MOST_LORAS = 16
MOST_REFERENCES = 4
PICTURE = re.compile(r"[0-9a-f]{64}")
STRENGTH = 0.6
LATER = {"variation", "loras", "init_image", "mask", "strength", "reference_images", "workflow"}
WORKFLOW_CHARACTERS = 300_000  # a record, and so a PNG's text, holds it: Pillow reads a million letters

# What other programs call our options: close matches by spelling would not find these.
OTHER_NAMES = {
    "cfg": "guidance_scale",
    "cfg_scale": "guidance_scale",
    "guidance": "guidance_scale",
    "negative": "negative_prompt",
    "num_inference_steps": "steps",
    "text": "prompt",
    "model_id": "model",
    "variation_strength": "variation",
    "h": "height",
    "w": "width",
}


class Lora(BaseModel):
    """A LoRA that takes part.

    Parameters
    ----------
    name
        A file's path, or its name in the home's `loras` folder.
    weight
        How much of it, -4..4; 1 as it was trained, 0 not at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    weight: float = 1.0

    @classmethod
    def of(cls, value: object) -> Lora:
        """Read a LoRA as people write it: a path, a pair of path and weight, or a mapping of both.

        Raises
        ------
        InvalidRequest
            It is none of these.
        """
        field = "loras"
        if isinstance(value, cls):
            return value
        name, weight = value, 1.0
        if isinstance(value, dict) and set(value) <= {"name", "weight"} and "name" in value:
            name, weight = value["name"], value.get("weight", 1.0)
        elif isinstance(value, tuple | list) and len(value) == 2:  # noqa: PLR2004 - a pair
            name, weight = value
        if isinstance(name, os.PathLike):
            name = os.fspath(name)
        text = checked_text(field, name, limit=NAME_CHARACTERS)
        return cls(name=text, weight=checked_real(field, weight, *LORA_RANGE))


class GenerationRequest(BaseModel):
    """What to draw and how: immutable, validated when it is made, equal to another one with the same values.

    Parameters
    ----------
    prompt
        What the picture shows: not blank, at most 20000 characters, without control characters but newline and tab.
    negative_prompt
        What it shall not show; without effect where ``guidance_scale`` is 0.
    model
        A model id, a folder, or a hub id.
    width, height
        Pixels, a multiple of 16 in 16..8192.
    steps
        Denoising steps, 1..1000.
    guidance_scale
        Classifier-free guidance, 0..50; 0 turns it off.
    seed
        0..2**64-1; always a number here: whoever asks without one has drawn it before.
    shift
        Time shift of the flow-match schedule, 0.01..100; None takes the model's.
    sampler, scheduler, noise
        Names of the method: "euler", "heun", "res_multistep" or "dpmpp_2m"; "simple", "normal", "sgm_uniform" or
        "beta"; "per_image".
    variation
        More variety between the seeds of one prompt, 0..1: noise of the seed's own on the prompt's features while the
        first half of the steps runs; 0 is exactly the plain picture.
    truncate
        Cut a prompt that has more tokens than the model takes, instead of refusing it.
    loras
        LoRAs that take part, at most 16, each once: paths, pairs of path and weight, or `Lora`.
    init_image
        SHA-256 of the stored picture that it begins with; None begins with noise.
    mask
        SHA-256 of the stored mask, white where the picture is drawn anew; None draws all of it anew.
    strength
        How much of the picture is drawn anew, above 0 to 1: the share of the steps that are taken. Only with an
        `init_image`, where None is 0.6.
    reference_images
        SHA-256 of the stored pictures that an edit model changes or takes things from, at most 4.
    workflow
        A ComfyUI graph as JSON, which is run in the place of a plain picture; the other fields then say what its first
        sampler does. `zimage_lab.workflow` makes such requests.

    Raises
    ------
    InvalidRequest
        For every wrong, unknown or missing value, naming the field, the value and the fix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())

    prompt: str
    negative_prompt: str = ""
    model: str
    width: int = Field(ge=SIZE_RANGE[0], le=SIZE_RANGE[1], multiple_of=SIZE_MULTIPLE)
    height: int = Field(ge=SIZE_RANGE[0], le=SIZE_RANGE[1], multiple_of=SIZE_MULTIPLE)
    steps: int = Field(ge=STEPS_RANGE[0], le=STEPS_RANGE[1])
    guidance_scale: float = Field(ge=GUIDANCE_RANGE[0], le=GUIDANCE_RANGE[1])
    seed: int = Field(ge=SEED_RANGE[0], le=SEED_RANGE[1])
    shift: float | None = None
    sampler: str = "euler"
    scheduler: str = "simple"
    noise: str = "per_image"
    variation: float = 0.0
    truncate: bool = False
    loras: tuple[Lora, ...] = ()
    init_image: str | None = None
    mask: str | None = None
    strength: float | None = None
    reference_images: tuple[str, ...] = ()
    workflow: str | None = None

    if not TYPE_CHECKING:  # type checkers see pydantic's own signature, with the fields

        def __init__(self, /, **values: object) -> None:
            for name, value in values.items():
                if name not in type(self).model_fields:
                    raise _unknown_option(name, value, list(type(self).model_fields))
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise invalid_request(error) from None

    @field_validator("prompt", "negative_prompt", "model", mode="before")
    @classmethod
    def _text(cls, value: object, info: ValidationInfo) -> str:
        name = str(info.field_name)
        limit = NAME_CHARACTERS if name == "model" else PROMPT_CHARACTERS
        return checked_text(name, value, limit=limit, blank=name == "negative_prompt")

    @field_validator("width", "height", "steps", "seed", mode="before")
    @classmethod
    def _whole(cls, value: object, info: ValidationInfo) -> int:
        name = str(info.field_name)
        if name in {"width", "height"}:
            return _size(name, value)
        return checked_integer(name, value, *(STEPS_RANGE if name == "steps" else SEED_RANGE))

    @field_validator("guidance_scale", "shift", "variation", mode="before")
    @classmethod
    def _number(cls, value: object, info: ValidationInfo) -> float | None:
        if value is None and info.field_name == "shift":
            return None
        ranges = {"shift": SHIFT_RANGE, "variation": VARIATION_RANGE, "guidance_scale": GUIDANCE_RANGE}
        return checked_real(str(info.field_name), value, *ranges[str(info.field_name)])

    @field_validator("sampler", "scheduler", "noise", mode="before")
    @classmethod
    def _choice(cls, value: object, info: ValidationInfo) -> str:
        choices = {"sampler": SAMPLERS, "scheduler": SCHEDULERS, "noise": NOISES}[str(info.field_name)]
        if not isinstance(value, str) or value not in choices:
            raise InvalidRequest(
                str(info.field_name), value, f"{shown(value)} is not one we have", suggestion(value, choices)
            )
        return str.__str__(value)

    @field_validator("truncate", mode="before")
    @classmethod
    def _flag(cls, value: object) -> bool:
        if not isinstance(value, bool):
            field = "truncate"
            raise InvalidRequest(field, value, f"{shown(value)} is not True or False", "Use True or False.")
        return value

    @field_validator("loras", mode="before")
    @classmethod
    def _loras(cls, value: object) -> tuple[Lora, ...]:
        field = "loras"
        # One LoRA may come without a list around it; a pair of a path and a weight is one, too.
        single = isinstance(value, str | os.PathLike | Lora) or (
            isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], int | float)  # noqa: PLR2004
        )
        every: object = (value,) if single else value
        if not isinstance(every, tuple | list):
            raise InvalidRequest(field, value, f"{shown(value)} is no list of LoRAs", 'Give ["file.safetensors", 0.8].')
        read = tuple(Lora.of(one) for one in every)
        if len(read) > MOST_LORAS:
            raise InvalidRequest(field, value, f"{len(read)} are too many", f"Use at most {MOST_LORAS}.")
        if len({one.name for one in read}) < len(read):
            raise InvalidRequest(field, value, "has one twice", "Give each once, with its whole weight.")
        return read

    @field_validator("init_image", "mask", mode="before")
    @classmethod
    def _stored(cls, value: object, info: ValidationInfo) -> str | None:
        if value is None or (isinstance(value, str) and PICTURE.fullmatch(value)):
            return value
        what = f"{shown(value)} is not the hash of a stored picture"
        raise InvalidRequest(str(info.field_name), value, what, "Give the picture to an engine's submit or generate.")

    @field_validator("reference_images", mode="before")
    @classmethod
    def _references(cls, value: object) -> tuple[str, ...]:
        field = "reference_images"
        if not isinstance(value, tuple | list) or not all(
            isinstance(one, str) and PICTURE.fullmatch(one) for one in value
        ):
            what = f"{shown(value)} are not the hashes of stored pictures"
            raise InvalidRequest(field, value, what, "Give the pictures to an engine's submit or generate.")
        if len(value) > MOST_REFERENCES:
            raise InvalidRequest(field, value, f"{len(value)} are too many", f"Use at most {MOST_REFERENCES}.")
        return tuple(value)

    @field_validator("strength", mode="before")
    @classmethod
    def _strength(cls, value: object) -> float | None:
        if value is None:
            return None
        field = "strength"
        number = checked_real(field, value, 0.0, 1.0)
        if number == 0:
            raise InvalidRequest(field, value, "0 would leave the picture as it is", "Use more than 0, up to 1.")
        return number

    @field_validator("workflow", mode="before")
    @classmethod
    def _graph(cls, value: object) -> str | None:
        if value is None:
            return None
        field = "workflow"
        if not isinstance(value, str) or len(value) > WORKFLOW_CHARACTERS:
            what = "is no JSON text" if not isinstance(value, str) else f"{len(value)} characters are too many"
            raise InvalidRequest(field, value, what, f"Give a graph as JSON of at most {WORKFLOW_CHARACTERS}.")
        json_object(field, value)
        return str.__str__(value)

    @model_validator(mode="after")
    def _together(self) -> Self:
        for field in ("mask", "strength"):
            if getattr(self, field) is not None and self.init_image is None:
                raise InvalidRequest(field, getattr(self, field), "is of no use without an init_image", "Give one.")
        if self.reference_images and self.init_image is not None:
            field, what = "init_image", "does not go with reference_images"
            raise InvalidRequest(field, self.init_image, what, "Give one of them.")
        return self

    @field_serializer("seed")
    def _seed_text(self, seed: int, info: FieldSerializationInfo) -> int | str:
        # A browser reads JSON numbers as doubles and would change seeds above 2**53.
        return str(seed) if info.mode_is_json() else seed

    @property
    def denoising_steps(self) -> int:
        """How many of the steps are taken: all of them, or with an `init_image` the last ones, at least one."""
        if self.init_image is None:
            return self.steps
        strength = STRENGTH if self.strength is None else self.strength
        # As diffusers rounds: what is left out is a whole number of steps.
        return self.steps - min(self.steps - 1, int(max(self.steps - self.steps * strength, 0)))

    @property
    def cost(self) -> int:
        """Pixels times steps: what the picture costs, before it runs."""
        return self.width * self.height * self.denoising_steps

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the canonical JSON: equal recipes have equal ones."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

    def canonical_json(self) -> str:
        """Give the request as JSON that is the same text for the same request: keys sorted, the seed a string."""
        # What a request of an earlier version could not say is left out where it says nothing: its hash stays.
        said = {name: value for name, value in self.model_dump(mode="json").items() if name not in LATER or value}
        return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def replace(self, **changes: Any) -> Self:  # noqa: ANN401 - the values of any field, checked right here
        """Give a validated copy with other values.

        Parameters
        ----------
        **changes
            Fields and their new values.

        Returns
        -------
        GenerationRequest
            The copy; this request stays as it is.
        """
        return type(self)(**{**dict(self), **changes})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a request from JSON; the seed may be a string of digits.

        Parameters
        ----------
        text
            A JSON object with a request's fields, at most a million characters.

        Raises
        ------
        InvalidRequest
            When it is not such an object, or a value is wrong.
        """
        return cls.from_plain(json_object("request", text))

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Self:
        """Make a request from a JSON-shaped mapping; the seed may be a string of digits."""
        seed = values.get("seed")
        # At most 20 digits: int() of a very long text is slow or refused.
        if isinstance(seed, str) and seed.isascii() and seed.isdigit() and len(seed) <= len(str(SEED_RANGE[1])):
            values = {**values, "seed": int(seed)}
        return cls(**values)


def invalid_request(error: ValidationError) -> InvalidRequest:
    """Turn pydantic's first complaint into ours."""
    first = error.errors(include_url=False)[0]
    ours = first.get("ctx", {}).get("error")
    if isinstance(ours, InvalidRequest):
        return ours
    field = ".".join(str(part) for part in first["loc"]) or "request"
    if first["type"] == "missing":
        return InvalidRequest(field, None, "is missing", f"Give {field}=...")
    return InvalidRequest(field, first["input"], f"{shown(first['input'])}: {first['msg']}", "Change it and try again.")


def _unknown_option(name: str, value: object, known: list[str]) -> InvalidRequest:
    other = OTHER_NAMES.get(name.lower())
    fix = f"Did you mean {other!r}?" if other else suggestion(name, known)
    field = name if name.isidentifier() and name.isprintable() else shown(name)
    return InvalidRequest(field[:NAME_CHARACTERS], value, "is not an option", fix)


def _size(field: str, value: object) -> int:
    number = checked_integer(field, value, *SIZE_RANGE)
    if number % SIZE_MULTIPLE:
        below = number - number % SIZE_MULTIPLE
        what = f"{number} is not a multiple of {SIZE_MULTIPLE}"
        raise InvalidRequest(field, value, what, f"Use {below} or {below + SIZE_MULTIPLE}.")
    return number
