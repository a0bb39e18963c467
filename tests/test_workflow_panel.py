"""A workflow in the panel: its nodes as a list, values as fields, run and exported."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import pytest
from graphs import article, canvas
from samples import record
from stub_engine import StubEngine

from zimage_lab.errors import InvalidRequest
from zimage_lab.result import GeneratedImage
from zimage_lab.widgets import bringing
from zimage_lab.widgets.panel import newest, panel
from zimage_lab.widgets.viewer import GRAPH, Viewer
from zimage_lab.widgets.words import Words
from zimage_lab.widgets.workflow import MOST, WorkflowPart
from zimage_lab.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stub(own_home: Path) -> Iterator[StubEngine]:
    made = StubEngine(own_home, held=True)
    yield made
    made.stop()


def part(engine: StubEngine | None, graph: object, language: str = "en") -> WorkflowPart:
    made = WorkflowPart(Words("zh" if language == "zh" else "en"), lambda: engine, lambda: None)
    made.open("shop.json", json.dumps(graph).encode())
    return made


def saved(shown: str) -> dict[str, object]:
    found = re.search(r'href="data:application/json;base64,([^"]+)"', shown)
    assert found is not None
    graph: dict[str, object] = json.loads(base64.b64decode(found[1]))
    return graph


def test_every_value_of_a_graph_is_a_field(stub: StubEngine) -> None:
    shown = part(stub, article(n10_seed=2**64 - 1))
    assert {"3.ckpt_name", "6.text", "7.text", "5.width", "10.seed", "10.sampler_name"} <= set(shown.fields)
    assert shown.fields["10.seed"].value == "18446744073709551615"
    assert "10.model" not in shown.fields
    assert len(shown.list.children) == 7


def test_a_changed_value_is_run_and_exported(stub: StubEngine) -> None:
    shown = part(stub, article())
    shown.fields["6.text"].value = "a blue fish"
    shown.fields["10.seed"].value = "18446744073709551615"
    shown.fields["10.steps"].value = "3"
    shown.run.click()
    (job,) = stub.jobs()
    assert (job.request.prompt, job.request.seed, job.request.steps) == ("a blue fish", 2**64 - 1, 3)
    assert "draws in their place" in shown.told.value
    shown.save.click()
    graph = saved(shown.saved.value)
    assert graph["6"]["inputs"]["text"] == "a blue fish"  # type: ignore[index]


def test_what_is_wrong_stands_below_its_node(stub: StubEngine) -> None:
    shown = part(stub, article())
    shown.fields["10.steps"].value = "many"
    shown.run.click()
    assert not stub.jobs()
    assert "Failed to convert" in shown.under["10"].value
    shown.fields["10.steps"].value = "4"
    shown.run.click()
    assert shown.under["10"].value == ""
    assert len(stub.jobs()) == 1


def test_no_text_of_a_graph_acts_on_the_page(stub: StubEngine) -> None:
    bad = "<img src=x onerror=alert(1)>"
    graph = article()
    graph[bad] = {"class_type": bad, "inputs": {}, "_meta": {"title": bad}}
    shown = part(stub, graph)
    told = "".join(
        child.value for row in shown.list.children for child in row.children if "HTML" in type(child).__name__
    )
    assert "<img" not in told
    assert "There is no such node here." in told
    shown.run.click()
    assert "<img" not in shown.told.value


@pytest.mark.parametrize("source", [b"{", b"[]", b"\x89PNG nothing", b"{}"])
def test_a_file_without_a_graph_is_a_sentence(stub: StubEngine, source: bytes) -> None:
    shown = WorkflowPart(Words("en"), lambda: stub, lambda: None)
    shown.open("x.json", source)
    shown.run.click()
    assert "zl-error" in shown.told.value
    assert not stub.jobs()


def test_a_long_graph_is_listed_in_part(stub: StubEngine) -> None:
    graph = article()
    graph |= {f"n{one}": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}} for one in range(200)}
    shown = part(stub, graph, "zh")
    assert len(shown.list.children) == MOST
    assert "未显示" in shown.note.value


def test_a_workflow_s_file_is_opened_in_the_panel(stub: StubEngine, tmp_path: Path) -> None:
    panel(stub, outputs=False)
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(canvas()))
    bringing.bring(str(file), "workflow")
    bringing.bring(str(file), "workflow")
    shown = bringing._workflows[newest()]
    assert shown.fold.head.description == "Workflow shop.json"
    assert "57:27.text" in shown.fields
    assert newest().create.form.settings.body.children.count(shown.widget) == 1
    with pytest.raises(InvalidRequest, match="workflow"):
        bringing.bring(str(file), "other")
    newest().close()


def test_the_gallery_exports_a_picture_s_workflow() -> None:
    viewer = Viewer(Words("en"))
    viewer.result = GeneratedImage(record(), None)
    viewer.format.value = GRAPH
    viewer.export.click()
    assert Workflow.load(saved(viewer.saved.value)).request() is not None
    assert viewer.saved.value.count(".json") == 2
