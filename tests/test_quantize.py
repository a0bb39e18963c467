"""Float8 weights: what they cost in bytes and in the picture, what the record says, and what they do not go with."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import test_loras

from zimage_lab import models
from zimage_lab.engine import Engine, families
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest
from zimage_lab.home import Settings
from zimage_lab.models import memory, quantize

if TYPE_CHECKING:
    from zimage_lab.models.memory import Policy

PROMPT = "a red cat on the left"
WITH_TORCHAO = pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="needs torchao")


def drawn(family: ZImage) -> np.ndarray:
    batch = [models.build(PROMPT, seed=1)]
    latents = family.denoise(batch, family.encode(batch), family.noise(batch), lambda *_: None)
    return np.asarray(family.decode(latents)[0], float)


# torchao registers enumerations in a way that torch is about to drop, and says so at its import.
@WITH_TORCHAO
@pytest.mark.filterwarnings("ignore")
def test_the_picture_stays_near_and_the_bytes_go() -> None:
    entry = models.find("miniature-turbo")
    plain = ZImage.load(entry, "cpu")
    small = families.load(entry, "cpu", Settings(quantization="fp8"))
    assert small.facts["quantization"].startswith("fp8 weights (torchao ")  # type: ignore[union-attr]
    assert plain.facts["quantization"] == "none"
    before, after = plain.memory_bytes, small.memory_bytes
    told = quantize.sizes(memory.component_bytes(entry, 4), 4)
    assert after["transformer"] < before["transformer"] / 2
    assert told["transformer"] < before["transformer"] / 2, "the miniature has a larger share of embedders"
    assert after["text_encoder"] == before["text_encoder"] == told["text_encoder"]
    difference = drawn(small) - drawn(plain)
    psnr = 10 * np.log10(255**2 / np.mean(difference**2))
    assert psnr > 40, "46.7 dB when this was written"


@WITH_TORCHAO
@pytest.mark.filterwarnings("ignore")
def test_the_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('quantization = "fp8"\n')
    engine = Engine(home=tmp_path, device="cpu")
    try:
        made = engine.generate(PROMPT, seed=1, steps=2)
    finally:
        engine.stop()
    assert str(made.record.environment.model_dump()["quantization"]).startswith("fp8 weights")


@WITH_TORCHAO
@pytest.mark.filterwarnings("ignore")
def test_loras_go_with_it(tmp_path: Path) -> None:
    lora = test_loras.saved(tmp_path, "style", test_loras.peft_style("diffusion_model."))
    small = ZImage.load(test_loras.MINIATURE, "cpu", quantization="fp8")
    before, used, after = (test_loras.drawn(small, *files) for files in ((), ((lora, 1.0),), ()))
    wanted = test_loras.merged(1.0)
    square = float(((used - wanted) ** 2).mean())
    assert 10 * np.log10(float(wanted.max() - wanted.min()) ** 2 / square) > 40, "44.8 dB when this was written"
    assert bool((before == after).all())


@pytest.mark.parametrize(
    ("device", "policy", "sentence"),
    [("mps", "resident", "no numbers of eight bits"), ("cuda:1", "small", "cannot be streamed")],
)
def test_what_it_does_not_go_with(monkeypatch: pytest.MonkeyPatch, device: str, policy: Policy, sentence: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    entry = models.find("miniature-turbo")
    quantize.check("cuda", "balanced", entry)
    with pytest.raises(InvalidRequest, match=f"{sentence}.*config.toml"):
        quantize.check(device, policy, entry)


def test_what_is_quantized_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    entry = models.find("miniature-turbo")
    files = models.Model(entry.card, entry.path, (("transformer", Path("some-Q8_0.gguf")),), entry.path)
    with pytest.raises(InvalidRequest, match="quantized already, as GGUF"):
        quantize.check("cuda", "balanced", files)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidRequest, match=r"pip install 'zimage-lab\[fp8\]'"):
        ZImage.load(models.find("miniature-turbo"), "cpu", quantization="fp8")


def test_what_a_card_of_12_gb_takes() -> None:
    turbo = {"text_encoder": 8_040_000_000, "transformer": 12_310_000_000, "vae": 340_000_000}
    working = memory.working_bytes(1024, 1024)
    assert memory.choose("auto", turbo, 12_400_000_000, working) == "small"
    assert memory.choose("auto", quantize.sizes(turbo, 2), 12_400_000_000, working) == "balanced"
    assert quantize.sizes({"unet": 2, "vae": 1}, 2) == {"unet": 2, "vae": 1}
    assert memory.choose("auto", quantize.sizes(turbo, 2), 16_600_000_000, working) == "resident"
