"""A graph is held against its nodes: ComfyUI's error types and shapes, and hostile inputs that must not hurt."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from graphs import ARTICLE, article, canvas, from_picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from zimage_lab.errors import InvalidRequest
from zimage_lab.workflow import Workflow, object_info

if TYPE_CHECKING:
    from pathlib import Path

DEEP = 10_000


def deep() -> object:
    value: object = 1
    for _ in range(DEEP):
        value = [value]
    return value


def errors(graph: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = Workflow.load(graph).validate()
    return {number: told["errors"] for number, told in found.node_errors.items()}


def test_the_article_s_graph_is_plain_and_says_who_draws() -> None:
    workflow = Workflow.load(article())
    found = workflow.validate()
    assert not found
    assert found.outputs == ["11"]
    assert any("miniature-turbo draws in their place" in one for one in found.warnings)
    request = workflow.request()
    assert request is not None
    assert (request.model, request.seed, request.sampler, request.scheduler) == (
        "miniature-turbo",
        12345,
        "euler",
        "normal",
    )
    assert (request.guidance_scale, request.width, request.negative_prompt) == (0.0, 64, "blurry")


def test_a_real_model_s_size_is_honoured_on_a_miniature_with_a_warning() -> None:
    workflow = Workflow.load(article(n5_width=1024, n5_height=1024, n10_cfg=7.0))
    found = workflow.validate()
    assert any("at 1024x1024 things may double or break" in one for one in found.warnings)
    request = workflow.request()
    assert request is not None
    assert (request.width, request.height, request.guidance_scale) == (1024, 1024, 6.0)


@pytest.mark.parametrize(
    ("changes", "node", "kind", "field"),
    [
        ({"n5_width": 8}, "5", "value_smaller_than_min", "width"),
        ({"n5_width": 10**5}, "5", "value_bigger_than_max", "width"),
        ({"n5_width": 10**4999}, "5", "value_bigger_than_max", "width"),
        ({"n5_width": "wide"}, "5", "invalid_input_type", "width"),
        ({"n5_width": None}, "5", "invalid_input_type", "width"),
        ({"n5_width": float("inf")}, "5", "invalid_input_type", "width"),
        ({"n5_width": float("nan")}, "5", "invalid_input_type", "width"),
        ({"n10_cfg": float("nan")}, "10", "invalid_input_type", "cfg"),
        ({"n10_cfg": "1e999"}, "10", "invalid_input_type", "cfg"),
        ({"n10_cfg": [1, 2, 3]}, "10", "bad_linked_input", "cfg"),
        ({"n10_seed": -1}, "10", "value_smaller_than_min", "seed"),
        ({"n10_seed": 2**64}, "10", "value_bigger_than_max", "seed"),
        ({"n10_steps": 0}, "10", "value_smaller_than_min", "steps"),
        ({"n10_steps": 10**9}, "10", "value_bigger_than_max", "steps"),
        ({"n10_sampler_name": "karras"}, "10", "value_not_in_list", "sampler_name"),
        ({"n10_scheduler": 3}, "10", "value_not_in_list", "scheduler"),
        ({"n3_ckpt_name": "sd_xl_base_1.0.safetensors"}, "3", "value_not_in_list", "ckpt_name"),
        ({"n3_ckpt_name": "../../etc/passwd"}, "3", "value_not_in_list", "ckpt_name"),
        ({"n3_ckpt_name": "/elsewhere/model"}, "3", "value_not_in_list", "ckpt_name"),
        ({"n10_model": ["99", 0]}, "10", "bad_linked_input", "model"),
        ({"n10_model": ["3", -1]}, "10", "bad_linked_input", "model"),
        ({"n10_model": ["3", 99]}, "10", "bad_linked_input", "model"),
        ({"n10_model": ["3", "0"]}, "10", "bad_linked_input", "model"),
        ({"n10_model": ["3", True]}, "10", "bad_linked_input", "model"),
        ({"n10_model": "3"}, "10", "bad_linked_input", "model"),
        ({"n10_model": ["3", 1]}, "10", "return_type_mismatch", "model"),
        ({"n8_samples": ["8", 0]}, "8", "return_type_mismatch", "samples"),
    ],
)
def test_each_error_has_comfyui_s_type_and_names_the_input(
    changes: dict[str, Any], node: str, kind: str, field: str
) -> None:
    found = Workflow.load(article(**changes)).validate()
    assert found
    assert found.error is not None
    assert found.error["type"] == "prompt_outputs_failed_validation"
    assert set(found.error) == {"type", "message", "details", "extra_info"}
    told = found.node_errors[node]
    assert told["class_type"] == ARTICLE[node]["class_type"]
    assert told["dependent_outputs"] == ["11"]
    one = next(one for one in told["errors"] if one["type"] == kind)
    assert one["extra_info"]["input_name"] == field
    assert {"input_config", "received_value"} <= set(one["extra_info"])
    assert len(json.dumps(found.node_errors)) < 20_000
    assert Workflow.load(article(**changes)).request() is None


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "prompt_no_outputs"),
        (
            {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "z-image-turbo"}}},
            "prompt_no_outputs",
        ),
        ({"1": {"class_type": "Teapot", "inputs": {}}}, "missing_node_type"),
        ({"1": {"inputs": {}}}, "missing_node_type"),
        ({"1": {"class_type": ["SaveImage"], "inputs": {}}}, "missing_node_type"),
    ],
)
def test_what_stops_all_of_a_graph(change: dict[str, Any], kind: str) -> None:
    found = Workflow.load(change).validate()
    assert found.error is not None
    assert found.error["type"] == kind
    if kind == "missing_node_type":
        assert set(found.error["extra_info"]) == {"node_id", "class_type", "node_title"}


@pytest.mark.parametrize("circle", [["20"], ["20", "21"], [str(20 + step) for step in range(50)]], ids=len)
def test_circles_are_told(circle: list[str]) -> None:
    graph = article()
    for number, following in zip(circle, [*circle[1:], circle[0]], strict=True):
        graph[number] = {
            "class_type": "ModelSamplingAuraFlow",
            "inputs": {"shift": 3.0, "model": [following, 0]},
        }
    graph["10"]["inputs"]["model"] = [circle[0], 0]
    told = errors(graph)
    assert set(told) == set(circle)
    assert {one["type"] for each in told.values() for one in each} == {"dependency_cycle"}


def test_a_good_output_runs_and_a_bad_one_is_dropped() -> None:
    graph = article()
    graph["12"] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}
    found = Workflow.load(graph).validate()
    assert not found
    assert found.outputs == ["11"]
    (one,) = found.node_errors["12"]["errors"]
    assert (one["type"], one["details"]) == ("required_input_missing", "images")


def test_literals_are_coerced_and_unwrapped_and_strangers_ignored() -> None:
    graph = article(n10_steps="2", n5_width=64.0, n10_seed="7")
    graph["10"]["inputs"] |= {"left_over": 1}
    graph["6"]["inputs"]["text"] = {"__value__": "a red cat"}
    request = Workflow.load(graph).request()
    assert request is not None
    assert (request.steps, request.width, request.seed, request.prompt) == (2, 64, 7, "a red cat")


@pytest.mark.parametrize("prefix", ["../../x", "..\\x", "/etc/x", "~/x", "C:\\x", "a/../../b", "x" * 500, "a\0b"])
def test_no_file_leaves_its_folder(prefix: str) -> None:
    (one,) = errors(article(n11_filename_prefix=prefix))["11"]
    assert one["type"] == "custom_validation_failed"
    assert "filename_prefix" in one["details"]


@pytest.mark.parametrize("name", ["cat.png", "../home/lab.db", "/etc/passwd", "..", "a\0.png", "0" * 64, "lab.db"])
def test_only_pictures_that_were_given_are_loaded(name: str, own_home: Path) -> None:
    (own_home / "input").mkdir(parents=True)
    (own_home / "input" / "lab.db").write_text("secret")
    graph = from_picture()
    graph["20"]["inputs"]["image"] = name
    (one,) = errors(graph)["20"]
    assert one["type"] == "custom_validation_failed"


def test_a_given_picture_is_found_by_its_name(own_home: Path) -> None:
    workflow = Workflow.load(from_picture())
    cat = Image.new("RGB", (80, 64), "red")
    assert not workflow.validate(images={"cat.png": cat})
    request = workflow.job_request(images={"cat.png": cat})
    assert request.workflow is not None
    assert (request.width, request.height, request.prompt) == (80, 64, ARTICLE["6"]["inputs"]["text"])
    loaded = json.loads(request.workflow)["20"]["inputs"]["image"]
    assert (own_home / "inputs" / f"{loaded}.png").is_file()
    assert workflow.request(images={"cat.png": cat}) is None


@pytest.mark.parametrize(
    "graph",
    [
        {str(number): {"class_type": "SaveImage", "inputs": {}} for number in range(100_000)},
        {"1": {"class_type": "SaveImage", "inputs": {"images": deep()}}},
        {"1": {"class_type": "SaveImage", "inputs": []}},
        {"1": ["SaveImage"]},
        {"1": {"class_type": "SaveImage", "inputs": {"images": object()}}},
        {"1": {"class_type": "SaveImage", "inputs": {"images": list(range(300_000))}}},
        [],
        None,
        7,
        "{",
        "[]",
        '{"1": {"class_type": "SaveImage"}, "1": {}}',
        '{"1": ' + "[" * DEEP + "]" * DEEP + "}",
        "no/such/file.json",
        "a\0b",
        b"\x89PNG\r\n\x1a\n broken",
        b"\xff\xfe nothing",
    ],
)
def test_what_is_no_graph_is_refused_with_a_sentence(graph: Any) -> None:  # noqa: ANN401 - anything at all
    with pytest.raises(InvalidRequest) as refused:
        Workflow.load(graph)
    assert len(str(refused.value)) < 400


def test_a_long_chain_is_followed_without_recursion() -> None:
    graph, before = article(), "3"
    for step in range(1900):
        number = f"c{step}"
        graph[number] = {"class_type": "ModelSamplingAuraFlow", "inputs": {"shift": 3.0, "model": [before, 0]}}
        before = number
    graph["10"]["inputs"]["model"] = [before, 0]
    request = Workflow.load(graph).request()
    assert request is not None
    assert request.shift == 3.0


def test_a_graph_in_the_ui_format_is_named_where_the_api_s_is_wanted() -> None:
    with pytest.raises(InvalidRequest, match=r"Export \(API\)"):
        Workflow.load(canvas(), canvas=False)


def test_object_info_has_comfyui_s_shape() -> None:
    told = object_info()
    for one in told.values():
        assert {"input", "input_order", "output", "output_is_list", "output_name", "name", "display_name"} <= set(one)
        assert list(one["input"]["required"]) == one["input_order"]["required"]
        assert len(one["output"]) == len(one["output_is_list"]) == len(one["output_name"])
    assert told["KSampler"]["input"]["required"]["sampler_name"][0] == ["euler", "heun", "res_multistep", "dpmpp_2m"]
    assert told["KSampler"]["input"]["required"]["seed"][1]["max"] == 2**64 - 1
    assert told["SaveImage"]["output_node"] is True
    assert object_info("Teapot") == {}
    assert list(object_info("KSampler")) == ["KSampler"]
    json.dumps(told)


def test_the_longest_lists_are_not_sent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from zimage_lab.workflow import names

    monkeypatch.setattr(names, "adapters", lambda _: [])
    graph = article()
    graph["2"] = {
        "class_type": "LoraLoaderModelOnly",
        "inputs": {"lora_name": "x.safetensors", "strength_model": 1.0, "model": ["3", 0]},
    }
    graph["10"]["inputs"]["model"] = ["2", 0]
    (one,) = errors(graph)["2"]
    assert one["type"] == "value_not_in_list"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
links = st.tuples(st.sampled_from([*ARTICLE, "99"]), st.integers(-2, 4) | st.text(max_size=2)).map(list)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_graph_breaks_the_check(data: st.DataObject) -> None:
    graph = copy.deepcopy(ARTICLE)
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.sampled_from(list(graph)))
        field = data.draw(st.sampled_from([*graph[number]["inputs"], "other"]))
        graph[number]["inputs"][field] = data.draw(values | links)
        if data.draw(st.booleans()):
            graph[number]["class_type"] = data.draw(st.sampled_from([*object_info(), "Teapot"]))
    found = Workflow.load(graph).validate()
    if found:
        assert found.error is not None
        assert found.error["message"]
    else:
        assert found.outputs
        assert Workflow.load(graph).job_request().model == "miniature-turbo"
    json.dumps([found.error, found.node_errors], allow_nan=False)
