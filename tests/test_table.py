"""Tables as people have them: Excel's CSV, JSONL, data frames; every bad row is named by its line."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts.table import BadRows, Problem, Table, field_of, missing, option, read

if TYPE_CHECKING:
    from pathlib import Path


def table(folder: Path, content: str | bytes, name: str = "prompts.csv") -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def values(found: Table) -> list[dict[str, Any]]:
    return [row.values for row in found.rows]  # noqa: PD011 - rows of ours, not of pandas


@pytest.mark.parametrize(
    "content",
    [
        "product,n\n红色的杯子,1\n",
        "\ufeffproduct,n\r\n红色的杯子,1\r\n",
        "product;n\n红色的杯子;1\n",
        "product\tn\n红色的杯子\t1",
        "sep=;\r\nproduct;n\r\n红色的杯子;1\r\n",
        "sep=\t\nproduct\tn\n红色的杯子\t1\n",
        "product,n,,\n红色的杯子,1,,\n,,,\n\n",
        '"product","n"\n"红色的杯子","1"\n',
        "product\tn\n红色的杯子\t1\n".encode("utf-16"),
        "product,n\n红色的杯子,1\n".encode("gbk"),
    ],
)
def test_a_csv_in_any_dress_is_the_same_table(content: str | bytes, tmp_path: Path) -> None:
    found = table(tmp_path, content)
    assert found.columns == ["product", "n"]
    assert values(found) == [{"product": "红色的杯子", "n": "1"}]
    assert not found.problems
    assert [("GBK" in note) for note in found.notes] == (
        [True] if content == "product,n\n红色的杯子,1\n".encode("gbk") else []
    )


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    found = table(tmp_path, 'prompt,n\n"two\nlines",1\n\na,2\nb\n"c"d,4\ne,5,6\nf,7\n')
    assert [(row.number, row.line) for row in found.rows] == [(1, 2), (2, 5), (6, 9)]
    assert values(found)[0]["prompt"] == "two\nlines"
    assert [(problem.row, problem.line) for problem in found.problems] == [(3, 6), (4, 7), (5, 8)]
    assert "1 values for 2 columns" in found.problems[0].what
    assert "quote" in found.problems[1].what
    assert "separator" in found.problems[2].fix


def test_an_unclosed_quote_is_named_where_it_was_opened(tmp_path: Path) -> None:
    found = table(tmp_path, 'prompt\na\n"b\n' + "c\n" * 100_000)
    assert [problem.line for problem in found.problems] == [3]
    assert "never closed" in found.problems[0].what


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_prompts_full_of_separators_do_not_change_the_columns(delimiter: str, tmp_path: Path) -> None:
    rows = "".join(f'"a, b; c, d; e\tf"{delimiter}{number}\n' for number in range(5))
    found = table(tmp_path, f"prompt{delimiter}n\n{rows}")
    assert [row["n"] for row in values(found)] == list("01234")


WRONG = {
    "no such file": (None, "none.csv", "cannot be read"),
    "a workbook": (b"PK\x03\x04xlsx", "a.xlsx", "CSV UTF-8"),
    "an old workbook": (b"\xd0\xcf\x11\xe0xls", "a.xls", "CSV UTF-8"),
    "bytes": (b"prompt\na\n\xff\xff\xff\n", "a.csv", "line 3"),
    "nothing": (b"", "a.csv", "holds no row"),
    "only names": (b"prompt,n\n", "a.csv", "holds no row"),
    "a column twice": (b"prompt,prompt\na,b\n", "a.csv", "stands twice"),
    "a column without a name": (b"prompt,,n\na,b,c\n", "a.csv", "no name"),
    "two columns for one field": (b"prompt,seed,Seed\na,1,2\n", "a.csv", "both set seed"),
    "a list of objects": (b'[{"prompt": "a"}]', "a.json", "JSONL"),
    "a control character in a name": (b"prompt,a\x00b\na,b\n", "a.csv", "control character"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_table_is_one_sentence(case: str, tmp_path: Path) -> None:
    content, name, told = WRONG[case]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRequest, match=told) as caught:
        read(tmp_path / name)
    assert str(caught.value).isprintable()


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "a", "seed": "18446744073709551615"}',
        "",
        '{"prompt": "b", "n": 2.5, "x": null}',
        '{"prompt": "c", "prompt": "d"}',
        "{broken",
        '{"prompt": ["e"]}',
        '"f"',
        '{"n": ' + "9" * 5000 + "}",
    ]
    found = table(tmp_path, "\r\n".join(lines), "a.jsonl")
    assert values(found) == [{"prompt": "a", "seed": str(2**64 - 1)}, {"prompt": "b", "n": 2.5, "x": None}]
    assert found.columns == ["prompt", "seed", "n", "x"]
    assert [(problem.line, problem.column) for problem in found.problems] == [
        (4, None),
        (5, None),
        (6, "prompt"),
        (7, None),
        (8, None),
    ]
    assert table(tmp_path, lines[0], "without-suffix").columns == ["prompt", "seed"]


def test_a_data_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"prompt": ["a", None], "seed": [1, np.nan], "n": pd.array([1, pd.NA], dtype="Int64"), 7: "x"})
    found = read(frame)
    assert found.unit == "row"
    assert found.columns == ["prompt", "seed", "n", "7"]
    assert option("seed", values(found)[0]["seed"]) == 1
    assert [missing(value) for value in values(found)[1].values()] == [True, True, True, False]
    frame.columns = ["a", "a", "b", "c"]
    with pytest.raises(InvalidRequest, match="twice"):
        read(frame)
    assert tmp_path.exists()


def test_rows_and_texts() -> None:
    found = read(["a cat", {"prompt": "a dog", "seed": np.int64(3)}, 7])
    assert values(found) == [{"prompt": "a cat"}, {"prompt": "a dog", "seed": 3}]
    assert [problem.line for problem in found.problems] == [3]
    for nothing in ([], (), 7, None, {"prompt": "a"}, b"a"):
        with pytest.raises(InvalidRequest):
            read(nothing)


def test_columns_that_set_a_field() -> None:
    assert [field_of(name) for name in ("seed", " Guidance Scale ", "negative-prompt", "sku")] == [
        "seed",
        "guidance_scale",
        "negative_prompt",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("seed", " 7 ", 7),
        ("steps", "8.0", 8),
        ("steps", 8.0, 8),
        ("steps", "8.5", "8.5"),
        ("seed", float(2**60), float(2**60)),
        ("seed", "1.84E+19", "1.84E+19"),
        ("guidance_scale", "2.5", 2.5),
        ("truncate", "TRUE", True),
        ("negative_prompt", " a ", " a "),
        ("model", " miniature ", "miniature"),
        ("sampler", "euler", "euler"),
    ],
)
def test_cells_become_values(name: str, cell: object, value: object) -> None:
    read_value = option(name, cell)
    assert read_value == value
    assert type(read_value) is type(value)


def test_other_programs_names_are_told(tmp_path: Path) -> None:
    assert "guidance_scale" in table(tmp_path, "prompt,cfg\na,1\n").notes[0]


def test_twenty_problems_are_listed_and_the_rest_counted() -> None:
    problems = [Problem(number, number + 1, "steps", "is wrong", "Mend it.") for number in range(1, 31)]
    error = BadRows("a.csv", problems, "line", "Mend them.")
    assert len(error.lines()) == 21
    assert error.lines()[0] == "line 2, column steps: is wrong. Mend it."
    assert error.lines()[-1] == "... and 10 more"
    assert "30 rows" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(st.sampled_from('a",;\t\n\r{}[]:'), max_size=60).map(str.encode))
def test_no_bytes_make_it_raise_anything_else(tmp_path: Path, content: bytes) -> None:
    for name in ("a.csv", "a.jsonl"):
        (tmp_path / name).write_bytes(content)
        try:
            found = read(tmp_path / name)
        except InvalidRequest as error:
            assert str(error).isprintable()  # noqa: PT017 - either is fine, anything else is not
        else:
            assert found.rows or found.problems
