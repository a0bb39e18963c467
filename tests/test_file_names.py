"""Names of files from anybody's table: safe on every system, never two the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts.file_names import FileNames
from zimage_lab.store.file_names import NAME_BYTES, safe

BAD = '/\\:*?"<>|\0\n\u202e\u2028'


@given(st.text() | st.text(st.sampled_from("./\\ \0aux:é\u202e猫")))
def test_any_text_makes_a_safe_stem(text: str) -> None:
    stem = safe(text)
    assert stem
    assert stem == safe(stem), "it is safe already"
    assert not set(BAD) & set(stem)
    assert stem[0] not in ". "
    assert len(stem.encode()) <= NAME_BYTES
    assert stem.isprintable()


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x", "C__x"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1", "_com1"),
        ("console", "console"),
        ("", "picture"),
        (" .. ", "picture"),
        ("杯子 红", "杯子 红"),
        ("half\udc80", "half_"),
        ("a\u202egnp", "a_gnp"),
    ],
)
def test_what_would_lead_elsewhere_does_not(text: str, stem: str) -> None:
    assert safe(text) == stem


@given(st.lists(st.text(st.sampled_from("aAéE_2猫"), max_size=3) | st.just("猫" * 200), max_size=30))
def test_no_two_pictures_share_a_name(texts: list[str]) -> None:
    names = FileNames("{a}")
    given_out = [names.give({"a": text}) for text in texts]
    folded = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()) for name in given_out}
    assert len(folded) == len(texts), "nor on a system that takes a for A"
    assert all(len(name.encode()) <= NAME_BYTES and name.endswith(".png") for name in given_out)


def test_duplicates_get_a_number_and_taken_names_are_left_alone() -> None:
    names = FileNames("{sku}_{seed}.png", taken=["B_1.png"])
    assert [names.give({"sku": sku, "seed": 1}) for sku in "AAaB"] == ["A_1.png", "A_1_2.png", "a_1_3.png", "B_1_2.png"]


@pytest.mark.parametrize("template", ["out/{a}", "{a}\\b", "a:b", "{a", "{a}*", "../{a}"])
def test_a_template_with_a_separator_is_refused(template: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        FileNames(template)
    assert caught.value.field == "name"
