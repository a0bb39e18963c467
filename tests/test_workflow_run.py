"""Graphs run in an engine with the real miniature: through the queue, with records, pictures and events."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest
from graphs import PROMPT, article, canvas, from_picture
from PIL import Image

from zimage_lab.errors import Cancelled, JobFailed
from zimage_lab.models import check
from zimage_lab.request import GenerationRequest
from zimage_lab.store.images import pixels_sha256, read_recipe
from zimage_lab.store.records import Records
from zimage_lab.workflow import InvalidWorkflow, Workflow, node, registry
from zimage_lab.workflow.node import Within
from zimage_lab.workflow.registry import GROUP

if TYPE_CHECKING:
    from zimage_lab.engine import Engine
    from zimage_lab.engine.events import Event

LONG = "ZIMAGE_LAB_LONG_TESTS" in os.environ


def batch(**changes: object) -> dict[str, Any]:
    """Give a graph that is no plain request: two pictures at once."""
    return article(n5_batch_size=2, **changes)


def pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(image, np.float32)


def heard(engine: Engine, graph: dict[str, Any]) -> tuple[list[Event], dict[str, Any]]:
    events: list[Event] = []
    stop = engine.events.subscribe(events.append)
    made = Workflow.load(graph).run(engine)
    engine.events.emit("queue")  # a listener hears in order: this one is the last
    while not events or events[-1].kind != "queue":
        pass
    stop()
    return events, made


def test_a_plain_graph_gives_the_pixels_of_its_request(engine: Engine) -> None:
    (picture,) = Workflow.load(article()).run(engine)["11"]
    request = picture.record.request
    assert request.workflow is None
    alone = engine.generate(
        PROMPT, negative_prompt="blurry", width=64, height=64, steps=2, guidance_scale=0, seed=12345, scheduler="normal"
    )
    assert pixels_sha256(picture.image) == pixels_sha256(alone.image)
    assert request == alone.record.request


def test_the_article_s_own_graph_runs_from_end_to_end(engine: Engine) -> None:
    workflow = Workflow.load(Path(__file__).with_name("article_workflow.json"))
    workflow.set("6.text", "夏日海滩上的冲浪少年，阳光明媚")  # as the article changes it
    if LONG:
        assert workflow.validate().warnings
    else:
        workflow.set("5.width", 128).set("5.height", 128)
    (picture,) = workflow.run(engine)["11"]
    request = picture.record.request
    assert picture.image.size == (request.width, request.height) == ((1024, 1024) if LONG else (128, 128))
    assert (request.steps, request.guidance_scale, request.seed, request.scheduler) == (8, 6.0, 12345, "normal")
    assert request.prompt == "夏日海滩上的冲浪少年，阳光明媚"


def test_a_picture_belongs_to_the_output_that_runs(engine: Engine) -> None:
    graph = {"1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}, **article()}
    assert set(Workflow.load(graph).run(engine)) == {"11"}


@pytest.mark.parametrize(
    ("sampler", "scheduler", "cfg"),
    [
        ("euler", "normal", 1.0),
        ("res_multistep", "simple", 1.0),
        ("heun", "beta", 3.0),
        ("dpmpp_2m", "sgm_uniform", 2.0),
    ],
)
def test_the_nodes_draw_what_the_request_draws(engine: Engine, sampler: str, scheduler: str, cfg: float) -> None:
    """A batch is no plain graph, so that the nodes draw it; its noise begins with that of a single picture."""
    changes = {"n10_sampler_name": sampler, "n10_scheduler": scheduler, "n10_cfg": cfg, "n10_steps": 4}
    (plain,) = Workflow.load(article(**changes)).run(engine)["11"]
    two = Workflow.load(batch(**changes)).run(engine)["11"]
    assert len(two) == 2
    assert np.abs(pixels(plain.image) - pixels(two[0].image)).max() <= 2
    assert pixels_sha256(two[0].image) != pixels_sha256(two[1].image)


def test_every_picture_of_a_graph_has_a_record_of_its_own(engine: Engine) -> None:
    graph = batch(n10_seed=3)
    graph["12"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    made = Workflow.load(graph).run(engine)
    assert {number: len(pictures) for number, pictures in made.items()} == {"11": 2, "12": 2}
    records = [picture.record for pictures in made.values() for picture in pictures]
    assert len({record.id for record in records}) == 4
    assert len({record.job_id for record in records}) == 1
    told = [record.output for record in records]
    assert [(one.node, one.index, one.prefix, one.kind) for one in told if one] == [
        ("11", 0, "Shop", "output"),
        ("11", 1, "Shop", "output"),
        ("12", 0, "ComfyUI_temp", "temp"),
        ("12", 1, "ComfyUI_temp", "temp"),
    ]
    assert all(record.model.id == "miniature-turbo" for record in records)
    assert any("draws in their place" in warning for warning in records[0].warnings)
    with Records(engine.home) as stored:
        assert stored.broken() == ()


def test_a_picture_of_a_graph_holds_the_graph_for_comfyui(engine: Engine) -> None:
    graph = batch(n10_seed=4)
    picture = Workflow.load(graph).run(engine)["11"][1]
    assert picture.path is not None
    with Image.open(picture.path) as opened:
        inside = json.loads(opened.info["prompt"])
        assert "workflow" not in opened.info
    assert {number: one["class_type"] for number, one in inside.items()} == {
        number: one["class_type"] for number, one in graph.items()
    }
    assert read_recipe(picture.path).request == picture.record.request
    again = Workflow.load(picture.path)
    (first, second) = again.run(engine)["11"]
    assert pixels_sha256(second.image) == pixels_sha256(picture.image)
    scope: dict[str, Any] = {}
    exec(picture.code().replace(".run()", ""), scope)  # noqa: S102 - the code that a person would run
    assert first.record.state == "succeeded"


def test_a_picture_of_a_request_opens_as_the_graph_that_draws_it(engine: Engine) -> None:
    picture = engine.generate(PROMPT, width=64, height=64, steps=2, seed=5, guidance_scale=1.5, negative_prompt="dull")
    assert picture.path is not None
    (again,) = Workflow.load(picture.path).run(engine).values()
    assert pixels_sha256(again[0].image) == pixels_sha256(picture.image)
    with Image.open(picture.path) as opened:
        drawn = Workflow.load(opened.info["workflow"])  # the canvas' own
    (third,) = drawn.run(engine).values()
    assert pixels_sha256(third[0].image) == pixels_sha256(picture.image)


def test_a_graph_of_the_canvas_is_flattened(engine: Engine) -> None:
    workflow = Workflow.load(canvas())
    assert workflow.graph["57:3"]["inputs"]["model"] == ["57:11", 0]
    assert workflow.graph["9"]["inputs"]["images"] == ["57:8", 0]
    assert workflow.graph["57:27"]["inputs"]["text"] == PROMPT
    assert workflow.graph["57:28"]["inputs"]["unet_name"] == "z_image_turbo_bf16.safetensors"
    assert workflow.graph["57:3"]["inputs"]["steps"] == 2
    request = workflow.request()
    assert request is not None
    assert (request.sampler, request.shift, request.guidance_scale, request.width) == ("res_multistep", 3.0, 0.0, 64)
    assert set(workflow.run(engine)) == {"9"}


def test_unchanged_nodes_are_not_run_again(engine: Engine) -> None:
    events, first = heard(engine, batch(n10_seed=6))
    cached = next(event.data["nodes"] for event in events if event.kind == "node" and event.data["state"] == "cached")
    ran = {event.data["node"] for event in events if event.kind == "node" and event.data["state"] == "executed"}
    assert "10" in ran
    assert "10" not in cached
    events, second = heard(engine, batch(n10_seed=6, n11_filename_prefix="Other"))
    cached = next(event.data["nodes"] for event in events if event.kind == "node" and event.data["state"] == "cached")
    ran = {event.data["node"] for event in events if event.kind == "node" and event.data["state"] == "executed"}
    assert set(cached) == {"3", "5", "6", "7", "8", "10"}
    assert ran == {"11"}
    assert [pixels_sha256(one.image) for one in first["11"]] == [pixels_sha256(one.image) for one in second["11"]]
    assert first["11"][0].record.id != second["11"][0].record.id
    events, _ = heard(engine, batch(n10_seed=6, n6_text="a blue fish on the right"))
    ran = {event.data["node"] for event in events if event.kind == "node" and event.data["state"] == "executed"}
    assert ran == {"6", "10", "8", "11"}


def test_steps_are_told_by_node(engine: Engine) -> None:
    told: list[tuple[str, int, int]] = []
    Workflow.load(batch(n10_seed=7, n10_steps=3)).run(engine, progress=lambda *one: told.append(one[:3]))
    assert told
    assert {(node, most) for node, _, most in told} == {("10", 3)}
    told.clear()
    Workflow.load(article(n10_seed=7, n10_steps=3)).run(engine, progress=lambda *one: told.append(one[:3]))
    assert {(node, most) for node, _, most in told} == {("10", 3)}


def test_a_run_is_cancelled(engine: Engine) -> None:
    with pytest.raises(Cancelled):
        Workflow.load(batch(n10_steps=50, n5_width=256, n5_height=256)).run(engine, cancelled=lambda: True)
    assert Workflow.load(batch(n10_seed=8)).run(engine)["11"]


def test_a_graph_begins_with_a_picture(engine: Engine) -> None:
    cat = engine.generate(PROMPT, width=64, height=64, seed=1).image
    near, far = (
        Workflow.load(from_picture(denoise)).run(engine, images={"cat.png": cat})["11"][0].image
        for denoise in (0.1, 1.0)
    )
    assert np.abs(pixels(near) - pixels(cat)).mean() < np.abs(pixels(far) - pixels(cat)).mean()


def test_what_is_not_masked_stays(engine: Engine) -> None:
    cat = engine.generate(PROMPT, width=64, height=64, seed=1).image.convert("RGBA")
    hole = Image.new("L", (64, 64), 255)
    hole.paste(0, (32, 0, 64, 64))  # transparent on the right: drawn anew
    cat.putalpha(hole)
    graph = from_picture(1.0)
    graph["22"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["21", 0], "mask": ["20", 1]}}
    graph["10"]["inputs"] |= {"latent_image": ["22", 0], "steps": 8}
    graph["6"]["inputs"]["text"] = "a blue fish on the right, white background"
    (drawn,) = Workflow.load(graph).run(engine, images={"cat.png": cat})["11"]
    change = np.abs(pixels(drawn.image) - pixels(cat.convert("RGB"))).mean(axis=(0, 2))
    graph["10"]["inputs"]["latent_image"] = ["21", 0]
    (free,) = Workflow.load(graph).run(engine, images={"cat.png": cat})["11"]
    freely = np.abs(pixels(free.image) - pixels(cat.convert("RGB"))).mean(axis=(0, 2))
    assert change[:24].mean() < freely[:24].mean() / 2
    assert change[40:].mean() > 2 * change[:24].mean()


def test_two_samplers_share_the_steps(engine: Engine) -> None:
    (whole,) = Workflow.load(article(n10_steps=6)).run(engine)["11"]
    graph = article()
    shared = {name: value for name, value in graph.pop("10")["inputs"].items() if name not in {"seed", "denoise"}}
    shared |= {"steps": 6, "noise_seed": 12345}
    halves = {
        "30": {"add_noise": "enable", "start_at_step": 0, "end_at_step": 3, "return_with_leftover_noise": "enable"},
        "31": {
            "add_noise": "disable",
            "start_at_step": 3,
            "end_at_step": 10000,
            "return_with_leftover_noise": "disable",
        },
    }
    for number, half in halves.items():
        graph[number] = {"class_type": "KSamplerAdvanced", "inputs": {**shared, **half}}
    graph["31"]["inputs"]["latent_image"] = ["30", 0]
    graph["8"]["inputs"]["samples"] = ["31", 0]
    (both,) = Workflow.load(graph).run(engine)["11"]
    assert np.abs(pixels(whole.image) - pixels(both.image)).max() <= 2


def test_texts_are_combined_zeroed_and_pictures_scaled(engine: Engine) -> None:
    graph = batch(n10_cfg=2.0)
    graph |= {
        "40": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["6", 0], "conditioning_2": ["6", 0]}},
        "41": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["7", 0]}},
        "42": {
            "class_type": "ImageScale",
            "inputs": {"image": ["8", 0], "upscale_method": "lanczos", "width": 96, "height": 0, "crop": "disabled"},
        },
        "43": {
            "class_type": "LatentUpscale",
            "inputs": {"samples": ["10", 0], "upscale_method": "bicubic", "width": 128, "height": 64, "crop": "center"},
        },
    }
    graph["10"]["inputs"] |= {"positive": ["40", 0], "negative": ["41", 0]}
    graph["8"]["inputs"]["samples"] = ["43", 0]
    graph["11"]["inputs"]["images"] = ["42", 0]
    pictures = Workflow.load(graph).run(engine)["11"]
    assert [picture.image.size for picture in pictures] == [(96, 48)] * 2
    alone = batch(n10_cfg=2.0)
    alone["41"], alone["10"]["inputs"]["negative"] = graph["41"], ["41", 0]
    once = Workflow.load(alone).run(engine)["11"]
    graph["8"]["inputs"]["samples"], graph["11"]["inputs"]["images"] = ["10", 0], ["8", 0]
    twice = Workflow.load(graph).run(engine)["11"]
    assert np.abs(pixels(once[0].image) - pixels(twice[0].image)).max() <= 2  # the mean of a text and itself


def test_a_node_of_one_s_own_runs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", {})

    @node(title="Greyer")
    def greyer(
        image: Image.Image, amount: Annotated[float, Within(0, 1)] = 0.5, way: Literal["all", "none"] = "all"
    ) -> Image.Image:
        """Take colour away."""
        grey = image.convert("L").convert("RGB")
        return Image.blend(image, grey, amount if way == "all" else 0)

    graph = batch()
    graph["50"] = {"class_type": "greyer", "inputs": {"image": ["8", 0], "amount": 1.0}}
    graph["11"]["inputs"]["images"] = ["50", 0]
    for picture in Workflow.load(graph).run(engine)["11"]:
        red, green, _ = picture.image.split()
        assert red.tobytes() == green.tobytes()
    graph["50"]["inputs"]["amount"] = 7
    (one,) = Workflow.load(graph).validate().node_errors["50"]["errors"]
    assert one["type"] == "value_bigger_than_max"

    @node
    def broken(image: Image.Image) -> Image.Image:
        raise ValueError(f"no {image.width}")  # noqa: EM102, TRY003 - somebody else's

    graph["50"] = {"class_type": "broken", "inputs": {"image": ["8", 0]}}
    with pytest.raises(JobFailed, match=r"Node 50 \(broken\): ValueError: no 64"):
        Workflow.load(graph).run(engine)
    with pytest.raises(TypeError, match="is a node already"):
        node(broken, name="KSampler")
    with pytest.raises(TypeError, match="needs a type"):
        node(lambda x: x, name="typeless")


def test_installed_packages_bring_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name, value = "twice", "there:twice"

        def load(self) -> object:
            def twice(number: int) -> int:
                return 2 * number

            return twice

    class Damaged(Point):
        name = "damaged"

        def load(self) -> object:
            raise ImportError

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(), Damaged()] if group == GROUP else [])
    registry._installed.cache_clear()
    try:
        assert registry.nodes()["twice"].outputs[0].type == "INT"
        assert "damaged" not in registry.nodes()
    finally:
        registry._installed.cache_clear()


def test_a_graph_that_cannot_run_is_not_queued(engine: Engine) -> None:
    before = len(engine.jobs())
    with pytest.raises(InvalidWorkflow) as refused:
        Workflow.load(article(n10_steps=0)).submit(engine)
    assert refused.value.errors.node_errors["10"]
    assert "steps" in str(refused.value)
    assert len(engine.jobs()) == before


def test_a_size_that_no_model_takes_is_a_node_s_error() -> None:
    found = Workflow.load(article(n5_width=2048)).validate()
    (one,) = found.node_errors["5"]["errors"]
    assert one["type"] == "custom_validation_failed"
    assert "2048 is outside" in one["details"]


def test_an_erased_prompt_is_nowhere_in_a_graph_s_record(engine: Engine) -> None:
    (first, second) = Workflow.load(batch(n6_text="a green tree that nobody may know")).run(engine)["11"]
    with Records(engine.home) as records:
        records.erase_prompt(first.record.id)
        left = [records.get(one.record.id) for one in (first, second)]
        assert records.broken() == ()
    assert all(one.request.workflow is None and one.request.prompt == "[erased]" for one in left)
    for place in [engine.home / "lab.db", *(one.path for one in (first, second))]:
        assert place is not None
        assert b"nobody may know" not in place.read_bytes()


def test_from_request_and_back() -> None:
    request = GenerationRequest(
        prompt=PROMPT, model="miniature-turbo", width=64, height=80, steps=3, guidance_scale=0.0, seed=2**53 + 1
    )
    workflow = Workflow.from_request(request)
    assert workflow.request() == request
    assert check(request) is not None
    assert "2048" not in workflow.set("8.seed", 4).to_code()
    assert workflow.get("8.seed") == 4
    scope: dict[str, Any] = {}
    exec(workflow.to_code().replace("pictures = workflow.run()", ""), scope)  # noqa: S102 - the code that a person would run
    assert scope["workflow"].graph == workflow.graph


def test_a_request_that_begins_with_a_picture_keeps_it(engine: Engine) -> None:
    cat = engine.generate(PROMPT, width=64, height=64, steps=2, seed=1)
    asked = engine.request(
        PROMPT, width=64, height=64, steps=4, seed=2, init_image=cat.image, strength=0.5, variation=0.25, truncate=True
    )
    assert Workflow.from_request(asked).request(engine.home) == asked
    graph = Workflow.from_request(asked).graph
    graph["5"]["_meta"]["zimage_lab"]["init_image"] = "0" * 64
    found = Workflow.load(graph).validate(engine.home)
    assert "no stored picture" in str(found)


def test_a_graph_outlives_its_process_in_the_queue(engine: Engine, tmp_path: Path) -> None:
    job = Workflow.load(batch(n10_seed=9)).submit(engine, source="http", key="click-1")
    assert job.result().record.source == "http"
    again = Workflow.load(batch(n10_seed=9)).submit(engine, source="http", key="click-1")
    assert again.id == job.id
    row = engine._queue.get(job.id)
    assert row.request.workflow is not None
    assert row.request.sha256 == job.request.sha256
    assert not (tmp_path / "home" / "lab.db").exists()
