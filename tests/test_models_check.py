"""What a card refuses and what it warns of, the filling of defaults, and the counting of tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from zimage_lab.errors import InvalidRequest, ModelLoadError, UnknownModel
from zimage_lab.miniature import captions
from zimage_lab.models import build, check, tokens
from zimage_lab.models.card import ModelCard
from zimage_lab.models.catalog import Model, find

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.request import GenerationRequest

SPECIALS = ["<|im_start|>", "<|im_end|>"]


def card(**changes: Any) -> ModelCard:  # noqa: ANN401 - any field of the card
    """Give the card of a small miniature."""
    values: dict[str, Any] = {
        "id": "tiny",
        "family": "z_image",
        "miniature": True,
        "trained_size": [128, 128],
        "defaults": {"steps": 8, "guidance_scale": 0.0, "width": 128, "height": 128, "shift": 3.0},
        "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
        "max_tokens": 64,
        "vocabulary": {"en": list(captions.english_words()), "zh": sorted(captions.chinese_words())},
    }
    return ModelCard.model_validate({**values, **changes})


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Give a model whose tokenizer knows single bytes only, with a cut and a padding that must not count."""
    alphabet = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.enable_truncation(10)
    tokenizer.enable_padding(length=100)
    (tmp_path / "tokenizer").mkdir()
    tokenizer.save(str(tmp_path / "tokenizer" / "tokenizer.json"))
    return Model(card(), tmp_path)


def request(**changes: Any) -> GenerationRequest:  # noqa: ANN401 - any field of the request
    """Give a request that the small card takes without a word."""
    made = build("a red circle", "z-image-turbo", width=256, height=256, seed=1)
    return made.replace(**{"width": 128, "height": 128, "model": "tiny", **changes})


def test_a_plain_request_has_no_warnings(model: Model) -> None:
    """What the model is made for passes in silence, in both languages."""
    assert check(request(), model) == []
    assert check(request(prompt="左侧一个红色的圆形，白色背景"), model) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 48}, "width: 48 is outside what tiny takes. Use 64 to 256, a multiple of 16."),
        ({"height": 1040}, "height: 1040 is outside what tiny takes. Use 64 to 256, a multiple of 16."),
        ({"steps": 51}, "steps: 51 is outside what tiny takes. Use 1 to 50."),
        ({"prompt": "a red circle " * 9}, "prompt: .* tokens are more than the 64 that tiny reads. Shorten it"),
        ({"negative_prompt": "cat " * 30, "guidance_scale": 2.0}, "negative_prompt: .* tokens"),
    ],
)
def test_refused(model: Model, changes: dict[str, Any], message: str) -> None:
    """Each error names the field, the value and the way out."""
    with pytest.raises(InvalidRequest, match=message):
        check(request(**changes), model)


def test_a_card_may_want_a_coarser_multiple(model: Model) -> None:
    """A size that passes the general rule can still be wrong for one model."""
    with pytest.raises(InvalidRequest, match=r"width: 144 is not a multiple of 32. Use 128 or 160."):
        check(request(width=144), Model(card(multiple=32), model.path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"negative_prompt": "cat"}, "negative prompt does nothing"),
        ({"guidance_scale": 3}, "distilled to draw without guidance; 3 doubles"),
        ({"prompt": "a red dragon"}, "never met 'dragon': expect"),
        ({"width": 256}, "learned at 128x128; at 256x128"),
        ({"prompt": "a red circle " * 9, "truncate": True}, "after the first 64 is cut off"),
    ],
)
def test_warned(model: Model, changes: dict[str, Any], message: str) -> None:
    """One thing amiss is one sentence."""
    (warning,) = check(request(**changes), model)
    assert message in warning


def test_long_lists_of_unknown_words_are_cut(model: Model) -> None:
    """A pasted page does not fill the panel with its words."""
    words = " ".join(letter * 60 for letter in "bcdefghijk")
    warning = check(request(prompt=words, truncate=True), model)[1]
    assert warning.endswith("and 2 more: expect something else there.")
    assert len(warning) < 500


def test_weights_elsewhere() -> None:
    """A model that is not here can be asked about; its tokens cannot be counted."""
    entry = Model(card(max_tokens=1), None)
    assert tokens.count(entry, "a") is None
    assert "not on this machine" in check(request(), entry)[0]
    with pytest.raises(ModelLoadError, match="not on this machine"):
        tokens.encode(entry, "a")


def test_damaged_tokenizer(model: Model) -> None:
    """A broken file is one sentence, and a mended one is read anew."""
    assert model.path is not None
    path = model.path / "tokenizer" / "tokenizer.json"
    before = path.read_text(encoding="utf-8")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ModelLoadError, match="tokenizer of tiny cannot be read"):
        tokens.count(model, "a")
    path.write_text(before, encoding="utf-8")
    assert tokens.count(model, "a")


def test_count(model: Model) -> None:
    """The template counts, and nothing cuts or pads; with single bytes the sum can be done by hand."""
    empty = 3 + len("user\n") + len("\n") + len("assistant\n")
    assert tokens.count(model, "") == empty
    assert tokens.count(model, "{} {0}") == empty + 6
    assert tokens.count(model, "猫" * 50) == empty + 150


@given(text=st.text(alphabet=st.characters(codec="utf-8")))
def test_unknown_words_never_fail(text: str) -> None:
    """Whatever is typed, the answer is words of it, each once."""
    unknown = tokens.unknown_words(Model(card(), None), text)
    assert len(set(unknown)) == len(unknown)
    assert all(word in text for word in unknown)


def test_unknown_words_of_other_scripts() -> None:
    """Words that no caption could hold are told whole."""
    assert tokens.unknown_words(Model(card(), None), "A café, кот 红色的龙") == ["café", "кот", "龙"]
    assert tokens.unknown_words(find("z-image"), "anything") == []


def test_build_fills_in_the_card() -> None:
    """A prompt is enough; what is said wins, and None says nothing."""
    made = build("a cat", "Tongyi-MAI/Z-Image", width=512, steps=None)
    assert (made.model, made.width, made.height, made.guidance_scale) == ("z-image", 512, 1024, 4.0)
    assert made.steps == find("z-image").card.defaults.steps
    seeds = {build("a cat", "z-image").seed for _ in range(20)}
    assert len(seeds) == 20
    assert max(seeds) > 2**32
    assert build("a cat", "z-image", seed=0).seed == 0


def test_build_refuses() -> None:
    """What is wrong is refused by the request's own sentences."""
    with pytest.raises(InvalidRequest, match="guidance_scale"):
        build("a cat", "z-image", cfg=None)
    with pytest.raises(InvalidRequest, match="prompt"):
        build("", "z-image")
    with pytest.raises(UnknownModel):
        build("a cat", "no-such-model")


def test_card_survives_json() -> None:
    """A card written by its own class is read back equal, so that training code can write cards with it."""
    made = card(preview={"block": 1, "weights": [[0, 0, 0]] * 16, "bias": [0, 0, 0]})
    assert ModelCard.model_validate_json(made.model_dump_json()) == made
    with pytest.raises(ValueError, match="must hold 12 numbers"):
        card(preview={"block": 2, "weights": [[0, 0, 0]], "bias": [0, 0, 0]})
    assert "sha256" in json.loads(made.model_dump_json())
