"""What helps with writing: earlier prompts, styles, and many prompts from one, as the panel offers them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from samples import keep_picture, record

from zimage_lab import models
from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import styles
from zimage_lab.widgets.form import MOST, Form
from zimage_lab.widgets.words import Words

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def form(tmp_path: Path) -> Form:
    """Give a form for the bundled model, in a home of its own."""
    made = Form(Words("en"))
    made.writing.place = lambda: tmp_path
    made.use(models.find("miniature-turbo"))
    made.prompt.value = "a red cat"
    made.seed.take(5)
    return made


def prompts(form: Form) -> list[str]:
    return [one.prompt for one in form.requests()]


def chips(box: object) -> dict[str, object]:
    return {button.description: button for part in box.children for button in getattr(part, "children", ())}


def test_several_pictures_have_consecutive_seeds(form: Form) -> None:
    form.seed.pictures.value = 3
    assert form.number == 3
    assert [one.seed for one in form.requests()] == [5, 6, 7]
    form.seed.take(2**64 - 1)
    assert [one.seed for one in form.requests()] == [2**64 - 1, 0, 1]


@pytest.mark.parametrize("number", [0, -1, MOST + 1])
def test_a_number_of_pictures_that_cannot_be(form: Form, number: int) -> None:
    form.seed.pictures.value = number
    assert f"from 1 to {MOST}" in form.seed.row.under.value
    form.seed.pictures.value = 1
    assert form.seed.row.under.value == ""


def test_choices_count_before_anything_runs(form: Form) -> None:
    form.prompt.value = "a {red|blue} {cat|dog|fish}"
    assert form.number == 1  # nobody asked for choices
    assert prompts(form) == ["a {red|blue} {cat|dog|fish}"]
    form.writing.wildcards.value = True
    form.seed.pictures.value = 2
    assert form.number == 12
    assert "6 prompts" in form.writing.many.head.description
    assert "a blue fish" in form.writing.listed.value
    assert len(prompts(form)) == 12
    assert form.prompt.row.under.value.find("red|blue") < 0  # the first prompt is judged, not the text
    form.prompt.value = "a {red|blue"
    assert "cannot be read" in form.writing.rows_row.under.value


def test_a_table_fills_names(form: Form) -> None:
    form.prompt.value = "a {colour} {animal}"
    form.writing.rows.value = "colour,animal\nred,cat\nblue,狗\n"
    assert prompts(form) == ["a red cat", "a blue 狗"]
    form.prompt.value = "a {colr} cat"
    assert "{colr} is not known" in form.writing.rows_row.under.value
    form.writing.rows.value = ""
    assert prompts(form) == ["a {colr} cat"]


def test_a_table_comes_from_a_file(form: Form) -> None:
    data = "动物\n猫\n".encode("gbk")
    sent = {"name": "a.csv", "type": "text/csv", "size": len(data), "last_modified": datetime.now(UTC)}
    form.prompt.value = "一只{动物}"
    form.writing.file.value = ({**sent, "content": data},)
    assert prompts(form) == ["一只猫"]
    form.writing.file.value = ({**sent, "content": b"PK\x03\x04"},)
    assert "Excel workbook" in form.writing.rows_row.under.value
    assert prompts(form) == ["一只猫"]


def test_too_many_are_refused(form: Form) -> None:
    form.prompt.value = "{1|2|3|4|5|6|7|8|9|0} {1|2|3|4|5|6|7|8|9|0}"
    form.writing.wildcards.value = True
    form.seed.pictures.value = 11
    with pytest.raises(InvalidRequest, match="1100 pictures are more"):
        form.requests()


def test_styles_are_saved_used_and_removed(form: Form, tmp_path: Path) -> None:
    writing = form.writing
    writing.styles.head.click()
    assert "No styles yet" in writing.style_chips.children[0].value
    form.prompt.value = "poster of {prompt}"
    writing.save.click()
    assert "Name is empty" in writing.style_row.under.value
    writing.name.value = "poster"
    writing.save.click()
    assert styles.read(tmp_path)["poster"].prompt == "poster of {prompt}"
    form.prompt.value = "a cat"
    chips(writing.style_chips)["poster"].click()
    assert prompts(form) == ["poster of a cat"]
    assert "poster on" in writing.styles.head.description
    writing.remove.click()
    assert prompts(form) == ["a cat"]
    assert styles.read(tmp_path) == {}


def test_earlier_prompts_are_found_and_taken(form: Form, tmp_path: Path) -> None:
    writing = form.writing
    writing.earlier.head.click()
    assert "are listed here" in writing.found.children[0].value
    for prompt in ("a dog", "一只猫", "a dog"):
        keep_picture(tmp_path, Image.new("RGB", (16, 16)), record(prompt))
    writing.list_earlier()
    assert list(chips(writing.found)) == ["a dog", "一只猫"]
    writing.look.value = "猫"
    chips(writing.found)["一只猫"].click()
    assert form.prompt.value == "一只猫"
    writing.look.value = "fish"
    assert "No earlier prompt" in writing.found.children[0].value
