"""A batched forward pass through diffusers' own modules, for training.

`ZImageTransformer2DModel.forward` takes lists and rebuilds position tables for every picture at every step. In training
all pictures of a batch have one size and all captions one padded length, so the tables are made once. The result is
the same (a test compares the two).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.models.tokens import TEMPLATE

if TYPE_CHECKING:
    import torch
    from diffusers import ZImageTransformer2DModel
    from transformers import Qwen2Tokenizer, Qwen3Model

MULTIPLE = 32
"""Captions are padded to a multiple of this many tokens, as in diffusers."""


@dataclass(frozen=True, slots=True)
class Captions:
    """Token ids of a batch of captions, padded to one length.

    Attributes
    ----------
    ids
        Integer tensor (batch, length).
    padding
        Boolean tensor (batch, length), true where a position is padding.
    """

    ids: torch.Tensor
    padding: torch.Tensor

    @classmethod
    def of(cls, tokenizer: Qwen2Tokenizer, texts: list[str], device: str | torch.device = "cpu") -> Captions:
        """Template and tokenize texts the way the pipeline does."""
        return cls.padded(tokenizer, [TEMPLATE.format(text) for text in texts], device)

    @classmethod
    def padded(cls, tokenizer: Qwen2Tokenizer, texts: list[str], device: str | torch.device = "cpu") -> Captions:
        """Tokenize texts as they are, padded to one length."""
        import torch

        rows = tokenizer(texts).input_ids
        length = -(-max(map(len, rows)) // MULTIPLE) * MULTIPLE
        ids = torch.full((len(rows), length), tokenizer.pad_token_id)
        padding = torch.ones(len(rows), length, dtype=torch.bool)
        for n, row in enumerate(rows):
            ids[n, : len(row)] = torch.tensor(row)
            padding[n, : len(row)] = False
        return cls(ids.to(device), padding.to(device))

    def stretched(self, length: int, count: int) -> Captions:
        """Pad one caption, or as many as `count`, to a length, and repeat one as often as asked for."""
        from torch.nn.functional import pad

        more = (0, length - self.ids.shape[1])
        ids, padding = pad(self.ids, more), pad(self.padding, more, value=True)
        return Captions(ids.expand(count, -1), padding.expand(count, -1))


def text_features(encoder: Qwen3Model, captions: Captions) -> torch.Tensor:
    """Encode captions: the last hidden state but one, (batch, length, width)."""
    # Attention is causal and padding stands on the right: no real token sees it, and no mask is needed.
    output = encoder(input_ids=captions.ids, output_hidden_states=True, use_cache=False)
    features: torch.Tensor = output.hidden_states[-2]
    return features


def velocity(
    model: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: torch.Tensor,
    features: torch.Tensor,
    padding: torch.Tensor,
) -> torch.Tensor:
    """Predict noise minus picture for a batch; as `velocity_and_tokens`, without the tokens."""
    return velocity_and_tokens(model, latents, sigma, features, padding)[0]


def velocity_and_tokens(
    model: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: torch.Tensor,
    features: torch.Tensor,
    padding: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Predict noise minus picture for a batch.

    Parameters
    ----------
    model
        The transformer.
    latents
        Noisy latents (batch, 16, height, width).
    sigma
        Share of noise, (batch,), 0 to 1.
    features, padding
        Text features (batch, length, width) and which positions are padding.

    Returns
    -------
    Tensor of the shape of `latents`, the derivative of the latents by sigma; and the picture's tokens behind half of
    the layers, (batch, patches, dim).
    """
    import torch

    height, width = latents.shape[2:]
    rows, columns = height // 2, width // 2
    time = model.t_embedder((1 - sigma) * model.t_scale).type_as(latents)
    x = model.all_x_embedder["2-1"](patched(latents))
    if x.shape[1] % MULTIPLE:
        message = f"{height} x {width} latents give {x.shape[1]} tokens, not a multiple of {MULTIPLE}"
        raise ValueError(message)
    image_table, caption_table = _tables(model, features.shape[1], rows, columns)
    for layer in model.noise_refiner:
        x = run_block(layer, x, image_table, time)
    caption = model.cap_embedder(features)
    caption = torch.where(padding.unsqueeze(-1), model.cap_pad_token.to(caption.dtype), caption)
    for layer in model.context_refiner:
        caption = run_block(layer, caption, caption_table)
    x, table = torch.cat([x, caption], dim=1), torch.cat([image_table, caption_table])
    x, halfway = run_layers(model, x, table, time)
    x = model.all_final_layer["2-1"](x[:, : rows * columns], c=time)
    return -unpatched(x, latents), halfway[:, : rows * columns]


def patched(latents: torch.Tensor) -> torch.Tensor:
    """Cut latents (batch, channels, height, width) into patches of 2 x 2: (batch, patches, 4 * channels)."""
    batch, channels, height, width = latents.shape
    patches = latents.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 3, 5, 1)
    return patches.reshape(batch, height * width // 4, 4 * channels)


def unpatched(patches: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Put patches together to latents of the shape of others."""
    batch, channels, height, width = like.shape
    return patches.view(batch, height // 2, width // 2, 2, 2, channels).permute(0, 5, 1, 3, 2, 4).reshape(like.shape)


def run_block(
    block: Any,  # noqa: ANN401 - a ZImageTransformerBlock
    x: torch.Tensor,
    table: torch.Tensor,
    time: torch.Tensor | None = None,
    which: torch.Tensor | None = None,
) -> torch.Tensor:
    """Run a block with few large products, and its rotations in real numbers, which a compiler can fuse.

    Parameters
    ----------
    block
        The block.
    x
        Tokens (batch, tokens, dim).
    table
        Cosine and sine of their positions: (tokens, 1, head dim / 2, 2), or one for each sample.
    time
        What the share of noise is embedded as: (batch, width); None for a block that is not modulated. For tokens with
        different shares (batch, shares, width).
    which
        Which of these shares each token has: (tokens,).
    """
    import torch
    from torch.nn.functional import linear, scaled_dot_product_attention, silu

    attention, feed = block.attention, block.feed_forward
    scales, gates = (1.0, 1.0), (1.0, 1.0)
    if time is not None:
        modulation = block.adaLN_modulation(time)
        modulation = modulation.unsqueeze(1) if which is None else modulation[:, which]
        scale, gate, feed_scale, feed_gate = modulation.chunk(4, dim=2)
        scales, gates = (1 + scale, 1 + feed_scale), (gate.tanh(), feed_gate.tanh())
    weights = torch.cat([attention.to_q.weight, attention.to_k.weight, attention.to_v.weight])
    heads = linear(block.attention_norm1(x) * scales[0], weights).unflatten(-1, (3, attention.heads, -1))
    query, key, value = heads.unbind(2)
    query, key = _turned(attention.norm_q(query), table), _turned(attention.norm_k(key), table)
    seen = scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
    x = x + gates[0] * block.attention_norm2(attention.to_out[0](seen.transpose(1, 2).flatten(2)))
    h = linear(block.ffn_norm1(x) * scales[1], torch.cat([feed.w1.weight, feed.w3.weight]))
    first, third = h.chunk(2, dim=-1)
    result: torch.Tensor = x + gates[1] * block.ffn_norm2(feed.w2(silu(first) * third))
    return result


def run_layers(
    model: ZImageTransformer2DModel,
    x: torch.Tensor,
    table: torch.Tensor,
    time: torch.Tensor,
    which: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the layers behind the refiners; give the tokens behind all of them and behind half of them."""
    halfway = x
    for number, layer in enumerate(model.layers, 1):
        x = run_block(layer, x, table, time, which)
        if 2 * number <= len(model.layers):
            halfway = x
    return x, halfway


def _turned(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Turn pairs of channels (batch, tokens, heads, head dim) by the angle of their position."""
    import torch

    (even, odd), (cosine, sine) = x.float().unflatten(-1, (-1, 2)).unbind(-1), table.unbind(-1)
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2).type_as(x)


def _tables(model: ZImageTransformer2DModel, length: int, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give cosine and sine of the positions of picture and caption: (tokens, 1, head dim / 2, 2)."""
    import torch

    grid = model.create_coordinate_grid
    device = model.x_pad_token.device
    places = grid((1, rows, columns), (length + 1, 0, 0), device), grid((length, 1, 1), (1, 0, 0), device)
    image, caption = (torch.view_as_real(model.rope_embedder(place.flatten(0, 2))).unsqueeze(1) for place in places)
    return image, caption
