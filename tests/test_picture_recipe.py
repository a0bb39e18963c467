"""The recipe inside anybody's picture: ours, ComfyUI's, Automatic1111's, and what strangers hide in text chunks."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from samples import record

from zimage_lab.errors import InvalidRequest
from zimage_lab.picture_recipe import PictureRecipe, read
from zimage_lab.result import GeneratedImage
from zimage_lab.store.public import PARAMETERS, PROMPT, RECIPE, WORKFLOW, texts

if TYPE_CHECKING:
    from pathlib import Path

MADE = record("左侧一只红色的猫, {a}", size=128)
MADE = MADE.replace(request=MADE.request.replace(guidance_scale=2.5, negative_prompt="blue", steps=12))
TEXTS = texts(MADE)

FORGE = """a (cat:1.2), <lora:paper_cut:0.8> tree
on a hill
Negative prompt: bad,
worse
Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567890, Size: 512x768, Model hash: abc, \
Model: v1-5-pruned, Lora hashes: "paper_cut: 123, x: 2", Version: v1.6.0"""


def picture(folder: Path, chunks: dict[str, str]) -> Path:
    info = PngInfo()
    for name, text in chunks.items():
        info.add_text(name, text)
    path = folder / "x.png"
    Image.new("RGB", (16, 16)).save(path, pnginfo=info)
    return path


def test_one_of_ours_is_read_whole(tmp_path: Path) -> None:
    found = read(picture(tmp_path, TEXTS))
    assert found == PictureRecipe("zimage_lab", dict(MADE.request), MADE.request)


@pytest.mark.parametrize("names", [(PROMPT, WORKFLOW), (PROMPT,), (PARAMETERS,)])
def test_what_other_programs_read_carries_over(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = read(picture(tmp_path, {name: TEXTS[name] for name in names}))
    assert found.program == ("ComfyUI" if PROMPT in names else "Automatic1111")
    for name in ("prompt", "negative_prompt", "seed", "steps", "width", "height"):
        assert found.values[name] == getattr(MADE.request, name), name
    assert found.guidance_scale("z_image") == MADE.request.guidance_scale
    assert found.request is None
    assert found.notes == ("It was made with 'miniature-turbo'.",)


@pytest.mark.parametrize("name", ["x.jpg", "x.webp"])
def test_exports_keep_what_carries_over(tmp_path: Path, name: str) -> None:
    found = read(GeneratedImage(MADE, None, Image.new("RGB", (128, 128))).save(tmp_path / name))
    assert (found.values["prompt"], found.values["seed"]) == (MADE.request.prompt, MADE.request.seed)


def test_automatic1111s_own_text(tmp_path: Path) -> None:
    found = read(picture(tmp_path, {"parameters": FORGE}))
    assert found.program == "Automatic1111"
    assert found.values == {
        "prompt": "a (cat:1.2), tree\non a hill",
        "negative_prompt": "bad,\nworse",
        "steps": 20,
        "seed": 1234567890,
        "cfg": 7.0,
        "width": 512,
        "height": 768,
    }
    assert (found.guidance_scale("stable_diffusion"), found.guidance_scale("z_image")) == (7.0, 6.0)
    assert found.notes == ("It used LoRAs, to be chosen by hand: paper_cut (0.8).", "It was made with 'v1-5-pruned'.")


def test_a_value_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    text = FORGE.replace("Steps: 20", "Steps: 20000").replace("Size: 512x768", "Size: 0x9").replace("1234567890", "-1")
    values = read(picture(tmp_path, {"parameters": text})).values
    assert {"steps", "seed", "width"} & set(values) == set()
    assert values["cfg"] == 7.0


def _circle() -> str:
    graph = json.loads(TEXTS[PROMPT])
    graph["6"]["inputs"]["clip"] = ["6", 0]
    graph["4"]["inputs"]["model"] = ["4", 0]
    return json.dumps(graph)


@pytest.mark.parametrize(
    "chunks",
    [
        {},
        {"parameters": ""},
        {"parameters": "a photo"},
        {"prompt": "{"},
        {"prompt": "[" * 100_000},
        {"prompt": '{"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "model": ["1", 0]}}}'},
        {"prompt": "null", "workflow": "7"},
        {"Software": "NovelAI", "Comment": "{"},
        {"parameters": "x" * 900_000},
    ],
)
def test_nothing_to_read_is_a_sentence(tmp_path: Path, chunks: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="holds no recipe"):
        read(picture(tmp_path, chunks))


def test_a_graph_in_a_circle_ends(tmp_path: Path) -> None:
    with suppress(InvalidRequest):
        assert read(picture(tmp_path, {"prompt": _circle()})).program == "ComfyUI"


def test_a_forged_recipe_of_ours_is_refused(tmp_path: Path) -> None:
    forged = json.loads(TEXTS[RECIPE])
    forged["request"]["steps"] = 10**9
    with pytest.raises(InvalidRequest, match="steps"):
        read(picture(tmp_path, {RECIPE: json.dumps(forged)}))


@pytest.mark.parametrize(("name", "data"), [("x.png", b"GIF"), ("x.jpg", b""), ("x.png", b"")])
def test_what_is_no_picture(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidRequest, match="picture"):
        read(tmp_path / name)
    with pytest.raises(InvalidRequest, match="picture"):
        read(tmp_path / f"none-{name}")


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(["6", 0]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["6", "text", "inputs", "seed"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.sampled_from(sorted(json.loads(TEXTS[PROMPT]))), key=st.text(max_size=5), value=TREE)
def test_a_changed_graph_is_read_or_refused(tmp_path: Path, number: str, key: str, value: object) -> None:
    graph = json.loads(TEXTS[PROMPT])
    names = [*graph[number]["inputs"], key]
    graph[number]["inputs"][names[len(key) % len(names)]] = value
    with suppress(InvalidRequest):
        assert isinstance(read(picture(tmp_path, {"prompt": json.dumps(graph)})).values["prompt"], str)
