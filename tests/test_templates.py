"""Templates: a value goes in where its name stands, once, and nothing else ever happens."""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts.templates import expand, names

NAMES = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda text: bool(text.strip())
)


class Loud:
    """Raises when it is written."""

    def __str__(self) -> str:
        raise RuntimeError


class Text(str):
    """A text that raises when it is written."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError


def test_a_value_stands_where_its_name_stood() -> None:
    assert expand("{product}，白色背景，电商主图", {"product": "红色的杯子"}) == "红色的杯子，白色背景，电商主图"
    assert expand("{商品 名}{ n }", {"商品 名": "a", "n": 3}) == "a3"
    assert names("{b} {a} {{c}} { b }") == ("b", "a")


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("", ""),
        ("{{", "{"),
        ("}}", "}"),
        ("{{a}}", "{a}"),
        ("{{{a}}}", "{A}"),
        ("{a}}}", "A}"),
        ("x{{{{a}}y", "x{{a}y"),
    ],
)
def test_two_braces_are_one(template: str, made: str) -> None:
    assert expand(template, {"a": "A"}) == made


@given(st.dictionaries(NAMES.map(str.strip), st.text(), max_size=4), st.lists(st.text(), max_size=5))
def test_every_value_stays_as_it_is(values: dict[str, str], texts: list[str]) -> None:
    pieces = [(text, text.replace("{", "{{").replace("}", "}}")) for text in texts]
    wanted, template = "", ""
    for (plain, escaped), name in zip(pieces, [*values] * 5, strict=False):
        wanted += plain + values[name]
        template += f"{escaped}{{{name}}}"
    assert expand(template, values) == wanted


@given(st.text(st.sampled_from("{}ab !.[]()_0'\"\\"), max_size=30))
def test_nothing_is_run_and_nothing_else_is_raised(template: str) -> None:
    try:
        made = expand(template, {"a": "{b}", "b": "x"})
    except InvalidRequest as error:
        assert error.field == "template"  # noqa: PT017 - either is fine, anything else is not
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert made.count("x") <= template.count("{b}") + template.count("{ b }") + template.count("b ")


@pytest.mark.parametrize("value", ["{b}", "{{b}}", "{a}", "{__import__('os').system('id')}", "%s $HOME {0.__class__}"])
def test_what_a_value_holds_is_not_read(value: str) -> None:
    assert expand("<{a}>", {"a": value, "b": "no"}) == f"<{value}>"


@pytest.mark.parametrize("template", ["{", "}", "a{b", "a}b", "{a{b}}", "{a}}", "{}", "{ }", "{a}{"])
def test_a_brace_without_its_partner_is_named(template: str) -> None:
    with pytest.raises(InvalidRequest, match="position"):
        expand(template, {"a": 1, "b": 2})


def test_an_unknown_name_suggests_a_close_one() -> None:
    with pytest.raises(InvalidRequest, match="'product'"):
        expand("{prodct}", {"product": 1, "price": 2})
    with pytest.raises(InvalidRequest, match="and 88 more"):
        expand("{zzz}", {f"column{number}": 1 for number in range(100)})
    with pytest.raises(InvalidRequest, match=r"\{__import__"):
        expand("{__import__('os').system('id')}", {"a": 1})
    with pytest.raises(InvalidRequest, match=r"a\.b"):
        expand("{a.b}", {"a": 1})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3, "3"),
        (2.5, "2.5"),
        (True, "True"),
        (np.int64(7), "7"),
        (np.float64(0.5), "0.5"),
        (np.str_("a"), "a"),
        (decimal.Decimal("9.90"), "9.90"),
        (dt.date(2026, 11, 23), "2026-11-23"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (Text("plain"), "plain"),
    ],
)
def test_text_numbers_and_what_can_be_written(value: object, written: str) -> None:
    assert expand("{a}", {"a": value}) == written


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, print, object(), np.arange(3), Loud(), int])
def test_what_is_no_text_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"\{colour\}") as caught:
        expand("{colour}", {"colour": value})
    assert caught.value.field == "template"


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"\{n\}"):
        expand("{n}", {"n": 10**5000})


def test_a_template_is_text() -> None:
    with pytest.raises(InvalidRequest, match="not text"):
        expand(7, {})  # type: ignore[arg-type]
