"""One text for many prompts: what people write is read, what cannot be read is a sentence, and nothing runs away."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import wildcards

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / wildcards.FOLDER
    (folder / "sky").mkdir(parents=True)
    (folder / "animals.txt").write_text("cat\n# a remark\ndog\n__sky/birds__\n", encoding="utf-8")
    (folder / "sky" / "birds.txt").write_text("owl\nwren\n", encoding="utf-8")
    (folder / "颜色.txt").write_text("红\n蓝\n", encoding="utf-8")
    (folder / "loop.txt").write_text("__loop__\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("a red cat", ["a red cat"]),
        ("a {red|blue} cat", ["a red cat", "a blue cat"]),
        ("{a|b} {c|d}", ["a c", "a d", "b c", "b d"]),
        ("a {2$$ and $$x|y}", ["a x and y", "a y and x"]),
        ("__sky/birds__ at night", ["owl at night", "wren at night"]),
        ("__animals__", ["owl", "wren", "cat", "dog"]),
        ("一只__颜色__色的{猫|狗}", ["一只红色的猫", "一只红色的狗", "一只蓝色的猫", "一只蓝色的狗"]),
        ("${c={red|blue}}a ${c} cat", ["a red cat", "a blue cat"]),
        ("(a cat:1.2) [no jinja] {{ 1 + 1 }}", ["(a cat:1.2) [no jinja] 1 + 1"]),
    ],
)
def test_every_prompt_of_a_text(place: Path, text: str, prompts: list[str]) -> None:
    assert wildcards.every(text, place) == prompts
    assert wildcards.number(text, place) == len(prompts)
    assert wildcards.holds(text) == (len(prompts) > 1)


def test_the_same_randomness_draws_the_same(place: Path) -> None:
    text = "a {red|blue|green} __animals__"
    first = wildcards.drawn(text, 20, random.Random(1), place)
    assert first == wildcards.drawn(text, 20, random.Random(1), place)
    assert first != wildcards.drawn(text, 20, random.Random(2), place)
    assert set(first) <= set(wildcards.every(text, place))
    often = wildcards.drawn("{9::a|1::b}", 200, random.Random(3), place)
    assert often.count("a") > 5 * often.count("b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a|b", "cannot be read"),
        ("__animal__", r"there is no wildcard 'animal' .* Did you mean 'animals'\?"),
        ("__loop__", "stands for itself"),
        ("{" + "|".join(map(str, range(120))) + "}" + "{" + "|".join(map(str, range(120))) + "}", "more than 10,000"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(place: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        wildcards.every(text, place)


def test_what_is_there(place: Path, tmp_path: Path) -> None:
    assert wildcards.names(place) == ("animals", "loop", "sky/birds", "颜色")
    assert wildcards.names(tmp_path / "other") == ()


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    try:
        found = wildcards.every(text)
    except InvalidRequest:
        return
    assert all(isinstance(one, str) for one in found)
