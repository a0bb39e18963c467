"""Prompt help: a small Qwen3 with tied embeddings, taught one answer, writes with the weights that read prompts."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch

from zimage_lab import models
from zimage_lab.engine import Engine, RemoteEngine, language_model
from zimage_lab.engine.families import load
from zimage_lab.errors import Cancelled, InvalidRequest, ZImageError
from zimage_lab.models import bases, tokens
from zimage_lab.models.text_head import can_write
from zimage_lab.prompts import enhance, enhancement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine.families import Family

PROMPT = "a red cat"
ANSWER = "“A red cat on a white wall,\nin soft light.”"
CLEAN = "A red cat on a white wall, in soft light."
STEPS = 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a Z-Image folder whose encoder is a small Qwen3, with Qwen's whole vocabulary, that knows one answer."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    place = tmp_path_factory.mktemp("writer") / "writer"
    shutil.copytree(models.find("miniature-turbo").folder, place)
    card = json.loads((place / "card.json").read_text(encoding="utf-8"))
    card |= {"id": "writer", "title": "Writer", "miniature": False, "vocabulary": None}
    (place / "card.json").write_text(json.dumps(card), encoding="utf-8")
    shutil.copytree(bases.CONFIGS / "z-image" / "tokenizer", place / "tokenizer", dirs_exist_ok=True)
    sizes: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=64,
        intermediate_size=128,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        **sizes,
    )
    torch.manual_seed(0)
    taught = Qwen3ForCausalLM(config)
    model = models.find(place)
    instruction = enhancement.EXPAND.format(language="English")
    read = tokens.tokenizer(model).encode(language_model.SYSTEM.format(instruction, PROMPT)).ids
    said = tokens.tokenizer(model).encode(ANSWER + language_model.END).ids
    ids = torch.tensor([[*read, *said]])
    labels = torch.tensor([[-100] * len(read) + said])
    optimizer = torch.optim.Adam(taught.parameters(), 0.01)
    for _ in range(STEPS):
        loss = taught(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shutil.rmtree(place / "text_encoder")
    taught.model.save_pretrained(place / "text_encoder")
    return place


@pytest.fixture(scope="module")
def engine(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(str(folder), home=tmp_path_factory.mktemp("home"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def family(folder: Path) -> Family:
    return load(models.find(folder), "cpu")


def test_a_prompt_is_written_while_it_is_watched(engine: Engine) -> None:
    told: list[str] = []
    assert enhance(PROMPT, engine=engine, seed=1, on_text=told.append) == CLEAN
    assert len(told) > 8
    assert len(told[0]) < 4
    assert told[-1] == CLEAN
    assert "A red cat on" in "".join(told)
    assert enhance(PROMPT, engine=engine, seed=1) == CLEAN
    assert engine.status()["models"][0]["id"].endswith("writer")


def test_the_head_is_the_embeddings_and_the_state_of_torch_is_the_notebook_s(family: Family) -> None:
    encoder = family.modules["text_encoder"]
    whole = language_model._whole(encoder)
    assert whole.lm_head.weight is encoder.embed_tokens.weight
    own = {id(value) for value in encoder.parameters()}
    assert {id(value) for value in whole.parameters()} == own
    before, state = family.memory_bytes, torch.get_rng_state()
    task = language_model.Task("Say it.", "x" * 9, 12, 5, lambda: False, lambda _: None)
    first = language_model.write(family, task)
    assert language_model.write(family, task) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert family.memory_bytes == before
    assert not any(value.requires_grad and value.grad is not None for value in encoder.parameters())


def test_seeds_and_lengths(family: Family) -> None:
    def answer(seed: int, most: int) -> tuple[list[int], bool]:
        task = language_model.Task(
            "Another task.", "something else entirely", most, seed, lambda: False, lambda _: None
        )
        text, finished = language_model.write(family, task)
        return tokens.tokenizer(family.model).encode(text).ids, finished

    assert len({tuple(answer(seed, 6)[0]) for seed in range(6)}) > 1
    cut, finished = answer(3, 1)
    assert not finished
    assert len(cut) <= 3  # a token may be a part of a character
    task = language_model.Task("x", "word " * 1100, 16, 0, lambda: False, lambda _: None)
    with pytest.raises(InvalidRequest, match=r"prompt: \d+ tokens are more than the 1008 that can be read here"):
        language_model.write(family, task)


def test_the_draws_follow_the_likelihood() -> None:
    scores = torch.log(torch.tensor([[0.7, 0.2, 0.1]])).expand(4000, 3)
    drawn = language_model._drawn(0)(torch.empty(0), scores).argmax(1)
    shares = torch.bincount(drawn, minlength=3) / len(scores)
    assert torch.allclose(shares, torch.tensor([0.7, 0.2, 0.1]), atol=0.03)


def test_stopping_leaves_the_engine_as_it_was(engine: Engine) -> None:
    stop, told = threading.Event(), []

    def hear(text: str) -> None:
        told.append(text)
        if len(told) == 3:
            stop.set()

    with pytest.raises(Cancelled):
        enhance(PROMPT, engine=engine, seed=1, on_text=hear, stop=stop)
    assert len(told) == 3
    job = engine.submit("a red circle in the middle", model="miniature-turbo", seed=1, steps=2)
    assert job.result(60).seed == 1


def test_what_cannot_be_is_a_sentence(engine: Engine, tmp_path: Path) -> None:
    for options, said in (
        ({"prompt": "  "}, "prompt: is empty. Write a few words first."),
        ({"language": "fr"}, "language: 'fr' is not known. Use 'en' or 'zh', or leave it out."),
        ({"max_tokens": 0}, "max_tokens"),
        ({"seed": -1}, "seed"),
        ({"model": "miniature-turbo"}, "model: .*has a text encoder that cannot write. Choose a model with the whole"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            enhance(**{"prompt": PROMPT, "engine": engine, **options})
    remote = RemoteEngine(tmp_path, model=None, device="cpu", pin=None)
    try:
        with pytest.raises(ZImageError, match="prompts are written where the model is"):
            enhance(PROMPT, engine=remote)
    finally:
        remote.stop()


@pytest.mark.parametrize(
    ("answer", "prompt"),
    [
        ("<think>\nlet me see\n</think>\n\nA cat.", "A cat."),
        ("<think>never ended", ""),
        ('"A cat, "MIAO", by day."', '"A cat, "MIAO", by day."'),
        ("「一只猫」", "一只猫"),
        ("  two\n\nlines ", "two lines"),
        ('"', '"'),
    ],
)
def test_an_answer_becomes_a_prompt(answer: str, prompt: str) -> None:
    assert enhancement.cleaned(answer) == prompt


def test_half_a_sentence_is_cut_and_nothing_is_told(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    answers = iter([("One. Two. Thr", False), ("<think>", False)])
    monkeypatch.setattr(language_model, "write", lambda *_: next(answers))
    assert enhance(PROMPT, engine=engine, language="zh") == "One. Two."
    with pytest.raises(ZImageError, match="The model wrote nothing"):
        enhance(PROMPT, engine=engine, expand=False)


def test_who_can_write(folder: Path, tmp_path: Path) -> None:
    assert can_write(models.find(folder))
    assert not can_write(models.find("miniature-turbo"))
    assert not can_write(models.find("z-image-turbo"))  # it is not on this machine
    other = tmp_path / "untied"
    shutil.copytree(folder, other)
    path = other / "text_encoder" / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"tie_word_embeddings": true', '"x": 1'), encoding="utf-8")
    assert not can_write(models.find(other))
