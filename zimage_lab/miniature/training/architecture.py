"""The miniature's modules: the real classes of Z-Image at about seven million parameters, freshly initialised."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImageTransformer2DModel
    from transformers import Qwen3Model, Siglip2ImageProcessorPil, Siglip2VisionModel

LATENT_CHANNELS = 16
"""As in the real family (FLUX.1's autoencoder)."""

CHANNELS = {"z_image": LATENT_CHANNELS, "stable_diffusion": 4}
"""Channels of the latents by family."""

DIM = 192
"""Width of the transformer."""

TEXT_DIM = 128
"""Width of the text features, `cap_feat_dim` of the transformer."""

SIGLIP_DIM = 64
"""Width of the picture features of an edit model, `siglip_feat_dim` of its transformer."""

SIGLIP_PATCH, SIGLIP_PATCHES = 16, 16
"""Edge of SigLIP's patches in pixels, and how many it sees: 4 x 4 of a picture scaled to 64 x 64."""

SHIFT = 3.0
"""Static timestep shift of Z-Image-Turbo's scheduler."""


def autoencoder(family: str = "z_image") -> AutoencoderKL:
    """Build a family's autoencoder: its channels, factor 8, about 1.7 million parameters.

    The log-variance half of the encoder's last layer starts at -7 with zero weights, so that the posterior is almost
    deterministic: with the default posterior noise so small a network learns outlines but no colours.
    """
    import torch
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(16, 32, 64, 96),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=CHANNELS[family],
        norm_num_groups=8,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        sample_size=128,
        scaling_factor=1.0,
        shift_factor=None if family == "stable_diffusion" else 0.0,
    )
    with torch.no_grad():
        vae.encoder.conv_out.weight[CHANNELS[family] :] = 0
        vae.encoder.conv_out.bias[CHANNELS[family] :] = -7
    return vae


def transformer(*, sees: bool = False) -> ZImageTransformer2DModel:
    """Build the transformer: six layers of width 192, about five million parameters; one for edits also `sees`."""
    from diffusers import ZImageTransformer2DModel

    return ZImageTransformer2DModel(
        in_channels=LATENT_CHANNELS,
        dim=DIM,
        n_layers=6,
        n_refiner_layers=1,
        n_heads=6,
        n_kv_heads=6,
        cap_feat_dim=TEXT_DIM,
        siglip_feat_dim=SIGLIP_DIM if sees else None,
        axes_dims=[8, 12, 12],
        # Axis 0 covers 512 caption tokens, their padding and the picture's own position behind them.
        axes_lens=[576, 64, 64],
    )


def text_encoder(vocabulary: int, eos_token_id: int, pad_token_id: int) -> Qwen3Model:
    """Build the text encoder: four layers of width 128; the features are the third layer's.

    Parameters
    ----------
    vocabulary
        Number of tokens of the tokenizer.
    eos_token_id, pad_token_id
        Ids of `<|im_end|>` and `<|endoftext|>`.
    """
    from transformers import Qwen3Config, Qwen3Model

    return Qwen3Model(
        Qwen3Config(
            vocab_size=vocabulary,
            hidden_size=TEXT_DIM,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            eos_token_id=eos_token_id,
            pad_token_id=pad_token_id,
        )
    )


def siglip() -> Siglip2VisionModel:
    """Build the second eye of an edit model: two layers of width 64."""
    from transformers import Siglip2VisionConfig, Siglip2VisionModel

    return Siglip2VisionModel(
        Siglip2VisionConfig(
            hidden_size=SIGLIP_DIM,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_patches=SIGLIP_PATCHES,
            patch_size=SIGLIP_PATCH,
            vision_use_head=False,
        )
    )


def siglip_processor() -> Siglip2ImageProcessorPil:
    """Build what scales and cuts a picture for SigLIP; the other class of transformers wants torchvision."""
    from transformers import Siglip2ImageProcessorPil

    return Siglip2ImageProcessorPil(patch_size=SIGLIP_PATCH, max_num_patches=SIGLIP_PATCHES)


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Build the flow-matching Euler scheduler with Turbo's static shift of 3."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=SHIFT, use_dynamic_shifting=False)
