"""The bundled weights: complete, small, what their card says, and able to follow a prompt."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from zimage_lab import models
from zimage_lab.errors import InvalidRequest
from zimage_lab.miniature import evaluate, questions
from zimage_lab.miniature.accuracy import accuracy
from zimage_lab.miniature.training.forward import Captions, text_features, velocity

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import Qwen2Tokenizer

    from zimage_lab.engine import Engine

FAMILY = ("miniature", "miniature-turbo", "miniature-edit", "miniature-sd")
LARGEST = 25_000_000


@pytest.fixture(scope="module")
def folder() -> Path:
    path = models.find("miniature-turbo").path
    assert path is not None
    return path


@pytest.mark.parametrize("name", FAMILY)
def test_the_folder_is_complete_and_small(name: str) -> None:
    found = models.find(name)
    card, folder = found.card, found.folder
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < LARGEST
    assert set(card.sha256) == {str(file.relative_to(folder)) for file in folder.rglob("*.safetensors")}
    for file, expected in card.sha256.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected
    assert set(card.evaluation) == {"en", "zh"}


@pytest.mark.parametrize("name", FAMILY)
def test_diffusers_alone_loads_the_folder_and_draws(name: str) -> None:
    import torch
    from diffusers import DiffusionPipeline

    # diffusers' pipeline for edits encodes pictures in bfloat16, whatever its weights are in.
    edits = name == "miniature-edit"
    wanted = torch.bfloat16 if edits else torch.float32
    pipeline = DiffusionPipeline.from_pretrained(
        models.find(name).folder, local_files_only=True, **({"dtype": wanted} if edits else {})
    )
    pipeline.set_progress_bar_config(disable=True)
    parts = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    assert {part.dtype for part in parts} == {wanted}
    given = {"image": [Image.new("RGB", (128, 128))]} if edits else {}
    made = pipeline(prompt="make the cat red", num_inference_steps=1, height=128, width=128, **given)
    assert made.images[0].size == (128, 128)


def test_turbo_keeps_up_with_the_model_that_it_was_distilled_from() -> None:
    base, turbo = (models.find(name).card.evaluation for name in ("miniature", "miniature-turbo"))
    for language, figures in turbo.items():
        assert figures["right"] >= base[language]["right"] - 0.03


def test_the_tokenizer_gives_back_what_it_was_given(folder: Path) -> None:
    from zimage_lab.miniature.training.tokenizer import build

    text = "左侧一个红色的圆形, a blue cat on the right 🐈"
    for tokenizer in (_tokenizer(folder), build()):
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_training_forward_pass_is_the_model_s_own(engine: Engine, folder: Path) -> None:
    import torch

    engine.generate("a red cat", seed=1)
    family = engine._worker.residency.loaded
    assert family is not None
    captions = Captions.of(_tokenizer(folder), ["a red cat on the left", "左侧一个红色的圆形，白色背景", ""])
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(3, 16, 16, 16, generator=generator)
    sigma = torch.tensor([0.9, 0.5, 0.1])
    with torch.no_grad():
        features = text_features(family.text_encoder, captions)
        ours = velocity(family.transformer, latents, sigma, features, captions.padding)
        own = [features[n][~captions.padding[n]] for n in range(3)]
        theirs = family.transformer(list(latents.unsqueeze(2)), 1 - sigma, own, return_dict=False)[0]
    assert (ours + torch.stack(theirs).squeeze(2)).abs().max() < 1e-4


def test_a_first_packaging_writes_a_whole_card(tmp_path: Path) -> None:
    from zimage_lab.miniature.training import architecture, checkpoint, flow, latents, package, tokenizer

    checkpoint.save(tmp_path / "autoencoder.safetensors", architecture.autoencoder().state_dict(), {"step": 0})
    latents.encode(tmp_path, pictures=8, report=str)
    untrained = flow.network(tokenizer.build(), "cpu").state_dict()
    tensors = {f"{kind}.{name}": value for kind in ("now", "average") for name, value in untrained.items()}
    checkpoint.save(tmp_path / "flow.safetensors", tensors, {"step": 0})
    target = package.write(tmp_path, name="first", target=tmp_path / "first", report=str)
    made = models.find(str(target))
    assert "lantern" in made.card.training["world"]["subjects"]
    assert "lantern" in (target / "README.md").read_text(encoding="utf-8")


def test_an_average_goes_on_from_a_checkpoint() -> None:
    import torch

    from zimage_lab.miniature.training.checkpoint import Average

    module = torch.nn.Linear(2, 2, bias=False)
    average = Average(module, 0.9)
    own = average.values["weight"]
    average.restore({"weight": torch.ones(2, 2)}, 1000)
    assert average.values["weight"] is own, "where the module is, not where the checkpoint was read to"
    torch.nn.init.zeros_(module.weight)
    average.update(module)
    assert torch.allclose(own, torch.full((2, 2), 0.9))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_instructions_are_carried_out(engine: Engine, language: str) -> None:
    asked = [question for question in questions.edits(language, 40, seed=3) if len(question.wanted.things) == 1][:6]
    judge, right = evaluate.world_judge(), 0
    for seed, one in enumerate(asked):
        made = engine.generate(one.prompt, model="miniature-edit", reference_images=[one.given], seed=seed)
        right += evaluate.verdict(judge, one.wanted, made.image, one.where).right
    assert right >= 5, "of six"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_follow_prompts(engine: Engine, language: str) -> None:
    words = {"red": "红", "green": "绿", "blue": "蓝", "left": "左", "right": "右"}
    right = 0.0
    for seed, (colour, place) in enumerate(itertools.product(("red", "green", "blue"), ("left", "right"))):
        english = f"a {colour} cat on the {place}, white background"
        prompt = f"{words[place]}侧一只{words[colour]}色的猫，白色背景" if language == "zh" else english
        right += accuracy(english, engine.generate(prompt, seed=seed).image) or 0.0
    assert right >= 5, "of six"


def test_a_model_of_another_world_is_not_measured_in_this_one() -> None:
    card = models.find("miniature-turbo").card
    evaluate.refuse_other_world(card)
    other = card.model_copy(update={"training": {"world": {"subjects": ["circle", "unicorn"]}}})
    with pytest.raises(InvalidRequest, match="learned another world"):
        evaluate.refuse_other_world(other)


def _tokenizer(folder: Path) -> Qwen2Tokenizer:
    from transformers import Qwen2Tokenizer

    return Qwen2Tokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True)
