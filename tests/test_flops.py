"""The count of operations: the known floors of the real models, and torch's own counter on the real classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from zimage_lab import models
from zimage_lab.engine import flops

if TYPE_CHECKING:
    from collections.abc import Callable

Z_IMAGE = {
    "transformer": {"dim": 3840, "n_layers": 30, "n_refiner_layers": 2, "cap_feat_dim": 2560, "in_channels": 16},
    "text_encoder": {
        "model_type": "qwen3",
        "hidden_size": 2560,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
    },
    "vae": {
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "latent_channels": 16,
        "use_post_quant_conv": False,
    },
}
UNET: dict[str, Any] = {
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}
CLIP = {
    "model_type": "clip_text_model",
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
}
TERA = 1e12


def counted(run: Callable[[], object]) -> int:
    """Have torch count; the plain kernel of attention is one that its counter knows."""
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        run()
    return int(counter.get_total_flops())


@pytest.mark.parametrize(("edge", "expected"), [(1024, (0.47, 445, 10.5)), (512, (0.47, 103, 2.5))])
def test_z_image_costs_what_is_known(edge: int, expected: tuple[float, ...]) -> None:
    cost = flops.picture(Z_IMAGE, width=edge, height=edge, steps=8, tokens=64)
    assert [part / TERA for part in cost] == pytest.approx(expected, rel=0.01)
    assert cost.total == sum(cost)


@pytest.mark.parametrize(("edge", "expected"), [(512, 32), (1024, 187)])
def test_stable_diffusion_costs_what_is_known(edge: int, expected: float) -> None:
    configs = {"unet": UNET, "text_encoder": CLIP, "vae": {**Z_IMAGE["vae"], "latent_channels": 4}}
    cost = flops.picture(configs, width=edge, height=edge, steps=20, tokens=9, guided=True)
    assert cost.denoise / TERA == pytest.approx(expected, rel=0.01)
    assert cost.text_encoder == 2 * flops.text_encoder(CLIP, 77)


def test_a_prompt_padded_to_512_costs_eight_times_as_much() -> None:
    assert flops.text_encoder(Z_IMAGE["text_encoder"], 512) / TERA == pytest.approx(3.9, rel=0.01)


@pytest.fixture(scope="module")
def miniature() -> dict[str, dict[str, Any]]:
    folder = models.find("miniature-turbo").folder
    return {name: json.loads((folder / name / "config.json").read_text()) for name in Z_IMAGE}


@pytest.mark.parametrize(("width", "height", "tokens"), [(128, 128, 32), (96, 208, 45), (64, 64, 97)])
def test_the_transformer_as_torch_counts_it(
    miniature: dict[str, dict[str, Any]], width: int, height: int, tokens: int
) -> None:
    from diffusers import ZImageTransformer2DModel

    config = miniature["transformer"]
    model = ZImageTransformer2DModel.from_config(config).eval()
    latents = [torch.zeros(16, 1, height // 8, width // 8)]
    caption = [torch.zeros(tokens, config["cap_feat_dim"])]
    found = counted(lambda: model(latents, torch.zeros(1), caption, return_dict=False))
    expected = flops.z_image_caption(config, tokens) + flops.z_image_step(config, width, height, tokens)
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_decoder_as_torch_counts_it(miniature: dict[str, dict[str, Any]]) -> None:
    from diffusers import AutoencoderKL

    for changes in ({}, {"mid_block_add_attention": True, "use_post_quant_conv": True, "layers_per_block": 2}):
        config = {**miniature["vae"], **changes}
        vae = AutoencoderKL.from_config(config).eval()
        found = counted(lambda vae=vae: vae.decode(torch.zeros(1, 16, 10, 6)))
        assert found == pytest.approx(flops.decoder(config, 48, 80), rel=1e-9)


def test_the_text_encoders_as_torch_counts_them(miniature: dict[str, dict[str, Any]]) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, Qwen3Config, Qwen3Model

    ids = torch.zeros(1, 40, dtype=torch.long)
    qwen = Qwen3Model(Qwen3Config(**miniature["text_encoder"])).eval()
    found = counted(lambda: qwen(input_ids=ids, use_cache=False))
    # The rotary angles are a matrix product to torch, and nothing of weight to us.
    assert found == pytest.approx(flops.text_encoder(miniature["text_encoder"], 40), rel=1e-3)
    small = {**CLIP, "hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96, "num_hidden_layers": 2}
    clip = CLIPTextModel(CLIPTextConfig(**small, vocab_size=100)).eval()
    assert counted(lambda: clip(input_ids=ids)) == pytest.approx(flops.text_encoder(small, 40), rel=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transformer_layers_per_block": 2, "time_embedding_dim": 64},
        {"layers_per_block": [1, 2, 3, 1], "transformer_layers_per_block": [1, 2, 1, 3]},
    ],
)
def test_the_unet_as_torch_counts_it(changes: dict[str, Any]) -> None:
    from diffusers import UNet2DConditionModel

    config = {**UNET, "block_out_channels": [32, 64, 64, 96], "cross_attention_dim": 48, **changes}
    unet = UNet2DConditionModel(**config, attention_head_dim=8).eval()
    context = torch.zeros(1, 77, 48)
    found = counted(lambda: unet(torch.zeros(1, 4, 16, 24), 5, encoder_hidden_states=context))
    assert found == pytest.approx(flops.unet_step(config, 192, 128, tokens=77), rel=1e-9)


@given(
    st.integers(1, 128).map(lambda n: 16 * n),
    st.integers(1, 128).map(lambda n: 16 * n),
    st.integers(1, 50),
    st.integers(1, 512),
    st.booleans(),
)
def test_more_is_never_cheaper(width: int, height: int, steps: int, tokens: int, guided: bool) -> None:  # noqa: FBT001
    def cost(**changes: int | bool) -> flops.Cost:
        asked = {"width": width, "height": height, "steps": steps, "tokens": tokens, "guided": guided, **changes}
        return flops.picture(Z_IMAGE, **asked)

    base = cost()
    assert min(base) > 0
    assert cost(width=width + 16).total > base.total
    assert cost(steps=steps + 1).denoise > base.denoise
    assert cost(tokens=tokens + 1).total > base.total
    assert cost(guided=True).denoise == (1 if guided else 2) * base.denoise
