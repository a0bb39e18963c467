"""Named styles: put around prompts, kept in the file format that people have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import styles
from zimage_lab.prompts.styles import Style

if TYPE_CHECKING:
    from pathlib import Path


def test_styles_of_automatic1111_are_read(tmp_path: Path) -> None:
    (tmp_path / styles.FILE).write_text(
        '\ufeffname,prompt,negative_prompt\nWatercolour,"{prompt}, watercolour, paper","photo"\n'
        "Night,at night,\n,lost,lost\nEmpty,,\n水墨,水墨画,\n",
        encoding="utf-8",
    )
    known = styles.read(tmp_path)
    assert list(known) == ["Watercolour", "Night", "水墨"]
    assert styles.apply("a cat", "", ["Watercolour", "Night"], known) == (
        "a cat, watercolour, paper, at night",
        "photo",
    )
    assert styles.apply("一只猫", "模糊", ["水墨", "Watercolour"], known) == (
        "一只猫，水墨画, watercolour, paper",
        "模糊, photo",
    )
    assert styles.apply("a cat", "", [], known) == ("a cat", "")
    with pytest.raises(InvalidRequest, match="there is no style 'night'"):
        styles.apply("a cat", "", ["night"], known)


def test_a_style_is_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    assert styles.read(tmp_path) == {}
    styles.save(Style("A, B", 'with "quotes"\nand lines'), tmp_path)
    styles.save(Style("other", "x"), tmp_path)
    styles.save(Style("other", "", "y"), tmp_path)
    assert styles.read(tmp_path) == {
        "A, B": Style("A, B", 'with "quotes"\nand lines'),
        "other": Style("other", "", "y"),
    }
    styles.remove("other", tmp_path)
    assert list(styles.read(tmp_path)) == ["A, B"]
    with pytest.raises(InvalidRequest, match="there is no style"):
        styles.remove("other", tmp_path)


@pytest.mark.parametrize("style", [Style("", "x"), Style("x" * 101, "x"), Style("x", " "), Style("x", "\x07")])
def test_what_is_no_style_is_refused(tmp_path: Path, style: Style) -> None:
    with pytest.raises(InvalidRequest):
        styles.save(style, tmp_path)
    assert not (tmp_path / styles.FILE).exists()


def test_a_file_that_is_no_table_of_styles(tmp_path: Path) -> None:
    (tmp_path / styles.FILE).write_text("<html>", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="has no column called name"):
        styles.read(tmp_path)


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, TEXT)
def test_whatever_is_kept_is_read_again(tmp_path: Path, name: str, prompt: str) -> None:
    try:
        styles.save(Style(name, prompt), tmp_path)
    except InvalidRequest:
        return
    assert styles.read(tmp_path)[name.strip()].prompt == prompt
