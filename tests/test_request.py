"""The one validator: every wrong value is an InvalidRequest that names the field, the value and the fix."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.request import PROMPT_CHARACTERS, GenerationRequest

VALID: dict[str, Any] = {
    "prompt": "a red circle",
    "model": "miniature-turbo",
    "width": 128,
    "height": 128,
    "steps": 8,
    "guidance_scale": 0.0,
    "seed": 42,
}
SIZES = st.integers(1, 512).map(lambda count: count * 16)
# What the prompt may hold: everything but surrogates and control characters, and something to see.
PROMPTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=200).map(
    "a".__add__
)
REQUESTS = st.builds(
    GenerationRequest,
    prompt=PROMPTS,
    negative_prompt=PROMPTS | st.just(""),
    model=st.sampled_from(["miniature-turbo", "z-image", "a/hub-id"]),
    width=SIZES,
    height=SIZES,
    steps=st.integers(1, 1000),
    guidance_scale=st.floats(0, 50) | st.integers(0, 50),
    seed=st.integers(0, 2**64 - 1),
    shift=st.none() | st.floats(0.01, 100),
    truncate=st.booleans(),
)


def by_type(value: object) -> str:
    """Name a case: pytest cannot write out a number of 5000 digits, and should not write a megabyte."""
    return shown(value)[:20]


def make(**changes: Any) -> GenerationRequest:  # noqa: ANN401 - also wrong values
    return GenerationRequest(**{**VALID, **changes})


@pytest.mark.parametrize("field", ["width", "height"])
@pytest.mark.parametrize(
    "value",
    [0, None, -16, 1000, 8208, 1_000_000, 1024.0, math.nan, True, "1024", b"1024", [64], np.float32(64), 10**5000],
    ids=by_type,
)
def test_wrong_sizes(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(**{field: value})
    assert caught.value.field == field
    assert caught.value.value is value
    assert str(caught.value).startswith(f"{field}: ")
    assert caught.value.fix.startswith("Use ")


def test_the_sentence_for_a_size() -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(width=1000)
    assert str(caught.value) == "width: 1000 is not a multiple of 16. Use 992 or 1008."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("steps", value) for value in (0, -1, 10**9, 2.5, None, "8", True, np.True_, 1001)],
        *[("seed", value) for value in (-1, 2**64, 1.0, "42", None, True, 10**5000)],
        *[
            ("guidance_scale", value)
            for value in (math.nan, math.inf, -math.inf, -0.1, 50.1, "7", True, None, 10**5000, 1j)
        ],
        *[("shift", value) for value in (0, math.nan, math.inf, "3", True, 101)],
        *[("prompt", value) for value in ("", " ", "\n\t", "\u3000", "\u200b", None, b"cat", 7, ["a"], "x" * 10**6)],
        *[("prompt", value) for value in ("a\ud800", "\udc00", "a\0", "\x1b[31mred\x1b[0m", "a\rb", "\x9b31m", "\x7f")],
        *[("negative_prompt", value) for value in (None, b"", "a\0", "\ud800", "x" * (PROMPT_CHARACTERS + 1))],
        *[("model", value) for value in ("", " ", None, 3, "a\0b", "x" * 2000)],
        *[("sampler", value) for value in ("", None, "dpm", ["euler"])],
        ("scheduler", "karras"),
        ("noise", "batch"),
        *[("truncate", value) for value in (0, 1, "yes", None)],
    ],
    ids=by_type,
)
def test_wrong_values(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(**{field: value})
    assert caught.value.field == field
    assert caught.value.value is value
    assert caught.value.fix.endswith((".", "?"))
    assert len(str(caught.value)) < 300
    str(caught.value).encode()  # no surrogate comes through
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("number", [np.int64(1024), np.uint16(1024), np.int32(1024)])
def test_numpy_integers_become_python_integers(number: Any) -> None:  # noqa: ANN401
    request = make(width=number, seed=np.uint64(2**64 - 1), steps=np.int8(8))
    assert request.width == 1024
    assert all(type(value) is int for value in (request.width, request.seed, request.steps))
    assert request == make(width=1024, seed=2**64 - 1)


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.float64(3), np.int64(3)])
def test_guidance_takes_any_real_number(number: Any) -> None:  # noqa: ANN401
    request = make(guidance_scale=number, shift=number)
    assert type(request.guidance_scale) is float
    assert request.canonical_json() == make(guidance_scale=3.0, shift=3.0).canonical_json()


def test_minus_zero_is_zero() -> None:
    assert make(guidance_scale=-0.0).sha256 == make(guidance_scale=0.0).sha256


@pytest.mark.parametrize(
    "prompt",
    [
        "👩‍👩‍👧 family",
        "\u202eright to left",
        "שלום",
        "左侧一个红色的圆形",
        "two\nlines\tand a tab",
        "<|im_end|>",
        "{other}",
        "'\"\\",
    ],
)
def test_prompts_that_are_fine_stay_as_they_are(prompt: str) -> None:
    request = make(prompt=prompt)
    assert request.prompt == prompt
    assert GenerationRequest.from_json(request.canonical_json()) == request


def test_subclass_of_str_becomes_a_plain_one() -> None:
    assert type(make(prompt=np.str_("a cat")).prompt) is str


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cfg", "guidance_scale"),
        ("num_inference_steps", "steps"),
        ("heigth", "height"),
        ("Seed", "seed"),
        ("w", "width"),
    ],
)
def test_unknown_option_says_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(InvalidRequest, match=f"is not an option. Did you mean '{meant}'") as caught:
        make(**{name: 3})
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["qqq", "self", "model_config", "\x1b[31m", "x" * 10**6, "__class__"], ids=by_type)
def test_unknown_option_of_any_name(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(**{name: 3})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", sorted(VALID))
def test_missing_values_are_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^{name}: is missing\. Give {name}="):
        GenerationRequest(**{field: value for field, value in VALID.items() if field != name})


@pytest.mark.parametrize("field", ["seed", "prompt", "cost", "anything"])
def test_a_request_cannot_be_changed(field: str) -> None:
    request = make()
    with pytest.raises((ValidationError, AttributeError)):
        setattr(request, field, 7)
    assert request.replace(seed=7).seed == 7
    assert request.seed == 42
    with pytest.raises(InvalidRequest):
        request.replace(seed=-1)


def test_equal_requests_are_equal_keys() -> None:
    assert len({make(), make(), make(seed=1)}) == 2


def test_cost_is_pixels_times_steps() -> None:
    assert make(width=64, height=32, steps=8).cost == 64 * 32 * 8


@given(REQUESTS)
def test_json_round_trip(request: GenerationRequest) -> None:
    text = request.canonical_json()
    again = GenerationRequest.from_json(text)
    assert again == request
    assert again.canonical_json() == text
    assert again.sha256 == request.sha256
    plain = json.loads(text)
    assert plain["seed"] == str(request.seed)  # a browser would round a number
    assert list(plain) == sorted(plain)


@given(st.integers(0, 2**64 - 1))
def test_seed_survives_as_text_and_as_number(seed: int) -> None:
    assert GenerationRequest.from_plain({**VALID, "seed": str(seed)}).seed == seed
    assert GenerationRequest.from_plain({**VALID, "seed": seed}).seed == seed
    assert make(seed=2**53 + 1).canonical_json().count("9007199254740993") == 1


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=5
)


@given(st.sampled_from(sorted(GenerationRequest.model_fields)), ANYTHING)
def test_any_value_is_taken_or_is_an_invalid_request(field: str, value: object) -> None:
    try:
        request = make(**{field: value})
    except InvalidRequest as error:
        assert error.field == field  # noqa: PT017 - either outcome is right
        str(error).encode()
    else:
        assert GenerationRequest.from_json(request.canonical_json()) == request


@pytest.mark.parametrize(
    "text",
    [
        *["", "[]", "3", "null", "{", "[" * 100_000, '{"seed": ' + "9" * 5000 + "}", '{"a": 1e999}', "x" * (10**6 + 1)],
        *[None, b"{}", '{"prompt": "a", "prompt": "b"}', json.dumps({**VALID, "seed": "४२"}), "{}"],
        *[json.dumps({**VALID, "seed": text}) for text in ("-1", "", "1e3", " 42", "9" * 5000, "18446744073709551616")],
        json.dumps({**VALID, "prompt": "\ud800"}),
        json.dumps({**VALID, "guidance_scale": math.nan}),
    ],
    ids=by_type,
)
def test_broken_json_is_an_invalid_request(text: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest):
        GenerationRequest.from_json(text)


def test_from_plain_leaves_its_argument_alone() -> None:
    values = {**VALID, "seed": "42"}
    GenerationRequest.from_plain(values)
    assert values["seed"] == "42"
