"""A LoRA from a user's own pictures: the file that comes of it, interrupted trainings, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import zimage_lab
from zimage_lab import models
from zimage_lab.cli import main
from zimage_lab.errors import InvalidRequest
from zimage_lab.lora_training import adapter, examples, run, train, train_lora
from zimage_lab.lora_training.learned import size_of
from zimage_lab.models import memory

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine

PROMPT = "a red cat on the left, white background"
QUICK: dict[str, Any] = {"model": "miniature-turbo", "steps": 4, "batch": 2, "rank": 2, "report": str}


def paper(colour: str) -> Image.Image:
    made = Image.new("RGB", (160, 128), colour)
    made.paste("white", (50, 40, 90, 80))
    return made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder as people have it: pictures of several kinds with captions beside them."""
    folder = tmp_path_factory.mktemp("data") / "papers"
    folder.mkdir()
    for name, colour in (("a.png", "orange"), ("b.jpg", "tan"), ("c.webp", "gold")):
        paper(colour).save(folder / name)
        (folder / name).with_suffix(".txt").write_text(f"a white square, {colour} background\n", encoding="utf-8")
    (folder / "notes.md").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lora-home")


@pytest.fixture(scope="module")
def lora(pictures: Path, home: Path) -> Path:
    return train_lora(pictures, home=home, learning_rate=0.05, alpha=4, sample_every=2, **QUICK)


def test_what_comes_of_a_training(lora: Path, home: Path) -> None:
    assert lora == home / "loras" / "papers.safetensors"
    with safe_open(lora, "pt") as file:
        names, facts = list(file.keys()), file.metadata()
        assert any(file.get_tensor(name).any() for name in names if ".lora_B." in name)
    assert all(name.startswith("diffusion_model.") for name in names)
    assert facts == {"format": "pt", "base_model": "miniature-turbo", "rank": "2", "steps": "4", "pictures": "3"}
    work = home / "lora-training" / "papers"
    assert sorted(path.name for path in work.iterdir()) == [
        "lora-0.png",
        "lora-2.png",
        "lora-4.png",
        "lora-loss.svg",
        "lora.csv",
    ], "no checkpoint is left of what is done"
    with Image.open(work / "lora-0.png") as before, Image.open(work / "lora-4.png") as after:
        assert before.tobytes() != after.tobytes()


def test_the_lora_changes_pictures_as_diffusers_has_it(engine: Engine, lora: Path) -> None:
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline.from_pretrained(models.find("miniature-turbo").folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_lora_weights(lora)
    wanted = pipeline(
        PROMPT,
        num_inference_steps=4,
        guidance_scale=0.0,
        width=128,
        height=128,
        generator=torch.Generator("cpu").manual_seed(1),
    ).images[0]
    plain = engine.generate(PROMPT, seed=1, steps=4)
    ours = engine.generate(PROMPT, seed=1, steps=4, loras=[str(lora)])
    apart = np.abs(np.asarray(ours.image, float) - np.asarray(wanted, float)).max()
    assert apart <= 2 < np.abs(np.asarray(ours.image, float) - np.asarray(plain.image, float)).max()


@pytest.mark.parametrize("saved", [1, 100])
def test_an_interrupted_training_ends_as_one_that_was_not(
    pictures: Path, home: Path, lora: Path, monkeypatch: pytest.MonkeyPatch, saved: int
) -> None:
    options = {**QUICK, "home": home, "learning_rate": 0.05, "alpha": 4, "output": f"again{saved}"}
    update, lines = run.Run.update, []

    def stopped(self: run.Run) -> float:
        if self.step == 3:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(train, "SAVED", saved)
    monkeypatch.setattr(run.Run, "update", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_lora(pictures, **{**options, "report": lines.append})
    assert lines[-1] == "kept after 3 of 4 updates; the same call goes on from there"
    monkeypatch.setattr(run.Run, "update", update)
    with pytest.raises(InvalidRequest, match="was begun with other rank, steps"):
        train_lora(pictures, **{**options, "rank": 3, "alpha": 4, "steps": 5})
    again = train_lora(pictures, **{**options, "report": lines.append})
    assert "goes on after 3 of 4 updates" in lines
    ended, whole = load_file(again), load_file(lora)
    assert all(torch.equal(ended[name], value) for name, value in whole.items())


def test_nothing_is_replaced_unasked(pictures: Path, home: Path, lora: Path) -> None:
    before = lora.read_bytes()
    with pytest.raises(InvalidRequest, match=r"there is a papers.safetensors already"):
        train_lora(pictures, home=home, **QUICK)
    assert lora.read_bytes() == before


def test_pairs_from_python_and_a_path(tmp_path: Path) -> None:
    pairs = [(paper("tan"), "tan paper"), (paper("gold"), "gold paper")]
    made = zimage_lab.train_lora(
        pairs, output=tmp_path / "mine.safetensors", home=tmp_path, gradient_checkpointing=True, **{**QUICK, "steps": 1}
    )
    assert made == tmp_path / "mine.safetensors"
    assert adapter.PREFIX in made.read_bytes()[:4000].decode("latin1")


def test_captions_in_one_list(tmp_path: Path) -> None:
    paper("tan").save(tmp_path / "1.png")
    rows = [{"file_name": "1.png", "text": "褐色的纸"}, {"file_name": "gone.png", "text": "nothing"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [one.caption for one in examples.read(tmp_path)] == ["褐色的纸"]
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "1.png"}', encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"line 1 of metadata.jsonl"):
        examples.read(tmp_path)


def test_pictures_that_cannot_be_learned_from(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no picture to learn from"):
        examples.read(tmp_path)
    with pytest.raises(InvalidRequest, match="there is no folder"):
        examples.read(tmp_path / "none")
    with pytest.raises(InvalidRequest, match="number 1 is no pair"):
        examples.read([paper("tan")])  # type: ignore[list-item]
    paper("tan").save(tmp_path / "1.png")
    with pytest.raises(InvalidRequest, match=r"1.png has no caption\. Say what it shows in 1.txt"):
        examples.read(tmp_path)
    (tmp_path / "1.txt").write_text("paper")
    (tmp_path / "2.png").write_bytes(b"<html>")
    (tmp_path / "2.txt").write_text("a page")
    with pytest.raises(InvalidRequest, match=r"2.png: it is no picture that can be read"):
        examples.read(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 0}, "rank"),
        ({"steps": 0}, "steps"),
        ({"batch": 1.5}, "batch"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"caption_dropout": 2.0}, "caption_dropout"),
        ({"sample_prompts": [""]}, "prompt"),
        ({"output": ".safetensors"}, "no name for a file"),
        ({"model": "stable-diffusion-v1-5"}, "LoRAs are trained on Z-Image models"),
        ({"model": "nothing"}, "not a known model"),
    ],
)
def test_wrong_settings(pictures: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        train_lora(pictures, home=tmp_path, **{**QUICK, **options})
    assert not list(tmp_path.rglob("*.safetensors"))


def test_weights_that_are_not_here(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(zimage_lab.ZImageError, match="zimage-lab models get z-image"):
        train_lora(pictures, home=tmp_path, **{**QUICK, "model": "z-image"})


def test_a_model_in_half_precision_learns_in_whole(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: frozen weights in bfloat16, the LoRA in float32."""
    monkeypatch.setattr(memory, "choose_device", lambda _: ("cpu", torch.bfloat16))
    made = train_lora(pictures, home=tmp_path, gradient_checkpointing=True, **QUICK)
    tensors = load_file(made)
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    assert any(value.any() for name, value in tensors.items() if ".lora_B." in name)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_size_keeps_the_proportions(width: int, height: int) -> None:
    wide, high = size_of(width, height, (1024, 1024), 16, fixed=False)
    assert wide % 16 == high % 16 == 0
    assert abs(wide * high - 1024 * 1024) < 0.05 * 1024 * 1024
    ratio = min(max(width / height, 0.5), 2)
    assert abs(wide / high - ratio) < 0.05 * ratio
    assert size_of(width, height, (128, 128), 16, fixed=True) == (128, 128)


def test_from_the_shell(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train-lora", str(pictures), "--home", str(tmp_path), "--steps", "2", "--batch", "2", "--rank", "2"]
    assert main([*command, "--output", "shell", "--sample-prompt", PROMPT]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path / "loras" / "shell.safetensors")
    assert "lora 2/2" in printed.err
    assert main([*command, "--output", "shell"]) == 2
    assert main([*command[:1], str(tmp_path / "none")]) == 2
