"""The axes of a sweep: any field is one, all of it is checked before anything is queued, and its cost is told."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fake_engine import bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from samples import record
from test_loras import peft_style, saved

from zimage_lab import models, sweeps
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import catalog
from zimage_lab.request import GenerationRequest, Lora
from zimage_lab.store.records import Records
from zimage_lab.sweeps import grid as grids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CAT = "a red cat on the left"


def plan(prompt: object = CAT, **options: Any) -> sweeps.Plan:  # noqa: ANN401
    return sweeps.plan(prompt, **options)  # type: ignore[arg-type]


def requests(made: sweeps.Plan) -> list[GenerationRequest]:
    return [made.grid.request(made.grid.index(number)) for number in range(made.count)]


def test_a_list_of_any_field_is_an_axis() -> None:
    made = plan(steps=[4, np.int64(6)], guidance_scale=(0, 1.5), width=range(64, 129, 32), truncate=[True, False])
    assert [axis.name for axis in made.axes] == ["steps", "guidance_scale", "width", "truncate"]
    assert made.axes[0].values == (4, 6)
    assert made.count == 2 * 2 * 3 * 2
    first = requests(made)[-1]
    assert (first.steps, first.guidance_scale, first.width, first.truncate) == (6, 1.5, 128, False)


def test_a_cell_is_the_request_made_alone() -> None:
    made = plan(steps=[4, 6], shift=[None, 2.0], size=["128x128", (192, 128)], seeds=[5, 2**64 - 1])
    for values in itertools.product([4, 6], [None, 2.0], [(128, 128), (192, 128)], [5, 2**64 - 1]):
        steps, shift, (width, height), seed = values
        alone = models.build(CAT, steps=steps, shift=shift, width=width, height=height, seed=seed)
        assert alone in requests(made)


def test_one_value_is_no_axis() -> None:
    made = plan(steps=4, model="miniature-turbo", loras=(), negative_prompt="fog")
    assert made.axes == ()
    assert made.count == 1
    assert requests(made)[0].negative_prompt == "fog"


def test_seeds() -> None:
    assert list(plan(seeds=range(3)).axes[0].values) == [0, 1, 2]
    assert list(plan(seeds="1-9 (+4)").axes[0].values) == [1, 5, 9]
    assert list(plan(seeds=3, seed=10).axes[0].values) == [10, 11, 12]
    assert list(plan(seed=[4, 2]).axes[0].values) == [4, 2]
    drawn = plan(seeds=4, steps=[1, 2])
    assert len(set(drawn.axes[-1].values)) == 4
    assert {one.seed for one in requests(drawn)} == set(drawn.axes[-1].values), "fixed once for all rows"
    assert len({one.seed for one in requests(plan(steps=[1, 2, 3]))}) == 1
    assert plan(steps=[1, 2], seeds=[1, 2]).axes[-1].kind == "seed"


def test_a_needle_is_the_first_of_its_cells() -> None:
    made = plan(prompt_replace={"cat": ["dog", "a cat"], "left": "right"})
    assert [axis.name for axis in made.axes] == ["cat", "left"]
    assert [one.prompt for one in requests(made)] == [
        "a red cat on the left",
        "a red cat on the right",
        "a red dog on the left",
        "a red dog on the right",
        "a red a cat on the left",
        "a red a cat on the right",
    ]
    assert [one.prompt for one in requests(plan(prompt_replace="cat, dog"))] == [CAT, "a red dog on the left"]


def test_what_replaces_a_needle_is_not_replaced_again() -> None:
    made = plan("a cat and a dog", prompt_replace={"cat": ["dog"], "dog": ["cat"]})
    assert [one.prompt for one in requests(made)] == [
        "a cat and a dog",
        "a cat and a cat",
        "a dog and a dog",
        "a dog and a cat",
    ]


def test_a_needle_called_like_a_column_has_another_name() -> None:
    assert plan("a seed on a path", prompt_replace={"seed": ["nut"], "path": ["road"]}).axes[0].name == "replace seed"


def test_several_prompts_are_an_axis_and_so_are_wildcards() -> None:
    made = plan(["a red cat", "a blue cat"], prompt_replace={"cat": ["fish"]})
    assert [one.prompt for one in requests(made)] == ["a red cat", "a red fish", "a blue cat", "a blue fish"]
    written = plan("a {red|blue} cat", wildcards=True)
    assert [one.prompt for one in requests(written)] == ["a red cat", "a blue cat"]
    assert plan("a {red|blue} cat").count == 1, "braces are braces where nobody asked"


def test_a_whole_request_is_what_the_axes_stand_on() -> None:
    asked = models.build(CAT, steps=3, seed=9, guidance_scale=1.0)
    made = plan(asked, steps=[4, 5])
    assert requests(made) == [asked.replace(steps=4), asked.replace(steps=5)]
    assert requests(plan(asked)) == [asked]


def test_a_model_brings_its_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = bundle(tmp_path / "bundled")
    card = (bundled / "miniature-turbo" / "card.json").read_text(encoding="utf-8")
    (bundled / "other").mkdir()
    other = card.replace('"miniature-turbo"', '"other"').replace('"steps": 8', '"steps": 20')
    (bundled / "other" / "card.json").write_text(other, encoding="utf-8")
    monkeypatch.setattr(catalog, "BUNDLED", bundled)
    made = plan(model=["miniature-turbo", "other"], seeds=[1, 2])
    assert [(one.model, one.steps) for one in requests(made)[::2]] == [("miniature-turbo", 8), ("other", 20)]
    assert [one.steps for one in requests(plan(model=["miniature-turbo", "other"], steps=5))] == [5, 5]
    order = [made.grid.request(made.grid.index(number)).model for number in made.grid.turns(together=True)]
    assert order == ["miniature-turbo"] * 2 + ["other"] * 2


def test_loras_and_their_weight(tmp_path: Path) -> None:
    one, two = (str(saved(tmp_path, name, peft_style("diffusion_model."))) for name in ("one", "two"))
    made = plan(loras=[[one], [one, (two, 0.5)]], lora_weight="0.5-1 (+0.5)", place=tmp_path)
    assert made.grid.shape == (2, 2)
    weights = [tuple(lora.weight for lora in asked.loras) for asked in requests(made)]
    assert weights == [(0.5,), (1.0,), (0.5, 0.5), (1.0, 1.0)]
    assert requests(plan(loras=[one, 0.5], place=tmp_path))[0].loras == (Lora(name=one, weight=0.5),)
    assert grids.read(grids.write(made.grid)) == made.grid


def test_pictures_are_an_axis_and_bring_their_size(tmp_path: Path) -> None:
    small, wide = Image.new("RGB", (64, 64)), Image.new("RGB", (128, 64), "red")
    made = plan(init_image=[small, wide], strength=[0.3, 0.9], place=tmp_path)
    assert [(one.width, one.height) for one in requests(made)] == [(64, 64), (64, 64), (128, 64), (128, 64)]
    assert {one.strength for one in requests(made)} == {0.3, 0.9}


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown axis": ({"stepz": [1]}, "stepz", "'steps'"),
    "another program's name": ({"cfg": [1, 2]}, "cfg", "'guidance_scale'"),
    "a name that is none": ({"a b": [1]}, "axis", "neither"),
    "an empty axis": ({"steps": []}, "steps", "one value at least"),
    "an empty range": ({"seeds": range(0)}, "seeds", "1 to"),
    "no prompts": ({"prompt": []}, "prompt", "one value at least"),
    "a prompt that is none": ({"prompt": ["a cat", 3]}, "prompt", "list of texts"),
    "a value twice": ({"steps": [4, np.int64(4)]}, "steps", "twice"),
    "a value out of range": ({"steps": [4, 900]}, "steps", "1 to 50"),
    "a value of another type": ({"steps": [4, 2.5]}, "steps", "whole number"),
    "a size that is none": ({"size": ["128"]}, "size", "192x128"),
    "a size of the model's not": ({"size": [(128, 128), (128, 4096)]}, "height", "Use"),
    "a size and a width": ({"size": [(128, 128)], "width": 64}, "width", "width and height"),
    "a needle that is missing": ({"prompt_replace": {"dog": ["fish"]}}, "prompt_replace", "Name words"),
    "a needle missing in one prompt": (
        {"prompt": ["a cat", "a dog"], "prompt_replace": {"cat": ["x"]}},
        "prompt_replace",
        "'a dog'",
    ),
    "a needle inside another": (
        {"prompt": "a big cat", "prompt_replace": {"cat": ["x"], "big cat": ["y"]}},
        "prompt_replace",
        "inside another",
    ),
    "a needle for itself": ({"prompt_replace": {"cat": ["cat"]}}, "prompt_replace", "itself"),
    "nothing to replace": ({"prompt_replace": {}}, "prompt_replace", "nothing to replace"),
    "a model that is not there": ({"model": ["miniature-turbo", "miniature-trubo"]}, "model", "'miniature-turbo'"),
    "a weight of no lora": ({"lora_weight": [1]}, "lora_weight", "loras"),
    "a billion seeds": ({"seeds": 10**9}, "seeds", "1 to"),
    "a billion seeds in a row": ({"seeds": range(10**9), "limit": None}, "seeds", "1 to"),
    "a billion in a notation": ({"steps": "1-1000000000", "limit": None}, "steps", "larger step"),
    "a billion cells": ({"seeds": 10**6, "steps": range(1, 1001), "limit": None}, "limit", "1,000,000,000 cells"),
    "more than the limit": ({"seeds": 1001}, "limit", "limit=1001"),
    "more than one's own limit": ({"seeds": 5, "limit": 4}, "limit", "limit=5"),
    "a limit that is none": ({"limit": "many"}, "limit", "whole number"),
    "a blank prompt": ({"prompt": ["a cat", " "]}, "prompt", "can be seen"),
    "seeds in words": ({"seeds": "four"}, "seeds", "Write"),
    "a strength without a picture": ({"strength": [0.5, 0.7]}, "strength", "init_image"),
}


@pytest.mark.parametrize(("options", "field", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_before_anything_runs(options: dict[str, Any], field: str, words: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidRequest) as told:
        plan(options.get("prompt", CAT), **{name: value for name, value in options.items() if name != "prompt"})
    assert time.perf_counter() - began < 5
    assert told.value.field == field
    assert words in str(told.value)


def test_prompts_that_a_replacement_makes_too_long_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="tokens"):
        plan("a cat " * 200, prompt_replace={"cat": ["dog", "cat and a dog and a fish"]}, steps=[4, 6])


def test_limits_are_lifted_by_hand() -> None:
    assert plan(seeds=1001, limit=None).count == 1001
    assert plan(seeds=1001, limit=2000).count == 1001
    big = {"model": "z-image-turbo", "size": [(2048, 2048)], "seeds": 500}
    with pytest.raises(InvalidRequest, match="megapixels"):
        plan(**big)
    assert plan(**big, limit=500).pixels == 500 * 2048 * 2048


def test_the_cost_is_told_before_the_first_cell(tmp_path: Path) -> None:
    made = plan(size=[(64, 64), (128, 64)], steps=[2, 4], seeds=3, place=tmp_path)
    assert made.pixels == 3 * 2 * (64 * 64 + 128 * 64)
    assert made.cost == sum(one.cost for one in requests(made))
    assert made.seconds is None
    assert str(made) == "12 pictures (2 size x 2 steps x 3 seed), 0.1 megapixels"
    done = record(size=64, seconds={"denoise": 1.0})
    with Records(tmp_path) as records:
        records.append(done)
    again = plan(size=[(64, 64), (128, 64)], steps=[2, 4], seeds=3, place=tmp_path)
    assert again.seconds == pytest.approx(again.cost / done.request.cost)
    assert "about" in str(again)


def test_warnings_are_of_all_cells() -> None:
    assert any("guidance" in warning for warning in plan(guidance_scale=[0, 2.0]).warnings)


def test_costly_axes_change_seldom() -> None:
    made = plan(["a cat", "a dog"], seeds=2, steps=[4, 5], size=[(64, 64), (128, 128)])
    for together, order in ((False, ["prompt", "size", "steps", "seed"]), (True, ["size", "steps", "prompt", "seed"])):
        turns = [made.grid.index(number) for number in made.grid.turns(together=together)]
        assert sorted(turns) == sorted(itertools.product(*map(range, made.grid.shape)))
        names = [axis.name for axis in made.axes]
        changes = {
            name: sum(one[place] != other[place] for one, other in itertools.pairwise(turns))
            for place, name in enumerate(names)
        }
        assert sorted(names, key=changes.__getitem__) == order


AXES = {
    "steps": st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True),
    "guidance_scale": st.lists(st.floats(0, 10).map(lambda x: round(x, 2)), min_size=1, max_size=3, unique=True),
    "size": st.lists(st.sampled_from([(64, 64), (128, 64), (128, 128)]), min_size=1, max_size=3, unique=True),
    "seeds": st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4, unique=True),
    "prompt_replace": st.fixed_dictionaries({"cat": st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)}),
    "shift": st.lists(st.one_of(st.none(), st.integers(1, 9)), min_size=1, max_size=2, unique=True),
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=AXES))
def test_any_axes_make_a_grid_that_holds_together(options: dict[str, Any]) -> None:
    made = plan(limit=None, **options)  # some have more than the usual thousand
    grid = made.grid
    assert grid.count == len({grid.index(number) for number in range(grid.count)})
    assert all(grid.number(grid.index(number)) == number for number in range(grid.count))
    assert len({one.sha256 for one in requests(made)}) == grid.count, "no two cells are alike"
    assert made.cost == sum(one.cost for one in requests(made))
    assert sorted(grid.turns(together=True)) == list(range(grid.count))
    again = grids.read(grids.write(grid))
    assert [again.request(grid.index(number)) for number in range(grid.count)] == requests(made)
    assert [list(axis.values) for axis in again.axes] == [list(axis.values) for axis in grid.axes]


def test_labels() -> None:
    made = plan(size=[(192, 128)], guidance_scale=[0, 1.5], shift=[None], seeds=[1])
    labels: list[Sequence[str]] = [axis.labels for axis in made.axes]
    assert labels == [("192x128",), ("0", "1.5"), ("none",), ("1",)]
