"""The run record: complete, readable again, and code that makes the same request."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zimage_lab.errors import InvalidRequest
from zimage_lab.recipe import Environment, ImageFile, ModelIdentity, RunRecord, now
from zimage_lab.request import GenerationRequest

REQUEST = GenerationRequest(
    prompt="a red circle", model="miniature-turbo", width=128, height=128, steps=8, guidance_scale=0.0, seed=2**53 + 1
)
PROMPTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")).map("a".__add__)


def record(request: GenerationRequest = REQUEST, **changes: Any) -> RunRecord:  # noqa: ANN401
    made = RunRecord(
        job_id=str(uuid4()),
        request=request,
        state="succeeded",
        created_at=now(),
        model=ModelIdentity(id=request.model, family="z_image", weights_sha256={"vae/model.safetensors": "ab"}),
        environment=Environment(zimage_lab="0.1.0", python="3.11", device="cpu", dtype="float32", platform="linux"),
    )
    return made.replace(**changes)


def test_json_round_trip_keeps_everything() -> None:
    made = record(
        seconds={"encode": 0.1, "denoise": 1.5},
        image=ImageFile(path="images/2026-01-01/x.png", sha256="a", pixels_sha256="b"),
        warnings=["cut"],
        attempt=2,
        batch={"index": 1, "size": 2},
    )
    again = RunRecord.from_json(made.to_json())
    assert again == made
    assert json.loads(made.to_json())["request"]["seed"] == "9007199254740993"


def test_environment_takes_further_facts() -> None:
    environment = Environment.model_validate({**dict(record().environment), "attention": "sdpa"})
    assert RunRecord.from_json(record(environment=environment).to_json()).environment == environment


def test_times_are_utc_and_sort_as_text() -> None:
    east = timezone(timedelta(hours=8))
    made = record(started_at=datetime(2026, 1, 1, 8, tzinfo=east), finished_at="2026-01-01T00:00:01+00:00")
    assert made.started_at == "2026-01-01T00:00:00.000000+00:00"
    assert made.finished_at is not None
    assert made.started_at < made.finished_at
    assert datetime.fromisoformat(now()).tzinfo == UTC


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../etc/passwd"},
        {"job_id": "7"},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-01T00:00:00"},
        {"created_at": "0001-01-01T00:00:00+01:00"},
        {"state": "running"},
        {"attempt": 0},
        {"seconds": {"encode": float("nan")}},
        {"surprise": 1},
    ],
)
def test_wrong_records_are_refused(change: dict[str, Any]) -> None:
    plain = {**json.loads(record().to_json()), **change}
    with pytest.raises(InvalidRequest):
        RunRecord.from_json(json.dumps(plain))
    with pytest.raises(ValidationError):
        record(**change)


def test_a_wrong_request_inside_is_named() -> None:
    plain = json.loads(record().to_json())
    plain["request"]["width"] = 1000
    with pytest.raises(InvalidRequest, match="width: 1000 is not a multiple of 16"):
        RunRecord.from_json(json.dumps(plain))


def test_identity_is_always_the_same_spelling() -> None:
    name = str(uuid4())
    assert record(id=name.upper()).id == name
    assert record(id="{" + name.replace("-", "") + "}").id == name


def test_code_of_a_plain_request() -> None:
    assert record(REQUEST.replace(seed=42)).as_code() == (
        "import zimage_lab\n"
        'engine = zimage_lab.load("miniature-turbo")\n'
        'engine.generate("a red circle", seed=42, width=128, height=128, steps=8, guidance_scale=0.0)'
    )


@given(
    st.builds(
        GenerationRequest,
        prompt=PROMPTS,
        negative_prompt=PROMPTS | st.just(""),
        model=PROMPTS,
        width=st.just(64),
        height=st.just(64),
        steps=st.integers(1, 9),
        guidance_scale=st.floats(0, 50),
        seed=st.integers(0, 2**64 - 1),
        shift=st.none() | st.floats(0.01, 100),
        truncate=st.booleans(),
    )
)
def test_code_makes_the_same_request(request: GenerationRequest) -> None:
    found: list[GenerationRequest] = []

    class FakeEngine:
        def __init__(self, model: str) -> None:
            self.model = model

        def generate(self, prompt: str, **options: Any) -> None:  # noqa: ANN401
            found.append(GenerationRequest(prompt=prompt, model=self.model, **options))

    fake = ModuleType("zimage_lab")
    fake.load = FakeEngine  # type: ignore[attr-defined]
    code = record(request).as_code()
    assert len(code.splitlines()) == 3  # a newline in a prompt is an escape
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "zimage_lab", fake)
        exec(compile(code, "cell", "exec"), {})  # noqa: S102 - this is the test
    assert found == [request]


def test_parameters_in_automatic1111s_format() -> None:
    made = record(REQUEST.replace(negative_prompt="blue", shift=3.0))
    assert made.as_parameters() == (
        "a red circle\nNegative prompt: blue\nSteps: 8, Sampler: Euler, Schedule type: Simple, CFG scale: 1, "
        "Seed: 9007199254740993, Size: 128x128, Model: miniature-turbo, Shift: 3, Version: zimage_lab 0.1.0"
    )


def test_parameters_quote_what_would_cut_them() -> None:
    made = record(model=ModelIdentity(id="a, b: c", family="z_image"))
    assert 'Model: "a, b: c",' in made.as_parameters()
