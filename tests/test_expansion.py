"""One text for many prompts: rows, wildcards and styles together, and nothing that was not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import Written, expand
from zimage_lab.prompts import styles as all_styles
from zimage_lab.prompts.styles import Style
from zimage_lab.prompts.table import BadRows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"animal": "cat", "colour": "red"}, {"animal": "狗", "colour": "{blue|green}"}]


def prompts(text: str, **options: object) -> list[str]:
    return [one.prompt for one in expand(text, **options)]  # type: ignore[arg-type]


@given(st.text())
def test_a_text_is_its_own_prompt(text: str) -> None:
    assert expand(text, text) == [Written(text, text)]


def test_rows_fill_names() -> None:
    assert prompts("a {colour} {animal}", rows=ROWS) == ["a red cat", "a {blue|green} 狗"]
    assert expand("a {animal}", "no {x}", rows=ROWS[:1], variables={"x": 7, "animal": "?"}) == [
        Written("a cat", "no 7")
    ]
    assert prompts("{{a}} {x}", variables={"x": 1.5}) == ["{a} 1.5"]


def test_wildcards_come_after_and_never_read_a_value() -> None:
    assert prompts("a {big|small} {colour} {animal}", rows=ROWS, wildcards=True) == [
        "a big red cat",
        "a small red cat",
        "a big {blue|green} 狗",
        "a small {blue|green} 狗",
    ]
    assert prompts("{a|b} {c|d}", wildcards=True) == ["a c", "a d", "b c", "b d"]


def test_some_are_drawn_at_random() -> None:
    first = prompts("{a|b|c} {d|e|f}", wildcards=True, draws=5, seed=1)
    assert len(first) == 5
    assert first == prompts("{a|b|c} {d|e|f}", wildcards=True, draws=5, seed=1)
    assert first != prompts("{a|b|c} {d|e|f}", wildcards=True, draws=5, seed=2)


def test_styles_go_around(tmp_path: Path) -> None:
    all_styles.save(Style("poster", "poster of {prompt}, bold", "blurry"), tmp_path)
    assert expand("{a|b}", "dark", wildcards=True, styles=["poster"], place=tmp_path) == [
        Written("poster of a, bold", "dark, blurry"),
        Written("poster of b, bold", "dark, blurry"),
    ]
    with pytest.raises(InvalidRequest, match="postr"):
        expand("a", styles=["postr"], place=tmp_path)


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("{nme}", {"rows": ROWS}, "nme"),
        ("{", {"variables": {}}, "without its partner"),
        ("{a|b", {"wildcards": True}, "cannot be read"),
        ("__nobody__", {"wildcards": True}, "no wildcard"),
        ("{1|2|3|4|5|6|7|8|9|0}" * 5, {"wildcards": True}, "more than 10,000"),
        ("{a|b|c|d|e}" * 4, {"wildcards": True, "rows": [{"x": "1"}] * 20}, "more than 10,000"),
        ("{animal}", {"rows": 7}, "no table"),
    ],
)
def test_what_cannot_be_is_a_sentence(text: str, options: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=told):
        expand(text, place=tmp_path, **options)  # type: ignore[arg-type]


def test_rows_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("animal,colour\ncat\ndog,red\nfish,red,blue\n", encoding="utf-8")
    with pytest.raises(BadRows, match="2 rows"):
        expand("{animal}", rows=tmp_path / "a.csv")
