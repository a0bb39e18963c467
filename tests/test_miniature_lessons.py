"""What makes training quick: the lesson of what each patch shows, the optimizer, the forward pass, the precision."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.edits import training_edit
from zimage_lab.miniature.scenes import KINDS, training_scene
from zimage_lab.miniature.training import (
    architecture,
    architecture_sd,
    checkpoint,
    diffusion,
    flow,
    placement,
    precision,
    tokenizer,
    tokenizer_sd,
)
from zimage_lab.miniature.training.forward import Captions, text_features, velocity, velocity_and_tokens
from zimage_lab.miniature.training.muon import Muon, orthogonal
from zimage_lab.miniature.world import Scene, Thing

if TYPE_CHECKING:
    from pathlib import Path

SIGN = Scene((Thing("sign", "brown", "top", "茶A"), Thing("cat", "red", "bottom")), "night")


def name(numbers: dict[str, int], share: torch.Tensor) -> str:
    return next(word for word, number in numbers.items() if number == int(share.argmax()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_patch_shows_something(kind: str) -> None:
    rng = random.Random(kind)
    found = placement.placed([training_scene(rng, kind) for _ in range(20)], "cpu")
    for shares in (found.subjects, found.colours):
        assert torch.allclose(shares.sum(-1), torch.ones(20, 64))
        assert shares.min() >= -1e-6
    assert (found.characters.sum(-1) <= 1 + 1e-6).all()
    assert bool(found.characters.any()) == (kind == "sign")


def test_patches_show_what_stands_there() -> None:
    found = placement.placed([SIGN], "cpu")
    subjects, colours, characters = (shares[0].view(8, 8, -1) for shares in found)
    assert name(placement.SUBJECTS, subjects[0, 0]) == "night"
    assert name(placement.SUBJECTS, subjects[6, 4]) == "cat"
    assert name(placement.SHADES, colours[6, 4]) == "red"
    assert name(placement.SHADES, colours[0, 0]) == ""
    written = characters.sum(-1)
    row = int(written.sum(1).argmax())
    assert [name(placement.CHARACTERS, characters[row, column]) for column in (3, 4)] == ["茶", "A"]


def test_patches_of_an_edit_show_its_own_spots() -> None:
    rng = random.Random(4)
    edits = [edit for edit in (training_edit(rng) for _ in range(40)) if len(edit.after.things) == 1]
    found = placement.placed([edit.after for edit in edits], "cpu", [edit.where for edit in edits])
    for edit, shares in zip(edits, found.subjects, strict=True):
        spot = edit.where[edit.after.things[0].place]
        middle = shares.view(8, 8, -1)[int(spot.y // placement.PATCH), int(spot.x // placement.PATCH)]
        assert name(placement.SUBJECTS, middle) == edit.after.things[0].subject


def test_letters_stand_where_their_ink_is() -> None:
    one, other = (
        np.asarray(draw(Scene((Thing("sign", "white", "middle", text),), "paper")), float) for text in ("MM", "11")
    )
    ink = torch.from_numpy(np.abs(one - other).sum(2)).view(8, 16, 8, 16).sum((1, 3))
    written = placement.placed([Scene((Thing("sign", "white", "middle", "MM"),), "paper")], "cpu").characters
    share = written.sum(-1).view(8, 8)
    assert ink[share == 0].sum() < 0.02 * ink.sum()


def test_the_layer_learns_what_it_is_told() -> None:
    torch.manual_seed(0)
    scenes = [SIGN, Scene((Thing("star", "blue", "left"),), "paper")]
    tokens, wanted = torch.randn(2, 64, 32), placement.placed(scenes, "cpu")
    read = placement.layer(32)
    optimizer = torch.optim.Adam(read.parameters(), 0.03)
    first = placement.error(read, tokens, wanted).item()
    for _ in range(60):
        optimizer.zero_grad()
        placement.error(read, tokens, wanted).backward()
        optimizer.step()
    assert placement.error(read, tokens, wanted).item() < first / 3


def test_without_signs_characters_cost_nothing() -> None:
    plain = placement.placed([Scene((Thing("star", "blue", "left"),), "paper")], "cpu")
    assert placement.error(placement.layer(8), torch.randn(1, 64, 8), plain).isfinite()


def test_the_layer_stays_behind(tmp_path: Path) -> None:
    module = flow.network(tokenizer.build(), "cpu")
    module[placement.NAME] = placement.layer(architecture.DIM)
    checkpoint.save(tmp_path / "flow.safetensors", module.state_dict(), {"step": 1})
    known, _ = flow.trained(tmp_path / "flow.safetensors")
    flow.network(tokenizer.build(), "cpu").load_state_dict(known)


def test_the_forward_pass_is_the_transformers_own() -> None:
    torch.manual_seed(1)
    words = tokenizer.build()
    module = flow.network(words, "cpu")
    with torch.no_grad():
        for value in module["transformer"].parameters():
            value.add_(torch.randn_like(value), alpha=0.05)  # gates and the last layer begin at zero
        asked = Captions.of(words, ["a red cat", "左边一棵绿色的树，右边一盏红色的灯笼"])
        features = text_features(module["text_encoder"], asked)
        latents, sigma = torch.randn(2, 16, 16, 16), torch.tensor([0.3, 0.9])
        ours = velocity(module["transformer"], latents, sigma, features, asked.padding)
        own = [row[~gap] for row, gap in zip(features, asked.padding, strict=True)]
        theirs = module["transformer"]([one.unsqueeze(1) for one in latents], 1 - sigma, own, return_dict=False)[0]
        _, tokens = velocity_and_tokens(module["transformer"], latents, sigma, features, asked.padding)
    theirs = -torch.stack(theirs).squeeze(2)
    assert theirs.std() > 0.1
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
    assert tokens.shape == (2, 64, architecture.DIM)


def test_captions_are_templated_as_the_pipeline_does_it() -> None:
    words, text = tokenizer.build(), "左边一棵绿色的树, a {red} cat"
    said = words.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    found = Captions.of(words, [text])
    assert found.ids[0][~found.padding[0]].tolist() == words(said).input_ids


@pytest.mark.parametrize("shape", [(3, 24, 40), (2, 40, 24), (1, 16, 16)])
def test_steps_are_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(0))))
    assert 0.3 < values.min() <= values.max() < 1.5


def test_muon_steps_as_torch_s_own() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(48, 32), torch.randn(5, 48, 32)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    both = (
        (ours, Muon([ours], 0.01)),
        (
            theirs,
            torch.optim.Muon([theirs], lr=0.01, weight_decay=0.02, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        ),
    )
    for gradient in gradients:
        for value, optimizer in both:
            value.grad = gradient.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved, "torch's own rounds to bfloat16"


def test_a_convolution_is_a_matrix_to_muon() -> None:
    kernel = torch.nn.Parameter(torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0)))
    matrix = torch.nn.Parameter(kernel.detach().flatten(1))
    for value in (kernel, matrix):
        value.grad = value.detach().sin()
        Muon([value], 0.01).step()
    assert torch.equal(kernel.flatten(1), matrix)


def test_the_unet_s_places_are_the_patches() -> None:
    words = tokenizer_sd.build()
    module = diffusion.network(words, "cpu")
    module[placement.NAME] = placement.layer(architecture_sd.unet().config.block_out_channels[-1])
    taught = diffusion.Taught(module)
    noisy, times = torch.randn(2, 4, 16, 16), torch.tensor([3, 900])
    ids, placed = diffusion.token_ids(words, ["a red cat", ""], "cpu"), placement.placed([SIGN, SIGN], "cpu")
    _, second = taught.errors(noisy, times, ids, noisy, torch.ones(2, 1, 16, 16), placed)
    second.backward()
    assert module["unet"].conv_out.weight.grad is None, "it is read off the middle"
    assert module["text_encoder"].get_input_embeddings().weight.grad is not None, "the prompt is read"


def test_the_lesson_ends_with_the_training() -> None:
    weights = [placement.weighted(torch.ones(()), step, 10).item() for step in (0, 5, 10)]
    assert weights == pytest.approx([placement.WEIGHT, placement.WEIGHT / 2, 0])


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_half_precision_is_for_those_who_have_it(
    monkeypatch: pytest.MonkeyPatch, *, native: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "fast", lambda _: native)
    with precision.half("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    with precision.half("cpu", wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
