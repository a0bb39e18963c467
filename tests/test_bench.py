"""The benchmark: both ways make the same pictures, the report adds up, and random weights run through it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from zimage_lab import models
from zimage_lab.cli import main
from zimage_lab.engine import bench, flops, random_weights
from zimage_lab.engine.bench.measured import difference
from zimage_lab.errors import ModelLoadError
from zimage_lab.home import home
from zimage_lab.models import memory, tokens
from zimage_lab.store.engines import Engines

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine.families.z_image import ZImage

SMALL: dict[str, Any] = {"steps": 2, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def family() -> ZImage:
    return bench.load("miniature-turbo", "cpu")


@pytest.fixture(scope="module")
def report(family: ZImage) -> dict[str, Any]:
    plan = bench.Plan(prompt="a red circle on the left", runs=3, seeds=3, options=SMALL)
    return bench.compare(family, plan)


def test_the_baseline_makes_the_same_pictures(family: ZImage, tmp_path: Path) -> None:
    for guidance in (0.0, 1.5):
        batch = [
            models.build(text, seed=seed, negative_prompt="a blue cat", guidance_scale=guidance, steps=4)
            for seed, text in enumerate(("a red circle", "左边一棵绿色的树", "a red circle"))
        ]
        ours = bench.Ours(family).make(batch, tmp_path)
        for together in (False, True):
            theirs = bench.Diffusers(family, together=together).make(batch, tmp_path)
            assert difference(ours.pictures, theirs.pictures)[0] <= 1, (guidance, together)
            assert min(theirs.seconds.values()) > 0
    # Each picture of both ways is on the disk, whole.
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 * 3 + 3
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (128, 128)
            picture.load()


@pytest.mark.parametrize("name", ["miniature-turbo", "z-image-turbo"])
def test_the_baseline_reads_prompts_as_we_do(family: ZImage, name: str) -> None:
    from zimage_lab.engine.families.z_image import ZImage as Family

    model = random_weights.architecture(name)
    pipeline = bench.Diffusers(Family(model, family.modules, "cpu", torch.float32))._pipeline
    for prompt in (
        "a red circle",
        "一位穿着汉服的女孩站在樱花树下",
        "  two  spaces\nand a line {0} \\ ' \"",
        bench.Plan().prompt,
    ):
        text = pipeline.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        assert pipeline.tokenizer(text).input_ids == tokens.encode(model, prompt)
    if name == "z-image-turbo":
        assert 32 < len(tokens.encode(model, bench.Plan().prompt + " 0")) <= 64, "padded to 64, as the floors assume"


def test_the_report_adds_up(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report)) == report, "plain values"
    assert (report["model"], report["runs"], report["seeds"]) == ("miniature-turbo", 3, 3)
    assert (report["width"], report["height"], report["steps"], report["dtype"]) == (64, 64, 2, "float32")
    names = [way["name"] for way in report["ways"]]
    assert names == ["zimage_lab", "zimage_lab, prompt seen before", "ZImagePipeline", "ZImagePipeline, one call"]
    assert report["matrix_tflops"] > 0
    tflop = report["tflop"]
    assert tflop["total"] == pytest.approx(sum(value for name, value in tflop.items() if name != "total"))
    for way in report["ways"]:
        assert way["lowest"] <= way["seconds"] <= way["highest"]
        assert len(way["all"]) == 3
        assert way["seconds_a_picture"] == way["seconds"] / 3
        assert way["denoise_tflops"] == pytest.approx(3 * tflop["denoise"] / way["stages"]["denoise"])
        assert way["denoise_fraction"] == pytest.approx(way["denoise_tflops"] / report["matrix_tflops"])
        assert way["peak_bytes"] is None or way["peak_bytes"] > report["weights_bytes"]


def test_a_prompt_that_was_seen_costs_no_encoding(report: dict[str, Any]) -> None:
    ways = {way["name"]: way["stages"]["text_encoder"] for way in report["ways"]}
    assert ways["zimage_lab, prompt seen before"] < ways["zimage_lab"] < ways["ZImagePipeline"]


def test_the_pixels_are_compared(report: dict[str, Any]) -> None:
    for row in report["against"]:
        assert row["max_difference"] <= 1
        assert row["psnr"] is None or row["psnr"] > 60
        assert row["lowest"] <= row["speedup"] <= row["highest"]


def test_difference_tells_how_far_apart() -> None:
    black, grey = (Image.new("RGB", (4, 4), (value,) * 3) for value in (0, 51))
    assert difference([black, grey], [black, grey]) == (0, None)
    most, noise = difference([black, black], [black, grey])
    assert most == 51
    assert noise == pytest.approx(10 * np.log10(255**2 / (51**2 / 2)))


def test_the_matrix_rate_and_the_peak_are_of_this_device() -> None:
    assert bench.matrix_rate("cpu", torch.float32) > 1e9
    peak = bench.Peak("cpu")
    peak.start()
    before = peak.bytes()
    if before is None:
        pytest.skip("this system keeps no peak")
    block = bytearray(b"\1") * 64_000_000
    after = peak.bytes()
    assert after is not None
    assert after - before > 0.5 * len(block)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_random_weights_make_finite_pictures_that_vary(dtype: torch.dtype) -> None:
    from zimage_lab.engine.families.z_image import ZImage

    model = random_weights.architecture("miniature-turbo")
    state = torch.get_rng_state()
    first, same, other = (random_weights.modules(model, device="cpu", dtype=dtype, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert {name: next(module.parameters()).dtype for name, module in first.items()} == {
        "text_encoder": dtype,
        "transformer": dtype,
        "vae": torch.float32,
    }
    real = models.find("miniature-turbo")
    loaded = bench.load("miniature-turbo", "cpu").memory_bytes
    built = ZImage(real, first, "cpu", dtype)
    assert built.memory_bytes["vae"] == loaded["vae"], "the same architecture"
    batch = [models.build("a red circle", seed=seed, steps=3) for seed in (1, 2)]
    pictures = [
        np.asarray(picture, float)
        for modules in (first, same, other)
        for one in [ZImage(real, modules, "cpu", dtype)]
        for picture in one.decode(one.denoise(batch, one.encode(batch), one.noise(batch), lambda *_: None))
    ]
    assert all(picture.std() > 5 for picture in pictures)
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[4])


def test_the_real_model_is_built_whole_or_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: 24_000_000_000)
    model = random_weights.architecture("z-image-turbo")
    # 6,154,908,736 parameters of the transformer, Qwen3-4B's and the VAE's: zimage.md
    with pytest.raises(ModelLoadError, match=r"needs 41\.0 GB in float32, and 24\.0 GB are free on cpu"):
        random_weights.modules(model, device="cpu", dtype=torch.float32)
    cost = flops.picture(random_weights.configs(model), width=1024, height=1024, steps=8, tokens=64)
    assert cost.denoise / 1e12 == pytest.approx(445, rel=0.003)


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--runs", "1", "--steps", "1", "--size", "64x80", "--device", "cpu", "--prompt", "a red circle"]
    assert main(["bench", *arguments]) == 0
    printed = capsys.readouterr()
    assert "miniature-turbo (weights 31.2 MB), 64x80, 1 steps" in printed.out
    assert "WAY\tSECONDS" in printed.out
    assert "times as fast as ZImagePipeline" in printed.out
    assert "Run 1 of 1" in printed.err


def test_an_engine_on_the_same_device_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "load", lambda *_, **__: None)
    monkeypatch.setattr(bench, "compare", lambda *_, **__: {})
    with Engines(home()) as engines:
        for device, expected in (("cuda:0", False), ("cpu", True)):
            engines.register(device, device=device, endpoint=None, independent=False, idle_seconds=None, shared=True)
            assert main(["bench", "--device", "cpu", "--json"]) == 0
            assert ("zimage-lab engines stop" in capsys.readouterr().err) is expected


def test_the_command_as_json_with_random_weights(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--runs", "1", "--steps", "1", "--size", "64x64", "--device", "cpu", "--no-baseline", "--json"]
    assert main(["bench", "--random-weights", "miniature-turbo", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["weights"], report["against"]) == ("random", [])


def test_the_family_has_a_row_for_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--runs", "1", "--steps", "1", "--device", "cpu"]
    assert main(["bench", "--family", *arguments]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines() if "\t" in line]
    assert rows[0] == ["MODEL", "SIZE", "STEPS", "SECONDS", "PEAK MEMORY", "TFLOP", "OF THE RATE"]
    told = {row[0]: row[1:] for row in rows[1:]}
    assert set(told) == {model.id for model in models.models()}
    assert told["miniature-turbo"][:2] == ["128x128", "1"]
    assert told["z-image-turbo"][0] == "not on this machine"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--runs", "0"],
        ["--runs", "many"],
        ["--seeds", "257"],
        ["--size", "1024"],
        ["--size", "1000x1000"],
        ["--size", "64x64x64"],
        ["--steps", "0"],
        ["--model", "nothing"],
        ["--model", "miniature-turbo", "--random-weights", "miniature-turbo"],
        ["--device", "toaster"],
        ["surplus"],
    ],
)
def test_wrong_input_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    assert capsys.readouterr().out == ""
