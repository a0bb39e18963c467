"""Votes as files: whole there and back, counted once, and refused where they are not this comparison's."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from stub_engine import StubEngine

from zimage_lab.compare import Comparison
from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TWO: dict[str, Any] = {"eight": "miniature-turbo", "two": {"model": "miniature-turbo", "steps": 2}}


@pytest.fixture
def rated(tmp_path: Path) -> Comparison:
    """Give a comparison with a vote of a pair, a tie that was taken back, a skip, and stars."""
    engine = StubEngine(tmp_path / "home")
    made = engine.compare(["a red cat", "一只红猫"], TWO, seeds=[1, 2], protocol={"warm_up": 0}, name="cats").wait(60)
    engine.stop()
    return made


def vote(comparison: Comparison) -> None:
    pairs = comparison.rate("安 <b>")
    pairs.answer("left")
    pairs.answer("tie")
    pairs.undo()
    pairs.skip()
    comparison.rate("Bob", "stars").answer(4)


def copied(comparison: Comparison, place: Path) -> Comparison:
    shutil.copytree(comparison.home, place)
    return Comparison.load(comparison.id, home=place)


@pytest.mark.parametrize("name", ["votes.json", "votes.CSV"])
def test_votes_go_there_and_back(rated: Comparison, tmp_path: Path, name: str) -> None:
    other = copied(rated, tmp_path / "copy")
    vote(rated)
    path = rated.save_votes(tmp_path / name)
    assert path.is_absolute()
    taken = other.load_votes(path)
    assert (taken.new, taken.known) == (5, 0)
    columns = ["id", "rater", "kind", "prompt", "left", "right", "choice", "stars", "counts", "cast_at"]
    assert other.votes()[columns].equals(rated.votes()[columns])
    assert str(other.load_votes(path)) == "0 new votes, 5 that were here already"
    assert len(other.votes()) == 5
    session = other.rate("安 <b>")
    assert session.answered == 2
    session.answer("right")


def test_an_answer_given_here_stays(rated: Comparison, tmp_path: Path) -> None:
    other = copied(rated, tmp_path / "copy")
    vote(rated)
    session = other.rate("安 <b>")
    for _ in range(4):
        session.answer("right")
    taken = other.load_votes(rated.save_votes(tmp_path / "votes.json"))
    assert taken.new == 1, "the stars alone"
    votes = other.votes()
    assert (votes[votes.kind == "pair"].choice == "right").all()


def changed(rated: Comparison, tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    path = rated.save_votes(tmp_path / "changed.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InvalidRequest) as error:
        rated.load_votes(path)
    return str(error.value)


def test_what_cannot_be_is_refused_as_a_whole(rated: Comparison, tmp_path: Path) -> None:
    vote(rated)
    before = len(rated.votes())

    def first(**values: object) -> str:
        # The last vote is new; nothing of it may be kept because of the first one.
        def change(told: dict[str, Any]) -> None:
            told["votes"].append(told["votes"][-1] | {"id": "new", "rater": "Eve"})
            told["votes"][0] |= values

        return changed(rated, tmp_path, change)

    refused = changed(rated, tmp_path, lambda told: told.update(comparison="another", name="dogs"))
    assert "they are of another comparison, 'dogs'" in refused
    assert f"give votes of 'cats' ({rated.id})" in refused
    assert "another comparison" in first(comparison_id="x")
    assert "is on the picture 'y', which is not part of cats" in first(left_record="y")
    assert "record_id" in first(right_record="y")
    assert "does not ask about its own pictures" in first(question="9.9.0.1")
    assert "of a kind that cannot be, 'pairs'" in first(kind="pairs")
    assert "says 'both'" in first(choice="both")
    assert "gives '3' stars" in first(stars=3)
    assert "names 'None' as taken back" in first(kind="undo", choice=None)
    assert "a number that cannot be read" in first(number="many")
    assert "a number that cannot be read" in first(cast_at="yesterday")
    assert "whose name cannot be" in first(rater="x" * 101)
    assert "has no rater" in first(rater=7)
    assert "no file of votes" in changed(rated, tmp_path, lambda told: told.pop("format"))
    assert len(rated.votes()) == before


def test_files_that_are_no_votes(rated: Comparison, tmp_path: Path) -> None:
    vote(rated)
    for name, text, said in (
        ("a.json", "{", "cannot be read"),
        ("a.json", "[]", "is no file of votes"),
        ("a.csv", "id,rater\n1,2\n", "has no column 'comparison_id'"),
        ("a.csv", '"', "cannot be read"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InvalidRequest, match=said):
            rated.load_votes(tmp_path / name)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    for path, said in (
        (tmp_path / "b.json", "cannot be read"),
        (tmp_path / "c.json", "cannot be read"),
        ("d.xls", r"end in \.json"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            rated.load_votes(path)
    with pytest.raises(InvalidRequest, match="no folder"):
        rated.save_votes(tmp_path / "nowhere" / "a.json")
    with pytest.raises(InvalidRequest, match=r"end in \.json"):
        rated.save_votes(tmp_path / "a.txt")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidRequest, match="is a folder"):
        rated.save_votes(tmp_path / "folder.csv")


def test_a_table_says_of_each_row_which_comparison_it_is_of(rated: Comparison, tmp_path: Path) -> None:
    vote(rated)
    path = rated.save_votes(tmp_path / "votes.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert {row["comparison_id"] for row in rows} == {rated.id}
    path.write_text(path.read_text(encoding="utf-8-sig").replace(rated.id, "another", 1), encoding="utf-8")
    with pytest.raises(InvalidRequest, match="they are of another comparison, 'another'"):
        rated.load_votes(path)
