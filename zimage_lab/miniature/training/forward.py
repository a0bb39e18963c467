"""A batched forward pass through diffusers' own modules, for training.

`ZImageTransformer2DModel.forward` takes lists and rebuilds position tables for every picture at every step. In training
all pictures of a batch have one size and all captions one padded length, so the tables are made once. The result is
the same (a test compares the two).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.models.tokens import EDIT_END, EDIT_HEAD, EDIT_TAIL, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable

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
        import torch

        rows = tokenizer([TEMPLATE.format(text) for text in texts]).input_ids
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


@dataclass(frozen=True, slots=True)
class Edits:
    """A batch of instructions with the pictures that they are about, as `ZImageOmniPipeline` gives them.

    Attributes
    ----------
    parts
        Token ids of the instruction's parts before, between and after the two pictures, for each.
    latents
        Normalised latents of the pictures, (batch, 16, height, width).
    patches
        SigLIP's patches of them in -1..1, (batch, patches, numbers).
    """

    parts: list[list[list[int]]]
    latents: torch.Tensor
    patches: torch.Tensor

    @classmethod
    def of(
        cls, tokenizer: Qwen2Tokenizer, texts: list[str], latents: torch.Tensor, patches: torch.Tensor, device: str
    ) -> Edits:
        """Tokenize instructions; the patches come as bytes."""
        parts = [
            [tokenizer(part).input_ids for part in (EDIT_HEAD, EDIT_TAIL.format(text), EDIT_END)] for text in texts
        ]
        return cls(parts, latents.to(device), patches.to(device).float() / 127.5 - 1)

    def seen_by(self, module: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:  # noqa: ANN401 - a ModuleDict
        """Give the velocity (batch, 16, height, width) of noisy latents at shares of noise (batch,)."""
        import torch

        rows = [part for parts in self.parts for part in parts]
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long, device=self.latents.device)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
        # Attention is causal: what stands behind a part changes nothing in it.
        encoded = text_features(module["text_encoder"], Captions(ids, ids == 0))
        features = [encoded[number, : len(row)] for number, row in enumerate(rows)]
        count, per = len(self.parts), len(self.parts[0])
        captions = [features[number * per : (number + 1) * per] for number in range(count)]
        edge = round(self.patches.shape[1] ** 0.5)
        looked = module["siglip"](
            pixel_values=self.patches,
            pixel_attention_mask=torch.ones(self.patches.shape[:2], dtype=torch.int32, device=self.patches.device),
            spatial_shapes=torch.tensor([[edge, edge]] * count, device=self.patches.device),
        ).last_hidden_state.view(count, edge, edge, -1)

        def predict(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            outputs = module["transformer"](
                [[clean.unsqueeze(1), one.unsqueeze(1)] for clean, one in zip(self.latents, noisy, strict=True)],
                1 - sigma,
                captions,
                siglip_feats=[[one, None] for one in looked],
                image_noise_mask=[[0, 1]] * count,
                return_dict=False,
            )[0]
            return -torch.stack(outputs).squeeze(2).float()

        return predict


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

    batch, channels, height, width = latents.shape
    rows, columns = height // 2, width // 2
    time = model.t_embedder((1 - sigma) * model.t_scale).type_as(latents)
    patches = latents.view(batch, channels, rows, 2, columns, 2).permute(0, 2, 4, 3, 5, 1)
    x = model.all_x_embedder["2-1"](patches.reshape(batch, rows * columns, 4 * channels))
    if x.shape[1] % MULTIPLE:
        message = f"{height} x {width} latents give {x.shape[1]} tokens, not a multiple of {MULTIPLE}"
        raise ValueError(message)
    image_table, caption_table = _tables(model, features.shape[1], rows, columns)
    for layer in model.noise_refiner:
        x = _block(layer, x, image_table, time)
    caption = model.cap_embedder(features)
    caption = torch.where(padding.unsqueeze(-1), model.cap_pad_token.to(caption.dtype), caption)
    for layer in model.context_refiner:
        caption = _block(layer, caption, caption_table)
    x, table = torch.cat([x, caption], dim=1), torch.cat([image_table, caption_table])
    halfway = x
    for number, layer in enumerate(model.layers, 1):
        x = _block(layer, x, table, time)
        if 2 * number <= len(model.layers):
            halfway = x
    x = model.all_final_layer["2-1"](x[:, : rows * columns], c=time)
    x = x.view(batch, rows, columns, 2, 2, channels).permute(0, 5, 1, 3, 2, 4).reshape(latents.shape)
    return -x, halfway[:, : rows * columns]


def _block(block: Any, x: torch.Tensor, table: torch.Tensor, time: torch.Tensor | None = None) -> torch.Tensor:  # noqa: ANN401 - a ZImageTransformerBlock
    """Run a block with few large products, and its rotations in real numbers, which a compiler can fuse."""
    import torch
    from torch.nn.functional import linear, scaled_dot_product_attention, silu

    attention, feed = block.attention, block.feed_forward
    scales, gates = (1.0, 1.0), (1.0, 1.0)
    if time is not None:
        scale, gate, feed_scale, feed_gate = block.adaLN_modulation(time).unsqueeze(1).chunk(4, dim=2)
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


def _turned(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Turn pairs of channels (batch, tokens, heads, head dim) by their position's angle."""
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
