"""The graph in every picture: it says the whole request, ComfyUI can open it, and nothing private is in it."""

from __future__ import annotations

import getpass
import json
import socket
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from samples import record

from zimage_lab.errors import InvalidRequest
from zimage_lab.graph import KEPT, api_graph, request_from_graph, ui_graph
from zimage_lab.recipe import ModelIdentity
from zimage_lab.request import GenerationRequest
from zimage_lab.store.images import png, read_recipe, save_png

# The canvas' widgets of each class as ComfyUI's own files list them; what stands in no API graph is in brackets.
WIDGETS = {
    "UNETLoader": ["unet_name", "weight_dtype"],
    "CLIPLoader": ["clip_name", "type", "device"],
    "VAELoader": ["vae_name"],
    "ModelSamplingAuraFlow": ["shift"],
    "EmptySD3LatentImage": ["width", "height", "batch_size"],
    "CLIPTextEncode": ["text"],
    "KSampler": ["seed", "(control)", "steps", "cfg", "sampler_name", "scheduler", "denoise"],
    "SaveImage": ["filename_prefix"],
}
TITLE = 30  # the height of a node's title, above its place

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
names = texts.filter(str.strip).map(lambda text: "a" + text)
requests = st.builds(
    GenerationRequest,
    prompt=names,
    negative_prompt=texts,
    model=st.sampled_from(["z-image", "z-image-turbo", "miniature", "Tongyi-MAI/Z-Image", "~/m", "/a/b c"]) | names,
    width=st.integers(1, 512).map(lambda number: number * 16),
    height=st.integers(1, 512).map(lambda number: number * 16),
    steps=st.integers(1, 1000),
    guidance_scale=st.sampled_from([0.0, 0.1, 1e-300, 50.0]) | st.floats(0, 50),
    seed=st.just(2**64 - 1) | st.integers(0, 2**64 - 1),
    shift=st.none() | st.just(3.0) | st.floats(0.01, 100),
    truncate=st.booleans(),
)


def request(**changes: Any) -> GenerationRequest:  # noqa: ANN401 - any field
    return record().request.replace(**changes)


def through_json(graph: dict[str, Any]) -> dict[str, Any]:
    again: dict[str, Any] = json.loads(json.dumps(graph, allow_nan=False))
    return again


def kinds(graph: dict[str, Any]) -> list[str]:
    return [node["class_type"] for node in graph.values()]


def numbered(graph: dict[str, Any], kind: str) -> dict[str, Any]:
    node: dict[str, Any] = next(node for node in graph.values() if node["class_type"] == kind)
    return node


@given(requests)
def test_a_request_comes_back_whole(asked: GenerationRequest) -> None:
    assert request_from_graph(through_json(api_graph(asked))) == asked


@given(requests)
def test_the_canvas_shows_what_the_api_runs(asked: GenerationRequest) -> None:
    canvas, api = through_json(ui_graph(asked)), api_graph(asked)
    nodes = {node["id"]: node for node in canvas["nodes"]}
    shown = {}
    for number, node in nodes.items():
        names = WIDGETS.get(node["type"], [])
        inputs = dict(zip(names, node["widgets_values"], strict=True))
        inputs.pop("(control)", None)
        shown[str(number)] = {"class_type": node["type"], "inputs": inputs}
        meta = {"title": node["title"]}
        if KEPT in node["properties"]:
            meta[KEPT] = node["properties"][KEPT]
        shown[str(number)]["_meta"] = meta
    for _, source, source_slot, target, slot, _ in canvas["links"]:
        shown[str(target)]["inputs"][nodes[target]["inputs"][slot]["name"]] = [str(source), source_slot]
    assert shown == api
    assert request_from_graph(shown) == asked


@pytest.mark.parametrize("guidance", [0.0, 4.0])
def test_links_of_the_canvas_agree_at_both_ends(guidance: float) -> None:
    canvas = ui_graph(request(guidance_scale=guidance))
    nodes = {node["id"]: node for node in canvas["nodes"]}
    assert len(nodes) == len(canvas["nodes"]) == canvas["last_node_id"]
    links = {link[0]: link for link in canvas["links"]}
    assert sorted(links) == list(range(1, canvas["last_link_id"] + 1))
    for number, source, source_slot, target, slot, kind in links.values():
        given_out, taken_in = nodes[source]["outputs"][source_slot], nodes[target]["inputs"][slot]
        assert given_out["type"] == taken_in["type"] == kind
        assert number in given_out["links"]
        assert taken_in["link"] == number
        assert nodes[source]["order"] < nodes[target]["order"]
    ends = [entry["link"] for node in nodes.values() for entry in node["inputs"]]
    starts = [link for node in nodes.values() for entry in node["outputs"] for link in entry["links"]]
    assert sorted(ends) == sorted(starts) == sorted(links)
    assert canvas["version"] == 0.4


@pytest.mark.parametrize("guidance", [0.0, 4.0])
def test_nodes_lie_beside_each_other(guidance: float) -> None:
    boxes = []
    for node in ui_graph(request(guidance_scale=guidance))["nodes"]:
        (left, top), (width, height) = node["pos"], node["size"]
        boxes.append((left, top - TITLE, left + width, top + height))
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_turbo_is_the_official_template() -> None:
    graph = api_graph(request(model="z-image-turbo", seed=2**64 - 1))
    assert numbered(graph, "UNETLoader")["inputs"]["unet_name"] == "z_image_turbo_bf16.safetensors"
    clip = {"clip_name": "qwen_3_4b.safetensors", "type": "lumina2", "device": "default"}
    assert numbered(graph, "CLIPLoader")["inputs"] == clip
    assert numbered(graph, "VAELoader")["inputs"] == {"vae_name": "ae.safetensors"}
    sampler = numbered(graph, "KSampler")["inputs"]
    assert (sampler["cfg"], sampler["seed"], sampler["denoise"]) == (1, 18446744073709551615, 1)
    assert graph[sampler["negative"][0]]["class_type"] == "ConditioningZeroOut"
    assert '"seed": 18446744073709551615' in json.dumps(graph)


def test_guidance_needs_a_negative_prompt_of_its_own() -> None:
    graph = api_graph(request(model="z-image", guidance_scale=4.0, negative_prompt="blurry"))
    sampler = numbered(graph, "KSampler")["inputs"]
    assert sampler["cfg"] == 5
    assert graph[sampler["negative"][0]]["inputs"]["text"] == "blurry"
    assert "ConditioningZeroOut" not in kinds(graph)


@pytest.mark.parametrize("model", ["z-image-turbo", "z-image", "miniature"])
def test_a_graph_without_notes_is_read_as_far_as_it_goes(model: str) -> None:
    asked = request(model=model, guidance_scale=4.1, negative_prompt="blurry", shift=2.5)
    graph = through_json(api_graph(asked))
    for node in graph.values():
        del node["_meta"]
    assert request_from_graph(graph) == asked
    graph["4"]["inputs"]["shift"] = 3.0
    assert request_from_graph(graph).shift == 3.0


def test_what_was_changed_in_comfyui_counts() -> None:
    graph = through_json(api_graph(request(guidance_scale=4.0, shift=None)))
    graph["8"]["inputs"] |= {"seed": 7, "cfg": 1.5, "steps": 4}
    graph["4"]["inputs"]["shift"] = 6
    graph["6"]["inputs"]["text"] = "a blue cat"
    changed = request(guidance_scale=0.5, shift=6.0, seed=7, steps=4, prompt="a blue cat")
    assert request_from_graph(graph) == changed


def deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(20_000):
        nested = [nested]
    return nested


@pytest.mark.parametrize("graph", [None, [], "{}", 3, {}, {"1": {}}, {1: {}}, {str(n): None for n in range(1, 11)}])
def test_what_is_no_graph_is_refused(graph: object) -> None:
    with pytest.raises(InvalidRequest):
        request_from_graph(graph)


DEEP = deep()
STRANGE: list[Any] = [None, True, [], {}, "x", -1, 1e308, float("nan"), 10**400, ["1", 0], [["8", 0], 0], {"a": {}}]


def test_every_part_replaced_by_something_strange() -> None:
    asked = request(guidance_scale=4.0, negative_prompt="x", prompt="x")
    whole = api_graph(asked)
    spots = [(number, part) for number in whole for part in ("class_type", "inputs")]
    inputs = [(number, "inputs", name) for number, node in whole.items() for name in node["inputs"]]
    for spot in [*spots, *inputs]:
        for value in [*STRANGE, DEEP]:
            graph = through_json(whole)
            place: Any = graph
            for key in spot[:-1]:
                place = place[key]
            fits = value == place[spot[-1]]  # 1 is True to Python
            place[spot[-1]] = value
            if fits:
                assert request_from_graph(graph) == asked
                continue
            with pytest.raises(InvalidRequest) as caught:
                request_from_graph(graph)
            assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["model", "shift", "noise", "truncate", "guidance_scale", "negative_prompt"])
def test_strange_notes_are_refused_or_of_no_effect(name: str) -> None:
    asked = request(model="miniature")
    for value in [*STRANGE, DEEP]:
        graph = through_json(api_graph(asked))
        for node in graph.values():
            if name in node["_meta"].get(KEPT, {}):
                node["_meta"][KEPT][name] = value
        try:
            read = request_from_graph(graph)
        except InvalidRequest:
            continue
        assert read.replace(**{name: getattr(asked, name)}) in (asked, asked.replace(shift=3.0))


def test_a_node_more_less_or_wired_otherwise() -> None:
    whole = api_graph(request())
    for number in whole:
        with pytest.raises(InvalidRequest, match="not made of the nodes"):
            request_from_graph({key: node for key, node in whole.items() if key != number})
    with pytest.raises(InvalidRequest, match="not made of the nodes"):
        request_from_graph({**whole, "11": whole["10"]})
    around = through_json(whole)
    around["8"]["inputs"]["model"] = ["8", 0]
    with pytest.raises(InvalidRequest, match="another node 8"):
        request_from_graph(around)
    more = through_json(whole)
    more["8"]["inputs"]["lora"] = "x"
    with pytest.raises(InvalidRequest, match="another node 8"):
        request_from_graph(more)


def chunks_of(path: Path) -> dict[str, str]:
    with Image.open(path) as opened:
        texts: dict[str, str] = opened.text  # type: ignore[attr-defined]
        return texts


@pytest.mark.parametrize("under", ["person", "lab"])
def test_a_saved_picture_holds_four_chunks_and_nothing_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under: str
) -> None:
    person, lab = tmp_path / "wilhelmina", tmp_path / "secretlab"
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.setenv("USERPROFILE", str(person))
    folder = (person if under == "person" else lab) / "models" / "mine"
    made = record("左侧一个红色的圆形")
    made = made.replace(
        request=made.request.replace(model=str(folder)),
        model=ModelIdentity(id=str(folder), family="z_image"),
        user="wilhelmina",
        source="panel",
        warnings=[f"{folder} has no card."],
    )
    path = save_png(Image.new("RGB", (64, 64), (9, 8, 7)), made, lab).path
    texts = chunks_of(path)
    assert set(texts) == {"zimage_lab", "parameters", "prompt", "workflow"}
    inside = read_recipe(path).request
    assert inside.model == ("~/models/mine" if under == "person" else "mine")
    assert request_from_graph(json.loads(texts["prompt"])) == inside == made.request.replace(model=inside.model)
    assert json.loads(texts["workflow"]) == ui_graph(inside)
    assert b"tEXtprompt\0" in path.read_bytes()
    host = socket.gethostname()
    private = ["wilhelmina", "secretlab", str(tmp_path), *([host] if len(host) > 8 else [])]  # "lab" is a word of ours
    for text in texts.values():
        assert not [word for word in private if word in text]


@pytest.mark.parametrize("model", ["~{user}/m", "{home}/../wilhelmina/m", "../../wilhelmina/m"])
def test_png_itself_lets_nobodys_name_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    person = tmp_path / "wilhelmina"
    work = person / "work"
    work.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.chdir(work)
    if "{user}" in model:  # the system's own answer, whatever HOME says
        monkeypatch.setenv("HOME", str(Path(f"~{getpass.getuser()}").expanduser()))
    asked = model.format(user=getpass.getuser(), home=person)
    made = record(user="wilhelmina", model=ModelIdentity(id=asked, family="z_image"))
    data = png(Image.new("RGB", (8, 8)), made.replace(request=made.request.replace(model=asked)))
    assert b"wilhelmina" not in data
    assert b"~/" in data
