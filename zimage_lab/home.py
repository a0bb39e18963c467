"""Where a person's pictures, models and settings live: one folder, found the same way by every face.

lab.db                      queue and run records
images/YYYY-MM-DD/<id>.png  pictures
models/                     model folders of this home
run/                        sockets and keys of running engines, for the owner's eyes only
config.toml                 settings
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zimage_lab.errors import InvalidRequest, StoreError, shown, suggestion
from zimage_lab.request import invalid_request

VARIABLE = "ZIMAGE_LAB_HOME"
DATABASE = "lab.db"
IMAGES = "images"
MODELS = "models"
RUN = "run"
CONFIG = "config.toml"
_PRIVATE = 0o700


class Settings(BaseModel):
    """What ``config.toml`` may say; ``ZIMAGE_LAB_MODEL`` and so on beat the file.

    Parameters
    ----------
    model
        The model that is loaded where none is named; None is the bundled one.
    device
        "cpu", "cuda", "cuda:1"; None picks.
    memory
        What of a model stays on the device: "resident", "balanced", "small"; "auto" takes what fits.
    memory_gb
        Most gigabytes (10**9 bytes) of the device that models may take; None takes what is free.
    quantization
        "fp8" halves the bytes of Z-Image's transformer by torchao: lossy, and quicker on an RTX 40 or H100; "none".
    path
        "fast", or "reference" for the libraries' own forward passes, with which the fast one is compared.
    compile
        "auto" compiles on a GPU where that is quicker; "off" never does.
    disk_quota_gb
        Most gigabytes (10**9 bytes) that pictures may take, the oldest go first; None sets no limit.
    keep_days
        Days after which a picture is deleted, while its record stays; None keeps it for ever.
    engine_idle_minutes
        Minutes without work after which an engine ends that belongs to no kernel of a person.
    queue_jobs, queue_mb
        Most jobs that wait, and most megabytes (10**6 bytes) of requests; further ones are refused for a while.
    label_producer, label_propagator
        Name or code of who makes pictures and of who hands them on, for the label of GB 45438.
    c2pa_certificate, c2pa_key, c2pa_algorithm
        PEM files of the chain and the key that sign exported pictures, and the key's kind ("es256", "ps256", ...).
    webhook_allow
        Where webhooks may go besides this machine: origins such as "https://hooks.example.org", and networks such as
        "10.1.0.0/16" in which such a name may lie; in the environment with commas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str | None = None
    device: str | None = None
    memory: Literal["auto", "resident", "balanced", "small"] = "auto"
    memory_gb: float | None = Field(default=None, gt=0)
    quantization: Literal["none", "fp8"] = "none"
    path: Literal["fast", "reference"] = "fast"
    compile: Literal["auto", "off"] = "auto"
    disk_quota_gb: float | None = Field(default=None, gt=0)
    keep_days: float | None = Field(default=None, gt=0, le=36_500)
    engine_idle_minutes: float = Field(default=10.0, gt=0)
    queue_jobs: int = Field(default=100_000, ge=1)
    queue_mb: float = Field(default=256.0, gt=0)
    label_producer: str | None = None
    label_propagator: str | None = None
    c2pa_certificate: str | None = None
    c2pa_key: str | None = None
    c2pa_algorithm: str = "es256"
    webhook_allow: tuple[str, ...] = ()

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def home(argument: str | os.PathLike[str] | None = None) -> Path:
    """Give the home folder, made with its parts where it is missing.

    Parameters
    ----------
    argument
        The folder to use; without one ``ZIMAGE_LAB_HOME`` says, and without that the platform's user data folder.

    Returns
    -------
    Path
        Absolute path.

    Raises
    ------
    StoreError
        When the folder cannot be made.
    """
    chosen = os.fspath(argument) if argument is not None else os.environ.get(VARIABLE)
    if chosen:
        place = _absolute(chosen)
    else:
        from platformdirs import user_data_path

        place = user_data_path("zimage-lab", appauthor=False)
    try:
        for folder in (place, place / IMAGES, place / MODELS):
            folder.mkdir(parents=True, exist_ok=True)
        private = place / RUN
        private.mkdir(mode=_PRIVATE, exist_ok=True)
        if private.stat().st_mode & 0o777 != _PRIVATE:
            private.chmod(_PRIVATE)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"The home folder {place} cannot be used ({reason}). Give another one in {VARIABLE}."
        raise StoreError(message) from error
    return place


def settings(place: Path) -> Settings:
    """Read the settings of a home folder; the environment beats the file.

    Parameters
    ----------
    place
        The home folder, as ``home()`` gives it.

    Raises
    ------
    InvalidRequest
        When the file is not TOML, or a setting is unknown or wrong.
    """
    path = place / CONFIG
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        values = {}
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Make it readable or remove it."
        raise StoreError(message) from error
    except ValueError as error:  # broken TOML, or bytes that are no UTF-8
        raise InvalidRequest(CONFIG, str(path), f"cannot be read: {shown(str(error))}", "Mend or remove it.") from error
    known = list(Settings.model_fields)
    for name in values:
        if name not in known:
            field = f"{CONFIG} {shown(name)}"
            raise InvalidRequest(field, values[name], "is not a setting", suggestion(name, known))
    for name in known:
        given = os.environ.get(f"ZIMAGE_LAB_{name.upper()}")
        if given:
            values[name] = given
    try:
        return Settings(**values)
    except ValidationError as error:
        raise invalid_request(error) from error


def _absolute(chosen: str) -> Path:
    if "\0" in chosen:
        field = "home"
        raise InvalidRequest(field, chosen, "holds a NUL character", "Give a folder's path.")
    try:
        return Path(chosen).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # "~nobody"; a working folder that has gone
        message = f"The home folder {chosen!r} cannot be found. Give a full path in {VARIABLE}."
        raise StoreError(message) from error
