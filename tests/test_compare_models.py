"""Comparisons with real models: the miniature at two settings, and beside a tiny Stable Diffusion of random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from zimage_lab import models
from zimage_lab.compare import Comparison, curve
from zimage_lab.metrics import reading
from zimage_lab.models import bases

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine import Engine

PLAIN = "a red circle on the left, a blue cat on the right, white background"
CHINESE = "左边一个红色的圆，右边一只蓝色的猫，白色背景"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a whole Stable Diffusion of the real classes at a hundredth of the width, with random weights."""
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    configs = bases.CONFIGS / "stable-diffusion-v1-5"
    unet = UNet2DConditionModel.load_config(configs / "unet")
    unet |= {"block_out_channels": [16, 32, 32, 32], "cross_attention_dim": 32, "norm_num_groups": 8}
    unet |= {"layers_per_block": 1, "attention_head_dim": 2}
    vae = AutoencoderKL.load_config(configs / "vae")
    vae |= {"block_out_channels": [8, 8, 16, 16], "layers_per_block": 1, "norm_num_groups": 4}
    text = CLIPTextConfig.from_pretrained(configs / "text_encoder", local_files_only=True)
    text.hidden_size, text.intermediate_size, text.num_hidden_layers, text.num_attention_heads = 32, 64, 2, 2
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_config(vae),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer.from_pretrained(configs / "tokenizer", local_files_only=True),
        unet=UNet2DConditionModel.from_config(unet),
        scheduler=PNDMScheduler.from_pretrained(configs / "scheduler", local_files_only=True),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    place = tmp_path_factory.mktemp("sd") / "tiny-sd"
    pipeline.save_pretrained(place, safe_serialization=True)
    return place


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny CLIP with random weights and the real tokenizer."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "eos_token_id": 49407},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=8,
    )
    place = tmp_path_factory.mktemp("clip")
    CLIPModel(config).save_pretrained(place)
    tokenizer = CLIPTokenizer.from_pretrained(
        bases.CONFIGS / "stable-diffusion-v1-5" / "tokenizer", local_files_only=True
    )
    tokenizer.save_pretrained(place)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(place)
    return place


def test_the_judge_sees_what_steps_buy(engine: Engine, clip: Path) -> None:
    steps = curve("miniature-turbo", [1, 8])
    comparison = engine.compare({PLAIN: None, CHINESE: PLAIN}, steps, seeds=[1, 2], clip=clip).wait(120)
    assert comparison.counts == {"succeeded": 8}
    few, many = comparison.summary()
    assert many.accuracy.of == 4
    assert many.chinese.of == 2
    assert many.accuracy.right == 4
    assert few.accuracy.right <= many.accuracy.right
    assert few.median < many.median
    assert ">As the prompt says<" in comparison.curve().data
    assert few.flop is not None
    assert many.flop is not None
    assert few.flop < many.flop
    assert many.fraction is not None
    assert 0 < many.fraction < 1
    assert many.process_bytes is not None
    assert many.process_bytes > 1e8
    assert 0 <= many.means["clip"] <= 100
    for image in (one.image for one in comparison.results()):
        assert image is not None
        assert image.record.batch.size == 1, "a picture that is measured is made alone"
        assert image.record.measured["matrix_rate"] > 0
    assert not engine.generate(PLAIN, seed=1).record.measured, "others are not measured"


def test_beside_stable_diffusion(engine: Engine, folder: Path, tmp_path: Path) -> None:
    models.add("tiny-sd", folder, place=engine.home)
    entrants = ["miniature-turbo", {"model": "tiny-sd", "steps": 3}]
    comparison = engine.compare(PLAIN, entrants, seeds=[1], protocol={"match": "size"}).wait(150)
    assert comparison.counts == {"succeeded": 2}
    assert {(one.ground.width, one.ground.height) for one in comparison.plan.contestants} == {(256, 256)}
    ours, theirs = comparison.summary()
    assert theirs.settings["guidance_scale"] == 7.5
    assert theirs.flop is not None
    assert "the judge knows only" in " ".join(theirs.notes["accuracy"])
    assert ours.accuracy.of == 0, "it did not learn that size"
    both = {one["id"] for one in engine.status()["models"]}
    assert both == {"miniature-turbo", "tiny-sd"}
    records = comparison.records()
    assert records[0, 0, 0, 0].measured["others_bytes"] >= 0
    assert records[0, 0, 1, 0].measured["others_bytes"] > 1e6, "the miniature's weights are not the other one's"
    again = Comparison.load(comparison.id, home=engine.home)
    models.remove("tiny-sd", place=engine.home)
    assert "tiny-sd, steps 3" in again.report(tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_is_to_be_read_stands_in_quotation_marks() -> None:
    assert reading.wanted('a sign that says "OPEN"') == "OPEN"
    assert reading.wanted("写着「营业中」的牌子") == "营业中"
    assert reading.wanted("a red cat") is None
