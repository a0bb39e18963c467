"""Stable Diffusion through the same engine: a tiny random one draws what diffusers' own pipeline draws."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from zimage_lab import models
from zimage_lab.engine import Engine
from zimage_lab.engine.families.stable_diffusion import StableDiffusion
from zimage_lab.errors import Cancelled, InvalidOutput, InvalidRequest, ModelLoadError
from zimage_lab.models import bases, catalog, header, load_stable_diffusion, memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = "a red cat on the left"
SIZE = {"width": 256, "height": 256}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a whole pipeline of the real classes at a hundredth of the width, with random weights."""
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


@pytest.fixture
def engine(tmp_path: Path, folder: Path) -> Iterator[Engine]:
    made = Engine(str(folder), home=tmp_path / "home")
    yield made
    made.stop()


def test_the_card_is_that_of_1_5(folder: Path) -> None:
    entry = models.find(folder)
    assert (entry.card.family, entry.card.defaults.steps, entry.card.defaults.guidance_scale) == (
        "stable_diffusion",
        20,
        7.5,
    )
    assert models.count(entry, "a photo of a cat") == 7
    assert "stable-diffusion-v1-5" in {model.id for model in models.models()}


@pytest.mark.parametrize(("guidance", "steps"), [(7.5, 5), (1.0, 3), (0.0, 1)])
def test_pixels_equal_those_of_the_diffusers_pipeline(
    folder: Path, engine: Engine, guidance: float, steps: int
) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    wanted = pipeline(
        PROMPT,
        negative_prompt="fog",
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(7),
        **SIZE,
    ).images[0]
    image = engine.generate(PROMPT, negative_prompt="fog", seed=7, steps=steps, guidance_scale=guidance, **SIZE)
    assert np.abs(np.asarray(image.image, float) - np.asarray(wanted, float)).max() <= 1
    assert image.record.model.family == "stable_diffusion"
    assert image.record.environment.model_dump()["scheduler"] == "PNDMScheduler"


def test_seeds_do_not_depend_on_their_batch(folder: Path) -> None:
    family = StableDiffusion.load(models.find(folder), "cpu")
    batch = [models.build(PROMPT, str(folder), seed=seed, steps=3, **SIZE) for seed in range(3)]
    together = family.denoise(batch, family.encode(batch), family.noise(batch), lambda *_: None)
    alone = family.denoise(batch[1:2], family.encode(batch[1:2]), family.noise(batch[1:2]), lambda *_: None)
    assert (together[1:2] - alone).abs().max() < 1e-4


def test_steps_and_previews_are_told(engine: Engine) -> None:
    told = []
    engine.events.subscribe(lambda event: told.append(event.data["step"]) if event.kind == "preview" else None)
    job = engine.submit(PROMPT, seed=1, steps=4, **SIZE)
    job.result(60)
    assert sorted(set(told)) == [1, 2, 3, 4]
    assert job.preview is not None
    assert job.preview.size == (256, 256)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' Euler, of its own arrays
@pytest.mark.parametrize("told_as", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("scheduler", ["PNDM", "DDIM", "EulerDiscrete", "DPMSolverMultistep"])
def test_previews_show_where_a_perfect_network_ends(folder: Path, tmp_path: Path, scheduler: str, told_as: str) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = copy / "scheduler" / "scheduler_config.json"
    of_1_5 = json.loads(config.read_text())
    config.write_text(json.dumps(of_1_5 | {"_class_name": f"{scheduler}Scheduler", "prediction_type": told_as}))
    family = StableDiffusion.load(models.find(copy), "cpu")
    request = [models.build(PROMPT, str(folder), seed=1, steps=4, guidance_scale=1.0, **SIZE)]
    wanted = torch.linspace(-1, 1, 4 * 32 * 32).view(1, 4, 32, 32)
    alphas = family._scheduler.alphas_cumprod

    def perfect(given: torch.Tensor, time: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
        signal, noise = alphas[int(time)].sqrt(), (1 - alphas[int(time)]).sqrt()
        found = (given - signal * wanted) / noise
        return (found if told_as == "epsilon" else signal * found - noise * wanted,)

    perfect.config = family.unet.config  # type: ignore[attr-defined]
    family.unet, seen = perfect, []  # type: ignore[assignment]
    family.denoise(request, family.encode(request), family.noise(request), lambda _, x: seen.append(x))
    assert len(seen) >= 4
    for preview in seen:
        assert (preview - wanted).abs().max() < 0.01


def test_cancel_between_steps(engine: Engine) -> None:
    engine.generate(PROMPT, seed=1, steps=1, **SIZE)
    job = engine.submit(PROMPT, seed=1, steps=50, **SIZE)
    engine.events.subscribe(lambda event: job.cancel() if event.kind == "preview" else None)
    with pytest.raises(Cancelled):
        job.result(60)


def test_a_long_prompt_is_refused_or_cut(engine: Engine) -> None:
    long = "cat " * 100
    with pytest.raises(InvalidRequest, match="102 tokens are more than the 77"):
        engine.submit(long, seed=1, **SIZE)
    job = engine.submit(long, seed=1, truncate=True, steps=1, **SIZE)
    assert any("first 77 is cut off" in warning for warning in job.warnings)
    assert job.result(60).record.state == "succeeded"


def test_what_the_family_does_not_take_is_refused(engine: Engine, tmp_path: Path) -> None:
    from PIL import Image

    with pytest.raises(InvalidRequest, match="begins with noise only"):
        engine.submit(PROMPT, init_image=Image.new("RGB", (256, 256), "red"))
    (tmp_path / "a.safetensors").touch()
    with pytest.raises(InvalidRequest, match="LoRAs are taken by Z-Image models"):
        engine.submit(PROMPT, loras=str(tmp_path / "a.safetensors"), **SIZE)


def test_a_broken_picture_is_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.generate(PROMPT, seed=1, steps=1, **SIZE)
    family = engine._worker.residency.loaded
    monkeypatch.setattr(family, "noise", lambda _: torch.full((1, 4, 32, 32), float("nan")))
    with pytest.raises(InvalidOutput):
        engine.generate(PROMPT, seed=1, steps=1, **SIZE)
    monkeypatch.undo()
    assert engine.generate(PROMPT, seed=1, steps=1, **SIZE).record.state == "succeeded"


def test_both_families_stay_resident(engine: Engine) -> None:
    engine.generate(PROMPT, seed=1, steps=1, **SIZE)
    engine.generate(PROMPT, model="miniature-turbo", seed=1, steps=1)
    assert engine.status()["models"][0]["id"] == "miniature-turbo"
    assert len(engine.status()["models"]) == 2


def test_bytes_are_told_before_anything_is_read(folder: Path) -> None:
    entry = models.find(folder)
    family = StableDiffusion.load(entry, "cpu")
    told = memory.component_bytes(entry, 4)
    assert told["unet"] == family.memory_bytes["unet"]
    assert told["vae"] == family.memory_bytes["vae"]


def test_a_scheduler_that_is_not_known_is_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(path.read_text().replace("PNDMScheduler", "os.system"))
    with pytest.raises(ModelLoadError, match="asks for the scheduler"):
        load_stable_diffusion.modules(models.find(copy), device="cpu", dtype=torch.float32)


def test_a_folder_without_a_fast_tokenizer_counts_all_the_same(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "tokenizer" / "tokenizer.json").rename(copy / "tokenizer" / "vocab.json")
    assert models.count(models.find(copy), "a photo of a cat") == 7


def test_one_checkpoint_file_is_opened_with_the_shipped_configs(tmp_path: Path) -> None:
    from test_model_files import sparse

    path = sparse(
        tmp_path / "v1-5-pruned-emaonly.safetensors",
        {
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": (77, 768),
            "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        },
    )
    assert header.read(path).kind == "a Stable Diffusion checkpoint"
    entry = models.find(path)
    assert entry.folder == catalog.bases.CONFIGS / "stable-diffusion-v1-5"
    assert {part for part, _ in entry.parts} == {"unet", "text_encoder", "vae"}
    assert models.count(entry, "a photo of a cat") == 7


def test_its_speed_can_be_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zimage_lab.cli import main
    from zimage_lab.engine import random_weights
    from zimage_lab.engine.families.stable_diffusion import precision
    from zimage_lab.models.load_stable_diffusion import scheduler

    entry = models.find(folder)
    modules = random_weights.modules(entry, device="cpu", dtype=torch.float32) | {"scheduler": scheduler(entry)}
    family = StableDiffusion(entry, modules, "cpu", precision("cpu"))
    batch = [models.build(PROMPT, str(folder), seed=1, steps=1, **SIZE)]
    latents = family.denoise(batch, family.encode(batch), family.noise(batch), lambda *_: None)
    assert family.decode(latents)[0].size == (256, 256)
    assert main(["bench", "--model", str(folder), "--runs", "1", "--steps", "2", "--size", "256x256"]) == 0
    assert "TFLOP" in capsys.readouterr().out
