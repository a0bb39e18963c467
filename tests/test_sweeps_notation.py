"""The notations of grids: what people write is read, what cannot be read is a sentence, and nothing is enumerated."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.sweeps.notation import numbers

MOST = 1000
WHOLE = {
    "8": [8],
    "4, 6,8": [4, 6, 8],
    "4，6": [4, 6],
    "1-5": [1, 2, 3, 4, 5],
    "5-1": [5, 4, 3, 2, 1],
    "1-10 (+2)": [1, 3, 5, 7, 9],
    "10-1(-3)": [10, 7, 4, 1],
    "1 - 10 [4]": [1, 4, 7, 10],
    "1-10 [5]": [1, 3, 6, 8, 10],
    "7-9 [1]": [7],
    "1, 2, .., 10": list(range(1, 11)),
    "1, 3, ..., 9": [1, 3, 5, 7, 9],
    "1, …, 4, 10-12": [1, 2, 3, 4, 10, 11, 12],
    "10, 8, .., 2": [10, 8, 6, 4, 2],
    "18446744073709551615": [2**64 - 1],
}
REAL = {
    "0.5-1.5 (+0.25)": [0.5, 0.75, 1.0, 1.25, 1.5],
    "0-1 (+.1)": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    "0-1 [3]": [0.0, 0.5, 1.0],
    "-1-1": [-1.0, 0.0, 1.0],
    "-1--0.5 (+0.5)": [-1.0, -0.5],
    "0, 0.1, .., 0.3": [0.0, 0.1, 0.2, 0.3],
}
WRONG = {
    "": "empty place",
    "1,,2": "empty place",
    "four": "no number",
    "1-": "no number",
    "1-10 (2": "no number",
    "1-10 (-2)": r"in steps of -2. Write \(\+2\)",
    "1-10 (+0)": "not 0",
    "1-3 [9]": "at most 3",
    "1-3 [0]": "asks for no number",
    ".., 5": "begins",
    "1, ..": "leads",
    "1, .., .., 3": "leads",
    "5, 6, .., 2": "in one direction",
    "1, 3, .., 10": "End with 9 or 11",
    "1.5": "not a whole number",
    "1e3": "no number",
    "nan": "no number",
    "__import__('os')": "no number",
    "1-1000000000": "more than 1,000",
    "1-1000000000 [999999999]": "more than",
    "1, .., 1000000000": "more than",
    "0-1 (+0.000000000000001)": "more than",
    "9" * 200: "no number",
    "1," * 60_000: "too many",
}


@pytest.mark.parametrize(("text", "expected"), WHOLE.items())
def test_whole_numbers(text: str, expected: list[int]) -> None:
    assert numbers("steps", text, whole=True, most=MOST) == expected


@pytest.mark.parametrize(("text", "expected"), REAL.items())
def test_decimal_numbers_are_those_that_were_written(text: str, expected: list[float]) -> None:
    assert numbers("guidance_scale", text, whole=False, most=MOST) == expected


@pytest.mark.parametrize(("text", "words"), WRONG.items(), ids=lambda one: str(one)[:30])
def test_what_cannot_be_read_is_told_at_once(text: str, words: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidRequest, match=words) as told:
        numbers("steps", text, whole=True, most=MOST)
    assert time.perf_counter() - began < 1
    assert told.value.field == "steps"


@given(st.integers(-999, 999), st.integers(-999, 999), st.integers(1, 99))
def test_a_range_goes_from_its_first_number_towards_its_last(first: int, last: int, step: int) -> None:
    signed = step if last >= first else -step
    found = numbers("lora_weight", f"{first}-{last} ({signed:+})", whole=True, most=MOST * 2)
    assert found == list(range(first, last + (1 if signed > 0 else -1), signed))


@given(st.integers(-99, 99), st.integers(1, 400), st.integers(2, 50))
def test_so_many_numbers_lie_evenly(first: int, length: int, count: int) -> None:
    found = numbers("shift", f"{first}-{first + length} [{count}]", whole=False, most=MOST)
    assert len(found) == count
    assert (found[0], found[-1]) == (first, first + length)
    for place, number in enumerate(found):
        assert abs(number - float(first + Fraction(length * place, count - 1))) < 1e-9


@given(st.text(alphabet="0123456789-+.,()[]… e\t，", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = numbers("steps", text, whole=False, most=50)
    except InvalidRequest:
        return
    assert 0 < len(found) <= 50
