"""The fast path computes what the modules' own forward passes compute, at every size, guidance and mixture."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zimage_lab
from zimage_lab import models
from zimage_lab.engine.families import z_image_forward as forward
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.engine.families.z_image_text import KEPT, TextFeatures
from zimage_lab.engine.families.z_image_tuning import Tuning, attention, fastest
from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zimage_lab.request import GenerationRequest

CLOSE = 1e-4  # of full scale: performance.md
LONG = "a red circle on the left, a blue cat on the right, white background, " * 3


@pytest.fixture(scope="module")
def fast() -> ZImage:
    return ZImage.load(models.find("miniature-turbo"), "cpu")


@pytest.fixture(scope="module")
def reference() -> ZImage:
    return ZImage.load(models.find("miniature-turbo"), "cpu", reference=True)


def requests(*prompts: str, **options: Any) -> list[GenerationRequest]:  # noqa: ANN401 - any field
    options = {"steps": 4, **options}
    return [models.build(prompt, seed=seed, **options) for seed, prompt in enumerate(prompts)]


def latents(family: ZImage, batch: Sequence[GenerationRequest]) -> torch.Tensor:
    return family.denoise(batch, family.encode(batch), family.noise(batch), lambda *_: None)


@pytest.mark.parametrize(
    ("prompts", "options"),
    [
        (("a red cat",), {}),
        (("a red cat",), {"guidance_scale": 2.0, "negative_prompt": "a dog"}),
        (("a red cat",), {"width": 176, "height": 112}),  # 77 tokens: padded to 96
        (("a red cat", "a red cat", "a red cat"), {}),
        (("a red cat", "左边一棵绿色的树", LONG), {}),
        (("a red cat", LONG), {"guidance_scale": 1.5, "negative_prompt": LONG, "shift": 6.0}),
    ],
)
def test_latents_equal_those_of_the_reference(
    fast: ZImage, reference: ZImage, prompts: tuple[str, ...], options: dict[str, Any]
) -> None:
    batch = requests(*prompts, **options)
    wanted = torch.cat([latents(reference, [one]) for one in batch])
    assert (latents(fast, batch) - wanted).abs().max() / wanted.abs().max() < CLOSE


def test_pixels_equal_those_of_the_reference(fast: ZImage, reference: ZImage) -> None:
    batch = requests("a red cat", "a blue star at night")
    both = [family.decode(latents(family, batch)) for family in (fast, reference)]
    for ours, theirs in zip(*both, strict=True):
        assert np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).max() <= 1  # a rounding at the edge of uint8


def test_bfloat16_stays_above_40_decibels(fast: ZImage) -> None:
    modules = ZImage.load(models.find("miniature-turbo"), "cpu").modules
    half = {name: module if name == "vae" else module.to(torch.bfloat16) for name, module in modules.items()}
    batch = requests("a red cat on the left", steps=8)
    ours, theirs = (
        np.asarray(family.decode(latents(family, batch))[0], float)
        for family in (
            ZImage(fast.model, half, "cpu", torch.bfloat16),
            ZImage(fast.model, half, "cpu", torch.bfloat16, reference=True),
        )
    )
    assert 10 * np.log10(255**2 / np.mean((ours - theirs) ** 2)) > 40


def test_a_picture_does_not_depend_on_its_batch(fast: ZImage) -> None:
    batch = requests("a red cat", "a red cat", "a blue star")
    together = latents(fast, batch)
    for row, one in enumerate(batch):
        assert (latents(fast, [one])[0] - together[row]).abs().max() < CLOSE


def test_text_is_encoded_once_per_prompt(fast: ZImage, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    encode = TextFeatures._encode
    monkeypatch.setattr(TextFeatures, "_encode", lambda self, ids, device: calls.append(1) or encode(self, ids, device))
    batch = requests("a purple moon", "a purple moon", "a purple sun")
    first = fast.encode(batch)
    assert len(calls) == 2
    assert first.positive[0] is first.positive[1] is fast.encode(batch[:1]).positive[0]
    for number in range(KEPT):
        fast._texts([1, 2, number], "cpu")
    assert len(fast._texts._known) == KEPT
    again = fast.encode(batch)
    assert len(calls) == 2 + KEPT + 2
    assert torch.equal(again.positive[0], first.positive[0])


def test_the_last_layer_is_left_out_and_stays(fast: ZImage, reference: ZImage) -> None:
    ids = [5, 9, 2, 7]
    ran = []
    hook = fast.text_encoder.layers[-1].register_forward_hook(lambda *_: ran.append(1))
    ours = TextFeatures(fast.text_encoder)(ids, "cpu")
    hook.remove()
    assert not ran
    padded = torch.tensor([ids + [0] * 28])
    mask = torch.tensor([[1] * 4 + [0] * 28])
    theirs = reference.text_encoder(padded, attention_mask=mask, output_hidden_states=True).hidden_states[-2][0, :4]
    assert (ours - theirs).abs().max() < CLOSE


def test_tables_are_made_once(fast: ZImage) -> None:
    forward.turns.cache_clear()
    batch = requests("a red cat")
    steps: list[torch.Tensor] = []
    embed = fast.transformer.t_embedder.register_forward_hook(lambda *_: steps.append(torch.empty(0)))
    refine = fast.transformer.context_refiner[0].attention.to_q.register_forward_hook(
        lambda *_: steps.append(torch.empty(0))
    )
    latents(fast, batch)
    latents(fast, batch)
    embed.remove()
    refine.remove()
    assert forward.turns.cache_info().misses == 1
    assert len(steps) == 4, "time and caption once per picture, not once per step"


@settings(max_examples=25)
@given(tokens=st.integers(1, 40), heads=st.integers(1, 3), half=st.integers(1, 8), seed=st.integers(0, 99))
def test_real_and_complex_turns_are_equal(tokens: int, heads: int, half: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, tokens, heads, 2 * half, generator=generator)
    angle = torch.randn(tokens, 1, half, generator=generator)
    real = forward.turned(x, torch.stack((angle.cos(), angle.sin()), dim=-1))
    assert torch.allclose(forward.turned(x, torch.polar(torch.ones_like(angle), angle)), real, atol=1e-6)


def test_positions_beyond_the_table_are_refused(fast: ZImage) -> None:
    rope = forward._rope(fast.transformer)
    with pytest.raises(IndexError, match="beyond"):
        forward.turns(rope, 32, rope.axes_lens[1] + 1, 4, torch.device("cpu"))


def test_kernels_of_diffusers_give_the_same_numbers() -> None:
    parts = [torch.randn(2, 32, 3, 8, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    native = attention("native")(*parts)
    assert torch.allclose(attention("_native_math")(*parts), native, atol=1e-6)


def test_the_fastest_that_works_is_chosen() -> None:
    def broken() -> None:
        message = "not on this device"
        raise RuntimeError(message)

    waits = {"slow": 0.004, "quick": 0.0}
    runs = {name: (lambda seconds=seconds: time.sleep(seconds)) for name, seconds in waits.items()}
    assert fastest({"broken": broken, **runs}, lambda: None) == "quick"
    assert fastest({"broken": broken}, lambda: None) == "broken"


def test_nothing_is_timed_on_the_cpu(fast: ZImage) -> None:
    x = torch.zeros(1, 32, 192)
    choice = Tuning("cpu").choose(fast.transformer.layers[0], x, None, x)  # type: ignore[arg-type]
    assert (choice.attention, choice.compiled) == ("native", False)


def test_steps_are_told_with_the_expected_picture(fast: ZImage) -> None:
    batch = requests("a red cat", "a blue cat")
    told: list[tuple[int, torch.Tensor]] = []
    end = fast.denoise(batch, fast.encode(batch), fast.noise(batch), lambda *step: told.append(step))
    assert [number for number, _ in told] == [1, 2, 3, 4]
    assert torch.allclose(told[-1][1], end, atol=1e-5), "the last step's expectation is the picture"
    distances = [float((expected - end).abs().mean()) for _, expected in told]
    assert all(later < earlier for earlier, later in itertools.pairwise(distances))


def test_the_reference_path_can_be_asked_for(tmp_path: Path) -> None:
    fast = zimage_lab.load(home=tmp_path)
    made = []
    try:
        made.append(zimage_lab.load(home=tmp_path, engine="reference", own=True))
        pictures = [engine.generate("a red cat", seed=1, steps=3) for engine in (fast, made[0])]
        assert [one.record.environment.model_dump()["path"] for one in pictures] == ["fast", "reference"]
        ours, theirs = (np.asarray(one.image, float) for one in pictures)
        assert np.abs(ours - theirs).max() <= 1
        made[0].stop()
        with pytest.raises(InvalidRequest, match="does not compute by the reference path"):
            zimage_lab.load(home=tmp_path, device="cpu", engine="reference")
        assert zimage_lab.load(home=tmp_path, device="cpu", engine="fast") is fast
    finally:
        for engine in (*made, fast):
            engine.stop()
