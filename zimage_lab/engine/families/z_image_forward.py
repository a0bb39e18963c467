"""One forward pass of Z-Image's transformer without the waste: the same modules, the same numbers, less work.

`ZImageTransformer2DModel.forward` takes lists, rebuilds position tables at every step, refines the caption and embeds
the time at every step, and runs each norm, scale and gate on its own. Here what does not change between steps is made
once (`Plan`), and a block is written with few operations that a compiler can fuse. The weights are read through
diffusers' own modules, so that LoRA adapters and quantized layers work unchanged.

Facts of the architecture: diffusers 0.42.1, `models/transformers/transformer_z_image.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from diffusers import ZImageTransformer2DModel

    Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

MULTIPLE = 32
"""Captions and pictures are padded to a multiple of this many tokens, which are attended to (SEQ_MULTI_OF)."""

PATCH = 2


class Modulation(NamedTuple):
    """What the time does to a block: its norms' weights with the scale, and its gates with the norms behind them."""

    into_attention: torch.Tensor
    out_of_attention: torch.Tensor
    into_feed_forward: torch.Tensor
    out_of_feed_forward: torch.Tensor


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about a batch that its steps share.

    Parameters
    ----------
    caption
        Refined caption (batch, tokens, dim), or one row for all.
    caption_turns, image_turns
        Position tables: complex (tokens, 1, head dim / 2).
    steps
        For each step the modulation of the noise refiners, then of the layers; and the last layer's scale.
    """

    caption: torch.Tensor
    image_turns: torch.Tensor
    all_turns: torch.Tensor
    steps: list[tuple[list[Modulation], torch.Tensor]]


def padded(tokens: int) -> int:
    """Give the length to which so many tokens are padded."""
    return -(-tokens // MULTIPLE) * MULTIPLE


def plan(
    model: ZImageTransformer2DModel, captions: Sequence[torch.Tensor], size: tuple[int, int], sigmas: Sequence[float]
) -> Plan:
    """Prepare the steps of a batch whose captions have one padded length.

    Parameters
    ----------
    model
        The transformer.
    captions
        Text features (tokens, width) of each picture.
    size
        Height and width of the latents.
    sigmas
        Share of noise at each step, 1 to 0.
    """
    import torch

    rows, columns = size[0] // PATCH, size[1] // PATCH
    length = padded(len(captions[0]))
    first = captions[0]
    alike = all(caption is first for caption in captions)
    image_turns, caption_turns = turns(_rope(model), length, rows, columns, first.device)
    own = [first] if alike else captions
    filled = first.new_zeros(len(own), length, first.shape[1])
    padding = torch.ones(len(own), length, 1, dtype=torch.bool, device=first.device)
    for number, caption in enumerate(own):
        filled[number, : len(caption)] = caption
        padding[number, : len(caption)] = False
    caption = torch.where(padding, model.cap_pad_token, model.cap_embedder(filled))
    attend = scaled_dot_product
    for block in model.context_refiner:
        caption = run_block(block, caption, _still(block), caption_turns, attend)
    all_turns = torch.cat([image_turns, caption_turns])
    return Plan(caption, image_turns, all_turns, _modulations(model, sigmas, first.dtype))


def velocity(
    model: ZImageTransformer2DModel,
    prepared: Plan,
    latents: torch.Tensor,
    step: int,
    *,
    attend: Attend,
    block: Callable[..., torch.Tensor],
) -> torch.Tensor:
    """Predict noise minus picture.

    Parameters
    ----------
    model
        The transformer.
    prepared
        From `plan`.
    latents
        (batch, channels, height, width) in the transformer's dtype.
    step
        Index into the plan's sigmas.
    attend, block
        The attention and `run_block`, or a compiled form of it.

    Returns
    -------
    Tensor of the shape of `latents`, the derivative of the latents by sigma, in the transformer's dtype.
    """
    import torch

    batch, channels, height, width = latents.shape
    rows, columns = height // PATCH, width // PATCH
    tokens = rows * columns
    patches = latents.view(batch, channels, rows, PATCH, columns, PATCH).permute(0, 2, 4, 3, 5, 1)
    x = model.all_x_embedder["2-1"](patches.reshape(batch, tokens, PATCH * PATCH * channels))
    if missing := padded(tokens) - tokens:
        x = torch.cat([x, model.x_pad_token.to(x.dtype).expand(batch, missing, -1)], dim=1)
    modulations, scale = prepared.steps[step]
    refiners = len(model.noise_refiner)
    for module, modulation in zip(model.noise_refiner, modulations[:refiners], strict=True):
        x = block(module, x, modulation, prepared.image_turns, attend)
    x = torch.cat([x, prepared.caption.expand(batch, -1, -1)], dim=1)
    for module, modulation in zip(model.layers, modulations[refiners:], strict=True):
        x = block(module, x, modulation, prepared.all_turns, attend)
    last = model.all_final_layer["2-1"]
    x = last.linear(last.norm_final(x[:, :tokens]) * scale)
    x = x.view(batch, rows, columns, PATCH, PATCH, channels).permute(0, 5, 1, 3, 2, 4)
    # The transformer predicts picture minus noise; Euler's step wants noise minus picture.
    derivative: torch.Tensor = -x.reshape(batch, channels, height, width)
    return derivative


def run_block(
    block: Any,  # noqa: ANN401 - ZImageTransformerBlock, or a wrapper of it
    x: torch.Tensor,
    modulation: Modulation,
    positions: torch.Tensor,
    attend: Attend,
) -> torch.Tensor:
    """Run a transformer block on (batch, tokens, dim)."""
    import torch
    from torch.nn.functional import rms_norm, silu

    attention, feed = block.attention, block.feed_forward
    width = x.shape[-1:]
    h = rms_norm(x, width, modulation.into_attention, block.attention_norm1.eps)
    query, key, value = (
        project(h).unflatten(-1, (attention.heads, -1)) for project in (attention.to_q, attention.to_k, attention.to_v)
    )
    query, key = (
        turned(rms_norm(part, part.shape[-1:], norm.weight, norm.eps), positions)
        for part, norm in ((query, attention.norm_q), (key, attention.norm_k))
    )
    h = attention.to_out[0](attend(query, key, value).flatten(2))
    x = torch.addcmul(x, rms_norm(h, width, None, block.attention_norm2.eps), modulation.out_of_attention)
    h = rms_norm(x, width, modulation.into_feed_forward, block.ffn_norm1.eps)
    h = feed.w2(silu(feed.w1(h), inplace=True).mul_(feed.w3(h)))
    return torch.addcmul(x, rms_norm(h, width, None, block.ffn_norm2.eps), modulation.out_of_feed_forward)


def turned(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Turn pairs of channels by their position (RoPE), in float32.

    Real cosines and sines where they are given, (tokens, 1, head dim / 2, 2): a compiler fuses these with what stands
    around. Complex ones, (tokens, 1, head dim / 2), are one fast operation on the CPU, where nothing is compiled.
    """
    import torch

    pairs = x.float().unflatten(-1, (-1, 2))
    if positions.is_complex():
        return torch.view_as_real(torch.view_as_complex(pairs) * positions).flatten(-2).type_as(x)
    (even, odd), (cosine, sine) = pairs.unbind(-1), positions.unbind(-1)
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2).type_as(x)


def scaled_dot_product(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attend with torch's own kernel; all of (batch, tokens, heads, head dim)."""
    from torch.nn.functional import scaled_dot_product_attention

    query, key, value = (part.transpose(1, 2) for part in (query, key, value))
    return scaled_dot_product_attention(query, key, value).transpose(1, 2)


class _Rope(NamedTuple):
    axes_dims: tuple[int, ...]
    axes_lens: tuple[int, ...]
    theta: float


def _rope(model: ZImageTransformer2DModel) -> _Rope:
    return _Rope(tuple(model.axes_dims), tuple(model.axes_lens), model.rope_theta)


@lru_cache(maxsize=32)
def turns(rope: _Rope, length: int, rows: int, columns: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the position tables of the picture's tokens, padded, and of the caption's.

    Caption tokens stand at (1, 0, 0), (2, 0, 0), ...; the picture's at (length + 1, row, column); what pads the picture
    at (0, 0, 0).
    """
    import torch

    picture = torch.cartesian_prod(torch.tensor([length + 1]), torch.arange(rows), torch.arange(columns))
    places = torch.zeros(padded(len(picture)), 3, dtype=torch.long)
    places[: len(picture)] = picture
    caption = torch.zeros(length, 3, dtype=torch.long)
    caption[:, 0] = torch.arange(1, length + 1)
    return _angles(rope, places, device), _angles(rope, caption, device)


def _angles(rope: _Rope, places: torch.Tensor, device: torch.device) -> torch.Tensor:
    import torch

    angles = []
    for axis, (dims, length) in enumerate(zip(rope.axes_dims, rope.axes_lens, strict=True)):
        place = places[:, axis]
        if int(place.max()) >= length:  # diffusers' table ends there, too
            message = f"position {int(place.max())} is beyond the {length} of axis {axis}"
            raise IndexError(message)
        frequencies = 1.0 / (rope.theta ** (torch.arange(0, dims, 2, dtype=torch.float64) / dims))
        angles.append(torch.outer(place.double(), frequencies).float())
    angle = torch.cat(angles, dim=-1).unsqueeze(1)
    if device.type == "cpu":
        return torch.polar(torch.ones_like(angle), angle)
    return torch.stack((angle.cos(), angle.sin()), dim=-1).to(device)


def _modulations(
    model: ZImageTransformer2DModel, sigmas: Sequence[float], dtype: torch.dtype
) -> list[tuple[list[Modulation], torch.Tensor]]:
    """Make the table of every step's modulation: the time is known before the first step."""
    import torch

    place = model.x_pad_token.device
    # The same roundings as the pipeline's: timesteps are sigmas times 1000, the model's time runs from 0 to 1.
    time = (1000 - torch.tensor(sigmas, dtype=torch.float32, device=place) * 1000) / 1000
    embedded = model.t_embedder(time * model.t_scale).to(dtype)
    blocks = [_of_block(block, embedded) for block in (*model.noise_refiner, *model.layers)]
    scales = 1.0 + model.all_final_layer["2-1"].adaLN_modulation(embedded)
    return [([block[step] for block in blocks], scales[step]) for step in range(len(sigmas))]


def _of_block(block: Any, embedded: torch.Tensor) -> list[Modulation]:  # noqa: ANN401 - ZImageTransformerBlock
    scale_attention, gate_attention, scale_feed, gate_feed = (
        part.float() for part in block.adaLN_modulation(embedded).chunk(4, dim=1)
    )
    parts = (
        block.attention_norm1.weight * (1.0 + scale_attention),
        block.attention_norm2.weight * gate_attention.tanh(),
        block.ffn_norm1.weight * (1.0 + scale_feed),
        block.ffn_norm2.weight * gate_feed.tanh(),
    )
    return [Modulation(*rows) for rows in zip(*(part.to(embedded.dtype) for part in parts), strict=True)]


def _still(block: Any) -> Modulation:  # noqa: ANN401 - ZImageTransformerBlock
    """Give the modulation of a block that does not see the time."""
    return Modulation(
        block.attention_norm1.weight, block.attention_norm2.weight, block.ffn_norm1.weight, block.ffn_norm2.weight
    )
