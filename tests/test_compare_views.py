"""The slider and the ballot without a browser: what they tell a page, what they refuse, what a notebook keeps."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from stub_engine import StubEngine

from zimage_lab.compare.ballot import Ballot, texts
from zimage_lab.compare.slider import texts as slider_texts
from zimage_lab.compare.slider import widget
from zimage_lab.compare.slider.static import sheet
from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.compare import Comparison

HOSTILE = "</script><img src=x onerror=alert(1)>"
TWO: dict[str, Any] = {"eight": "miniature-turbo", "二步": {"model": "miniature-turbo", "steps": 2}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path_factory.mktemp("views"))
    yield made
    made.stop()


@pytest.fixture
def made(engine: StubEngine) -> Comparison:
    return engine.compare(["a red cat", HOSTILE], TWO, seeds=[1, 2**64 - 1], protocol={"warm_up": 0}).wait(60)


def heard(view: Any, monkeypatch: pytest.MonkeyPatch, **content: object) -> tuple[dict[str, Any], list[bytes]]:  # noqa: ANN401
    """Give the last answer to a page's word."""
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(view, "send", lambda told, buffers=(): sent.append((told, list(buffers))))
    view._hear(None, content, [])
    return sent[-1] if sent else ({}, [])


def test_a_slider_brings_the_picture_that_is_asked_for(made: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    slider = made.slider(left="二步", language="en")
    assert slider.view == {"left": 1, "right": 0}
    assert slider.told["seeds"] == ["1", str(2**64 - 1)], "a browser's numbers do not hold them"
    assert slider.states == [""] * 8
    told, (data,) = heard(slider, monkeypatch, kind="picture", number=7, place=5)
    assert told == {"kind": "picture", "number": 7, "mime": "image/png"}
    expected = next(one for one in made.results() if one.index == (1, 0, 1, 0))
    assert expected.image is not None
    assert Image.open(io.BytesIO(data)).tobytes() == expected.image.image.tobytes()
    for place in (-1, 8, "1", None):
        assert heard(slider, monkeypatch, kind="picture", number=1, place=place)[1] == []
    assert heard(slider, monkeypatch, kind="else") == ({}, [])


def test_what_no_slider_can_be_is_refused(made: Comparison, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="'nine' is not compared here"):
        made.slider(left="nine")
    with pytest.raises(InvalidRequest, match="no language"):
        made.slider(language="fr")
    with pytest.raises(InvalidRequest, match=r"end in \.html"):
        made.slider().save(tmp_path / "x.txt")
    with pytest.raises(InvalidRequest, match="pixels"):
        made.slider().save(tmp_path / "x.html", pixels=1)
    assert list(tmp_path.glob("x*")) == []


def test_pictures_that_come_later_appear(tmp_path: Path) -> None:
    held = StubEngine(tmp_path / "held", held=True)
    comparison = held.compare("a red cat", TWO, seeds=[1], protocol={"warm_up": 0})
    slider = comparison.slider(language="zh")
    assert all(slider.states)
    assert sheet(comparison) is None
    held.gate.set()
    comparison.wait(30)
    slider.refresh()
    assert slider.states == ["", ""]
    held.stop()


def test_a_page_holds_all_and_runs_nothing_else(made: Comparison, tmp_path: Path) -> None:
    text = made.slider(language="zh").save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert text.count("<script") == 2
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)
    assert text.count('": "UklGR') == 8, "each picture once"


def test_a_notebook_keeps_a_plain_picture(made: Comparison) -> None:
    bundle = made.slider()._repr_mimebundle_()
    picture = Image.open(io.BytesIO(bundle["image/jpeg"]))
    assert picture.width > picture.height / 2
    assert "run this cell" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_ballot_names_no_model(made: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    ballot = made.rate()
    assert isinstance(ballot, Ballot)
    assert heard(ballot, monkeypatch, kind="ask")[0] == {"kind": "name", "raters": []}
    told, _ = heard(ballot, monkeypatch, kind="begin", rater=" ", way="pairs")
    assert told["kind"] == "trouble"
    assert told["text"] == ballot.words["no_name"]
    votes: list[int] = []
    ballot.on_vote(lambda: votes.append(1))
    told, pictures = heard(ballot, monkeypatch, kind="begin", rater="Ann", way="pairs")
    assert (told["number"], told["of"], len(pictures)) == (1, 4, 2)
    assert not any(label in str(told) + str(ballot.words) for label in made.labels)
    assert set(told) == {"kind", "rater", "answered", "question", "number", "of", "prompt"}
    after, _ = heard(ballot, monkeypatch, kind="answer", said="left", question=told["question"])
    assert after["number"] == 2
    again, _ = heard(ballot, monkeypatch, kind="answer", said="right", question=told["question"])
    assert again["number"] == 2, "a second click"
    wrong, _ = heard(ballot, monkeypatch, kind="answer", said="both", question=after["question"])
    assert "is no answer" in wrong["text"]
    assert heard(ballot, monkeypatch, kind="undo")[0]["number"] == 1
    assert len(votes) == 3
    assert heard(ballot, monkeypatch, kind="leave")[0] == {"kind": "name", "raters": ["Ann"]}
    stars = made.rate("Bob", "stars")
    assert "application/vnd.jupyter.widget-view+json" in stars._repr_mimebundle_()[0]


@pytest.mark.parametrize("table", [texts.TEXTS, slider_texts.TEXTS])
def test_every_word_is_in_both_languages_and_used(table: dict[str, tuple[str, str]]) -> None:
    folder = "ballot" if table is texts.TEXTS else "slider"
    place = widget._PARTS.parent / folder
    code = "".join(path.read_text(encoding="utf-8") for path in [*place.glob("*.js"), place / "widget.py"])
    for key, (english, chinese) in table.items():
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", chinese)), key
        assert re.search("[㐀-鿿]", chinese), key
        assert not re.search("[㐀-鿿]", english), key
        # Keys that are put together of two: `label_${mode}`, `${key}_tip`, `state_...`.
        parts = key.rsplit("_", 1)
        assert f'"{key}"' in code or any(part in code for part in parts), key
