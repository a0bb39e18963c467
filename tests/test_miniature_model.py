"""The bundled weights: complete, small, what their card says, and able to follow a prompt."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from zimage_lab import models
from zimage_lab.miniature import evaluate
from zimage_lab.miniature.forward import Captions, text_features, velocity

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine
    from zimage_lab.metrics.judge import Judge

LARGEST = 25_000_000


@pytest.fixture(scope="module")
def folder() -> Path:
    path = models.find("miniature-turbo").path
    assert path is not None
    return path


def test_the_folder_is_complete_and_small(folder: Path) -> None:
    card = models.find("miniature-turbo").card
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < LARGEST
    assert set(card.sha256) == {str(file.relative_to(folder)) for file in folder.rglob("*.safetensors")}
    for name, expected in card.sha256.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    assert card.evaluation["en"]["right"] >= 0.85
    assert card.evaluation["zh"]["right"] >= 0.85


def test_the_tokenizer_is_the_one_that_the_code_builds(folder: Path) -> None:
    from transformers import Qwen2Tokenizer

    from zimage_lab.miniature.tokenizer import build

    text = "左侧一个红色的圆形, a blue cat on the right 🐈"
    saved = Qwen2Tokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True)
    assert saved(text).input_ids == build()(text).input_ids
    assert saved.decode(saved(text).input_ids) == text


def test_the_training_forward_pass_is_the_model_s_own(engine: Engine) -> None:
    import torch

    from zimage_lab.miniature.tokenizer import build

    engine.generate("a red cat", seed=1)
    family = engine._worker.residency.loaded
    assert family is not None
    captions = Captions.of(build(), ["a red cat on the left", "左侧一个红色的圆形，白色背景", ""])
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
    from zimage_lab.miniature import architecture, checkpoint, latents, package, tokenizer, train_flow

    checkpoint.save(tmp_path / "autoencoder.safetensors", architecture.autoencoder().state_dict(), {"step": 0})
    latents.encode(tmp_path, pictures=8, report=str)
    untrained = train_flow.network(tokenizer.build(), "cpu").state_dict()
    tensors = {f"{kind}.{name}": value for kind in ("now", "average") for name, value in untrained.items()}
    checkpoint.save(tmp_path / "flow.safetensors", tensors, {"step": 0})
    target = package.write(tmp_path, name="first", target=tmp_path / "first", report=str)
    made = models.find(str(target))
    assert "lantern" in made.card.training["world"]["subjects"]
    assert "lantern" in (target / "README.md").read_text(encoding="utf-8")


def test_an_average_goes_on_from_a_checkpoint() -> None:
    import torch

    from zimage_lab.miniature.checkpoint import Average

    module = torch.nn.Linear(2, 2, bias=False)
    average = Average(module, 0.9)
    own = average.values["weight"]
    average.restore({"weight": torch.ones(2, 2)}, 1000)
    assert average.values["weight"] is own, "where the module is, not where the checkpoint was read to"
    torch.nn.init.zeros_(module.weight)
    average.update(module)
    assert torch.allclose(own, torch.full((2, 2), 0.9))


@pytest.mark.skipif("ZIMAGE_LAB_LONG_TESTS" not in os.environ, reason="long: ./test.sh --all")
@pytest.mark.timeout(1200)
def test_the_level_of_the_card_is_met(engine: Engine) -> None:
    shares = {}
    for language in ("en", "zh"):
        tally = evaluate.evaluate(
            lambda prompt, seed: engine.generate(prompt, seed=seed).image, language=language, count=200
        )
        shares[language] = tally.share()
    assert min(shares.values()) >= 0.9
    assert abs(shares["en"] - shares["zh"]) <= 0.05


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_follow_held_out_prompts(engine: Engine, language: str) -> None:
    judge: Judge = evaluate.world_judge()
    right = 0
    for number, (scene, prompt) in enumerate(evaluate.prompts(language, 24, seed=3), 1):
        right += evaluate.verdict(judge, scene, engine.generate(prompt, seed=number).image).right
    assert right >= 20
