"""Every stage of training for a few updates: what it leaves behind, that it goes on, and that the folder then loads."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image

from zimage_lab import load, models
from zimage_lab.errors import InvalidRequest
from zimage_lab.miniature import captions
from zimage_lab.miniature.edits import EDITS, edit_pair
from zimage_lab.miniature.training import (
    architecture,
    autoencoder,
    checkpoint,
    diffusion,
    edit,
    emphasis,
    flow,
    latents,
    package,
    pairs,
    sampling,
    sharpen,
    tokenizer,
    tokenizer_sd,
    turbo,
    unpack,
)
from zimage_lab.miniature.training.forward import Captions, text_features
from zimage_lab.miniature.training.forward_edit import Edits
from zimage_lab.models import tokens
from zimage_lab.models.tokens import EDIT_END, EDIT_HEAD, EDIT_TAIL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)  # the first test waits for two updates of every stage

TINY = 4
STAGES = ["autoencoder", "flow", "turbo", "edit", "autoencoder-stable_diffusion", "diffusion", "sharpen"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a working folder in which every stage has made two updates."""
    made = tmp_path_factory.mktemp("training")
    lines: list[str] = []
    autoencoder.train(made, steps=2, batch=TINY, pictures=8, report=lines.append)
    latents.encode(made, pictures=8, report=lines.append)
    flow.train(made, steps=2, batch=TINY, compiling=False, report=lines.append)
    turbo.train(made, steps=2, batch=TINY, compiling=False, report=lines.append)
    pairs.encode(made, pictures=16, report=lines.append)
    edit.train(made, steps=2, batch=TINY, compiling=False, report=lines.append)
    autoencoder.train(made, family="stable_diffusion", steps=2, batch=TINY, pictures=8, report=lines.append)
    latents.encode(made, family="stable_diffusion", pictures=8, report=lines.append)
    diffusion.train(made, steps=2, batch=TINY, compiling=False, report=lines.append)
    sharpen.train(made, steps=2, batch=TINY, pictures=8, report=lines.append)
    assert [line.split()[0] for line in lines if "loss" in line] == STAGES
    return made


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_leaves_a_checkpoint_a_curve_and_a_sheet(folder: Path, stage: str) -> None:
    _, state = checkpoint.average(folder / f"{stage}.safetensors")
    assert state["step"] == 2
    assert "2 updates" in (folder / f"{stage}-loss.svg").read_text(encoding="utf-8")
    assert (folder / f"{stage}.csv").read_text(encoding="utf-8").startswith("step,loss\n2,")
    with Image.open(folder / f"{stage}-sheet.png") as sheet:
        assert sheet.width == 6 * 128


def test_a_stage_goes_on_from_its_checkpoint(folder: Path, tmp_path: Path) -> None:
    for name in ("autoencoder.safetensors", "latents.safetensors", "flow.safetensors", "flow.csv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    before, _ = checkpoint.average(tmp_path / "flow.safetensors")
    flow.train(tmp_path, steps=3, batch=TINY, compiling=False, report=str)
    after, state = checkpoint.average(tmp_path / "flow.safetensors")
    assert state["step"] == 3
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert [row.split(",")[0] for row in (tmp_path / "flow.csv").read_text().splitlines()] == ["step", "2", "3"]
    flow.train(tmp_path, steps=3, batch=TINY, compiling=False, report=str)
    assert checkpoint.both(tmp_path / "flow.safetensors")[2]["step"] == 3, "nothing is left to do"


def test_minutes_bound_a_stage(folder: Path, tmp_path: Path) -> None:
    for name in ("autoencoder.safetensors", "latents.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    flow.train(tmp_path, steps=10_000, minutes=0.01, batch=TINY, compiling=False, report=str)
    assert checkpoint.average(tmp_path / "flow.safetensors")[1]["step"] < 1000


def test_the_edit_model_begins_as_the_base_model(folder: Path) -> None:
    known, _ = flow.trained(folder / "flow.safetensors")
    words = tokenizer.build(sees=True)
    module = edit.network(words, "cpu", folder / "flow.safetensors").state_dict()
    assert all(torch.equal(module[name][: len(value)], value) for name, value in known.items())
    plain = tokenizer.build()
    assert words("a red cat").input_ids == plain("a red cat").input_ids, "the vocabulary grows at its end"


def test_the_edit_model_s_forward_pass_is_diffusers_own() -> None:
    torch.manual_seed(0)
    words = tokenizer.build(sees=True)
    module = edit.network(words, "cpu")
    for name, value in module["transformer"].named_parameters():
        if "pad_token" in name:
            torch.nn.init.normal_(value, std=0.2)
    texts = ["make the cat blue", "把红色的猫变成蓝色", ""]
    pictures, noisy = torch.randn(2, len(texts), 16, 16, 16)
    patches = torch.randint(256, (len(texts), 16, 768), dtype=torch.uint8)
    sigma = torch.tensor([0.9, 0.5, 0.1])
    edits = Edits.of(words, texts, pictures, patches, "cpu")

    def encoded(part: str) -> torch.Tensor:
        return text_features(module["text_encoder"], Captions.padded(words, [part]))[0, : len(words(part).input_ids)]

    with torch.no_grad():
        ours = edits.seen_by(module)(noisy, sigma)
        looked = module["siglip"](
            pixel_values=edits.patches,
            pixel_attention_mask=torch.ones(len(texts), 16, dtype=torch.int32),
            spatial_shapes=torch.tensor([[4, 4]] * len(texts)),
        ).last_hidden_state.unflatten(1, (4, 4))
        theirs = module["transformer"](
            [[picture.unsqueeze(1), other.unsqueeze(1)] for picture, other in zip(pictures, noisy, strict=True)],
            1 - sigma,
            [[encoded(part) for part in (EDIT_HEAD, EDIT_TAIL.format(text), EDIT_END)] for text in texts],
            siglip_feats=[[one, None] for one in looked],
            image_noise_mask=[[0, 1]] * len(texts),
            return_dict=False,
        )[0]
    assert (ours + torch.stack(theirs).squeeze(2)).abs().max() < 1e-4


@pytest.mark.parametrize("kind", EDITS)
def test_what_stands_before_or_after_an_instruction_counts_more(kind: str) -> None:
    rng = random.Random(kind)
    edits = [edit_pair(rng, kind=kind) for _ in range(20)]
    for one, weights in zip(edits, emphasis.standing(edits, "cpu"), strict=True):
        standing = {thing.place for thing in (*one.before.things, *one.after.things)}
        for place, spot in one.where.items():
            weight = weights[0, int(spot.y // emphasis.PIXELS), int(spot.x // emphasis.PIXELS)]
            assert weight == (emphasis.STANDING if place in standing else 1.0)


def test_sharpening_holds_the_latents_near(folder: Path) -> None:
    plain, _ = checkpoint.average(folder / "autoencoder.safetensors")
    sharper, _ = checkpoint.average(folder / "sharpen.safetensors")
    assert {name.split(".")[0] for name in plain if not torch.equal(plain[name], sharper[name])} == {
        "encoder",
        "decoder",
    }
    pixels = autoencoder.tensor(autoencoder.drawings(4, 9))
    before = architecture.autoencoder()
    before.load_state_dict(plain)
    with torch.inference_mode():
        one, other = (vae.encode(pixels).latent_dist.mean for vae in (before.eval(), autoencoder.trained(folder)))
    assert 0 < (one - other).square().mean() < 0.25 * one.var()


def test_where_there_is_detail_an_error_counts_more() -> None:
    pixels = torch.zeros(1, 3, 64, 64)
    pixels[..., 40:44, 40:44] = 1.0
    there, elsewhere = pixels.clone(), pixels.clone()
    there[..., 41, 41] += 0.5
    elsewhere[..., 10, 10] += 0.5
    assert sharpen.missed(pixels, pixels) == 0
    assert sharpen.missed(there, pixels).item() == pytest.approx(
        sharpen.DETAILED * sharpen.missed(elsewhere, pixels).item()
    )


@pytest.mark.parametrize("guidance", [0.0, 2.0])
def test_samples_of_training_are_the_pipelines(folder: Path, tmp_path: Path, guidance: float) -> None:
    from diffusers import ZImagePipeline

    target = package.write(folder, name="miniature", target=tmp_path / "model", report=str)
    pipeline = ZImagePipeline.from_pretrained(target, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    words = tokenizer.build()
    module = flow.network(words, "cpu")
    weights, _ = flow.trained(folder / "flow.safetensors")
    module.load_state_dict({name: value.half().float() for name, value in weights.items()})
    noise = torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        asked, nothing = Captions.of(words, ["a red cat on the left"]), Captions.of(words, [""])
        ours = sampling.denoise(sampling.Guided(module, asked, nothing, guidance), noise, sampling.sigmas(4))
    theirs = pipeline(
        "a red cat on the left",
        height=128,
        width=128,
        num_inference_steps=4,
        guidance_scale=guidance,
        negative_prompt="",
        latents=noise.clone(),
        output_type="latent",
    ).images
    assert (ours - theirs).abs().max() < 1e-2 * ours.abs().max()


def test_the_folder_of_a_stage_makes_pictures(folder: Path, tmp_path: Path) -> None:
    package.write(folder, name="miniature-turbo", target=tmp_path / "mine", report=str)
    found = models.find(str(tmp_path / "mine"))
    assert found.card.defaults.steps == 8
    assert "distilled" in (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")


def test_a_new_student_begins_with_what_the_former_one_learned(folder: Path, tmp_path: Path) -> None:
    for name in ("latents", "autoencoder", "flow"):
        (tmp_path / f"{name}.safetensors").write_bytes((folder / f"{name}.safetensors").read_bytes())
    made = turbo.train(tmp_path, steps=1, batch=TINY, learning_rate=1e-12, former=folder, compiling=False, report=str)
    (teacher, _), (former, _), (student, _) = (
        flow.trained(path) for path in (tmp_path / "flow.safetensors", folder / "turbo.safetensors", made)
    )
    assert any(not torch.equal(value, teacher[name]) for name, value in former.items())
    for name, value in former.items():
        torch.testing.assert_close(student[name], value)
    onward = turbo.carried(folder, {name: value + 1 for name, value in teacher.items()})
    for name, value in former.items():
        torch.testing.assert_close(onward[name], value + 1)


def test_the_edit_model_s_folder_changes_pictures(folder: Path, tmp_path: Path) -> None:
    from diffusers import ZImageOmniPipeline

    package.write(folder, name="miniature-edit", target=tmp_path / "edit", report=str)
    found = models.find(str(tmp_path / "edit"))
    assert (found.card.family, found.card.reference_images) == ("z_image_edit", (1, 1))
    assert ZImageOmniPipeline.from_pretrained(found.folder, local_files_only=True).siglip is not None
    engine = load(found.id, home=tmp_path / "home", own=True)
    try:
        made = engine.generate("make the cat blue", seed=1, steps=2, reference_images=Image.new("RGB", (128, 128)))
    finally:
        engine.stop()
    assert made.image.size == (128, 128)


@pytest.mark.parametrize(
    ("name", "stage", "family"),
    [
        ("miniature", "flow", "z_image"),
        ("miniature-turbo", "turbo", "z_image"),
        ("miniature-edit", "edit", "z_image"),
        ("miniature-sd", "diffusion", "stable_diffusion"),
    ],
)
def test_a_model_is_unpacked_as_it_was_packaged(
    folder: Path, tmp_path: Path, name: str, stage: str, family: str
) -> None:
    model, again = package.write(folder, name=name, target=tmp_path / "model", report=str), tmp_path / "again"
    assert unpack.write(again, name=str(model), report=str) == again / f"{stage}.safetensors"
    before, state = flow.trained(folder / f"{stage}.safetensors")
    after, known = checkpoint.average(again / f"{stage}.safetensors")
    assert known == state
    assert before.keys() == after.keys()
    assert all(torch.equal(value.half().float(), after[name]) for name, value in before.items())
    assert latents.factors(again, family) == latents.factors(folder, family)
    one, other = (autoencoder.trained(place, family).state_dict() for place in (folder, again))
    assert all(torch.equal(value.half().float(), other[name]) for name, value in one.items())
    with pytest.raises(InvalidRequest, match="is there already"):
        unpack.write(again, name=str(model), report=str)


def test_an_unpacked_model_is_trained_on(tmp_path: Path) -> None:
    unpack.write(tmp_path, name="miniature", report=str)
    factors, step = latents.factors(tmp_path), checkpoint.average(tmp_path / "flow.safetensors")[1]["step"]
    with pytest.raises(InvalidRequest, match="has no encoded pictures"):
        flow.train(tmp_path, steps=step + 1, batch=TINY, compiling=False, report=str)
    latents.encode(tmp_path, pictures=8, report=str)
    assert latents.factors(tmp_path) == factors
    flow.train(tmp_path, steps=step + 1, batch=TINY, compiling=False, report=str)
    assert checkpoint.average(tmp_path / "flow.safetensors")[1]["step"] == step + 1
    with pytest.raises(InvalidRequest, match="no miniature"):
        unpack.write(tmp_path, name="z-image", report=str)


@pytest.mark.parametrize("stage", [flow.train, turbo.train])
def test_a_stage_names_the_one_that_is_missing_before_it(tmp_path: Path, stage: Callable[..., Path]) -> None:
    with pytest.raises(InvalidRequest, match=r"has no latents\.safetensors") as refused:
        stage(tmp_path, steps=1, report=str)
    assert "train latents" in str(refused.value.fix)


def test_the_second_autoencoder_begins_with_the_first(folder: Path) -> None:
    first, _ = checkpoint.average(folder / "autoencoder.safetensors")
    second, _ = checkpoint.average(folder / "autoencoder-stable_diffusion.safetensors")
    other = {name for name, value in first.items() if second[name].shape != value.shape}
    assert {name.rsplit(".", 1)[0] for name in other} == {"encoder.conv_out", "decoder.conv_in"}
    apart = max((first[name] - value).abs().max().item() for name, value in second.items() if name not in other)
    assert apart < 0.01, "two updates away"


def test_the_tokenizer_that_knows_no_chinese() -> None:
    words = tokenizer_sd.build()
    assert words.tokenize("A red cat, on the left") == [
        "a</w>",
        "red</w>",
        "cat</w>",
        ",</w>",
        "on</w>",
        "the</w>",
        "left</w>",
    ]
    assert len(words("红色的猫").input_ids) == 2 + 3 * 4, "single bytes between begin and end"


def test_the_tokenizer_that_knows_no_chinese_is_the_same_in_every_process() -> None:
    code = "from zimage_lab.miniature.training import tokenizer_sd; print(tokenizer_sd.merges())"
    told = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert {process.stdout for process in told} == {f"{tokenizer_sd.merges()}\n"}
    words = tokenizer_sd.build()
    assert [word for word in captions.english_words() if len(words.tokenize(word)) != 1] == []


def test_the_miniature_stable_diffusion_makes_pictures(folder: Path, tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    package.write(folder, name="miniature-sd", target=tmp_path / "sd", report=str)
    found = models.find(str(tmp_path / "sd"))
    assert (found.card.family, found.card.defaults.guidance_scale) == ("stable_diffusion", 2.0)
    assert all(set(example) == {"en"} for example in found.card.examples), "it reads no Chinese"
    pipeline = StableDiffusionPipeline.from_pretrained(found.folder, local_files_only=True)
    assert type(pipeline.text_encoder).__name__ == "CLIPTextModel"
    for text in ("A red cat, on the left", 'a sign that says "TEA", by day', "红色的猫"):
        assert tokens.encode(found, text) == pipeline.tokenizer(text).input_ids == tokenizer_sd.build()(text).input_ids
    engine = load(found.id, home=tmp_path / "home", own=True)
    try:
        job = engine.submit("a red cat on the left, 红色的猫", seed=1, steps=2)
        assert job.result(60).image.size == (128, 128)
    finally:
        engine.stop()
    assert any("红" in warning for warning in job.warnings)
