"""The sentences that a person meets."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest, JobFailed, UnknownModel, ZImageError, shown, suggestion


def test_invalid_request_names_field_value_and_fix() -> None:
    error = InvalidRequest("width", 1000, "1000 is not a multiple of 16", "Use 992 or 1008.")
    assert str(error) == "width: 1000 is not a multiple of 16. Use 992 or 1008."
    assert (error.field, error.value, error.fix) == ("width", 1000, "Use 992 or 1008.")
    assert isinstance(error, ValueError)
    assert isinstance(error, ZImageError)


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("width", 1000, "it is wrong", "Mend it."),
        UnknownModel("miniture", ["miniature", "z-image"]),
        JobFailed("abc", "failed", "Out of memory."),
    ],
)
def test_errors_travel_between_processes(error: ZImageError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_unknown_model_lists_close_names() -> None:
    error = UnknownModel("miniture-turbo", ["miniature-turbo", "z-image"])
    assert str(error) == "model: 'miniture-turbo' is not a known model. Did you mean 'miniature-turbo'?"
    assert "Use one of miniature, z-image." in str(UnknownModel("qqqqqq", ["z-image", "miniature"]))
    assert "There is none here yet." in str(UnknownModel(None))


def test_job_failed_is_a_sentence() -> None:
    assert str(JobFailed("abc", "invalid_output", "All black.")) == "Job abc invalid output: All black."


def test_repr_does_not_show_a_megabyte() -> None:
    assert len(repr(InvalidRequest("prompt", "x" * 10**6, "too long", "Cut it."))) < 100


def by_type(value: object) -> str:
    """Name a case by its type: pytest cannot write out a number of 5000 digits."""
    return type(value).__name__


class Hostile:
    """Cannot be shown."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError


@pytest.mark.parametrize(
    "value", ["\x1b[31m", "\ud800", "\u202eabc", "x" * 10**6, 10**5000, -(10**5000), Hostile()], ids=by_type
)
def test_shown_is_short_and_harmless(value: object) -> None:
    text = shown(value)
    assert text.isprintable()
    assert len(text) < 100
    text.encode()


@given(st.text() | st.integers() | st.floats() | st.binary() | st.none())
def test_shown_is_always_printable(value: object) -> None:
    assert shown(value).isprintable()


def test_suggestion_gives_at_most_three() -> None:
    assert suggestion("step", ["steps", "stop", "seed", "model"]).startswith("Did you mean 'steps' or 'stop'")
    assert suggestion(3, ["a", "b"]) == "Use one of a, b."
