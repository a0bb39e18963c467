"""What fits where: the policy for each card, the estimates behind it, and that streaming changes no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import test_loras
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from zimage_lab import models
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest
from zimage_lab.models import memory

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.models.memory import Policy

GB = 10**9
TURBO = {"text_encoder": int(8.04 * GB), "transformer": int(12.31 * GB), "vae": int(0.34 * GB)}  # VAE in float32
AT_1024 = memory.working_bytes(1024, 1024)


@pytest.mark.parametrize(
    ("free", "policy"),
    # A card's free memory is what its name says, in GiB, less half a gigabyte of context.
    [(7.9, "small"), (12.2, "small"), (16.6, "balanced"), (25.2, "resident"), (84.0, "resident")],
)
def test_cards_get_the_policy_of_their_size(free: float, policy: Policy) -> None:
    assert memory.choose("auto", TURBO, int(free * GB), AT_1024) == policy


def test_a_16_gb_card_keeps_below_its_limit() -> None:
    peak = TURBO["transformer"] + TURBO["vae"] + max(AT_1024, memory.STREAMED)
    assert peak <= 14.5 * GB, "performance.md"


def test_a_policy_that_is_asked_for_holds() -> None:
    assert [memory.choose(asked, TURBO, 0, 0) for asked in memory.POLICIES] == list(memory.POLICIES)
    with pytest.raises(InvalidRequest, match="Did you mean 'balanced'"):
        memory.choose("balance", TURBO, 0, 0)


@given(st.integers(0, 100 * GB), st.integers(0, 100 * GB))
def test_more_memory_never_chooses_a_slower_policy(one: int, other: int) -> None:
    chosen = [memory.choose("auto", TURBO, free, AT_1024) for free in sorted((one, other))]
    assert memory.POLICIES.index(chosen[1]) <= memory.POLICIES.index(chosen[0])


def test_bytes_are_read_from_headers(tmp_path: Path) -> None:
    entry = models.find("miniature-turbo")
    assert memory.component_bytes(entry, 4) == ZImage.load(entry, "cpu").memory_bytes
    # A transformer alone takes the rest from its base.
    alone = entry.folder / "transformer" / "diffusion_pytorch_model.safetensors"
    files = models.Model(entry.card, alone, (("transformer", alone),), entry.folder)
    assert memory.component_bytes(files, 4) == memory.component_bytes(entry, 4)
    # Another family's folder, with a second copy in half precision beside the first.
    for name, file in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "m")):
        (tmp_path / name).mkdir()
        for suffix in (".safetensors", ".fp16.safetensors"):
            save_file({"weight": np.zeros((3, 5), np.float16)}, tmp_path / name / f"{file}{suffix}")
    other = models.Model(entry.card.model_copy(update={"family": "stable_diffusion"}), tmp_path)
    assert memory.component_bytes(other, 2) == {"text_encoder": 30, "unet": 30, "vae": 60}
    # One file of all of it, with a position table that is no weight.
    whole = tmp_path / "whole.safetensors"
    names = ("model.diffusion_model.a", "first_stage_model.b", "cond_stage_model.transformer.c", "alphas_cumprod")
    save_file({name: np.zeros((3, 5), np.float16) for name in names}, whole)
    single = models.Model(other.card, whole, tuple((name, whole) for name in ("unet", "text_encoder", "vae")))
    assert memory.component_bytes(single, 2) == {"text_encoder": 30, "unet": 30, "vae": 60}


def test_on_the_cpu_everything_is_resident() -> None:
    family = ZImage.load(models.find("miniature-turbo"), "cpu")
    assert memory.arrange(family.modules, "cpu", "small") == "resident"
    assert not memory.tiles("cpu", 8192, 8192)
    assert memory.free_bytes("cpu") > 0


def test_streaming_changes_no_number() -> None:
    entry = models.find("miniature-turbo")
    plain = ZImage.load(entry, "cpu", reference=True)
    streamed = ZImage.load(entry, "cpu", reference=True)
    for name in ("text_encoder", "transformer"):
        memory.stream(streamed.modules[name], "cpu")
    batch = [models.build("a red cat on the left", seed=1, steps=2)]
    with torch.inference_mode():
        ours, theirs = (
            family.denoise(batch, family.encode(batch), family.noise(batch), lambda *_: None)
            for family in (streamed, plain)
        )
    assert torch.equal(ours, theirs)


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    ones = torch.ones
    for has, precision in ((True, torch.bfloat16), (False, torch.float32)):

        def made(*shape: int, dtype: torch.dtype, device: str, has: bool = has) -> torch.Tensor:
            assert device == "mps"
            if not has:
                message = "MPS BFloat16 is only supported on MacOS 14 or newer"
                raise TypeError(message)
            return ones(*shape, dtype=dtype)

        with monkeypatch.context() as patch:
            patch.setattr(torch, "empty", lambda *_, **__: None)
            patch.setattr(torch.cuda, "is_bf16_supported", lambda has=has: has)
            patch.setattr(torch, "ones", made)
            for device in ("cuda", "cuda:1", "mps"):
                assert memory.choose_device(device) == (device, precision), "never float16"
    assert memory.choose_device("cpu") == ("cpu", torch.float32)


def test_streamed_layers_take_loras(tmp_path: Path) -> None:
    lora = test_loras.saved(tmp_path, "style", test_loras.peft_style("diffusion_model."))
    streamed = ZImage.load(test_loras.MINIATURE, "cpu", reference=True)
    memory.stream(streamed.modules["transformer"], "cpu")
    before, used, after = (test_loras.drawn(streamed, *files) for files in ((), ((lora, 1.0),), ()))
    assert (used - test_loras.merged(1.0)).abs().max() < 1e-4
    assert torch.equal(before, after)


@pytest.mark.parametrize("device", ["cuda:9", "toaster", "meta?"])
def test_a_device_that_is_not_here_is_a_sentence(device: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be used here"):
        memory.choose_device(device)
