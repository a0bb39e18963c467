"""The modules of the miniature Stable Diffusion: the real classes of version 1.5, freshly initialised."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel

TEXT_DIM = 128
"""Width of the text features, `cross_attention_dim` of the UNet."""

TOKENS = 77
"""Length to which every prompt is padded or cut, as CLIP has it."""


def text_encoder(vocabulary: int, bos_token_id: int, eos_token_id: int) -> CLIPTextModel:
    """Build CLIP's text encoder: four layers of width 128, about one million parameters."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_DIM,
            intermediate_size=4 * TEXT_DIM,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            hidden_act="quick_gelu",
            projection_dim=TEXT_DIM,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            pad_token_id=eos_token_id,
        )
    )


def unet() -> UNet2DConditionModel:
    """Build the UNet: two resolutions, all reading of the prompt at the coarse one, 5.3 million parameters.

    What stands where is decided at the 8 x 8 places of the coarse one, in eight layers that look at each other and at
    the prompt. The fine one is half as wide, as most of the time would go there; at a quarter, things stand where they
    should and their edges waver.
    """
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=(2, 1),
        time_embedding_dim=128,
        transformer_layers_per_block=2,
        attention_head_dim=4,
        norm_num_groups=16,
        cross_attention_dim=TEXT_DIM,
    )


def scheduler() -> PNDMScheduler:
    """Build version 1.5's scheduler, PNDM with scaled-linear variances from 0.00085 to 0.012, for version 2's velocity.

    Where nearly all is noise, a network that tells the noise has to repeat what it was given to within a few per cent,
    before anything that it says about the picture counts. Told as a velocity (Salimans and Ho 2022, arXiv 2202.00512),
    the picture is the whole answer there, and a small network soon knows what stands where.
    """
    from diffusers import PNDMScheduler

    return PNDMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        prediction_type="v_prediction",
        set_alpha_to_one=False,
        steps_offset=1,
    )
