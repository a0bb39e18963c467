"""How much arithmetic a picture costs, counted from the models' configs without loading any of them.

A time says little by itself: beside the operations it took, it says which share of the device was used, and whether a
claim can be true at all. An operation is an addition or a multiplication, so a matrix product of (n, k) and (k, m) is
2nkm. Counted are matrix products, convolutions and attention (in full, also where it is causal); norms and the like are
less than a percent. A test compares with torch's own counter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Config = Mapping[str, Any]

PADDED = 32
"""Z-Image pads captions and pictures to multiples of so many tokens (diffusers, `SEQ_MULTI_OF`)."""

ADAPTIVE, TIME_MIDDLE, TIME_WAVES = 256, 1024, 256
"""Widths of Z-Image's time embedding: result, middle, sines and cosines (diffusers, `TimestepEmbedder`)."""

FACTOR = 8
"""Pixels of a latent's edge, in Z-Image and in Stable Diffusion."""


class Cost(NamedTuple):
    """Operations of one picture, by what makes them."""

    text_encoder: float
    denoise: float
    decode: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def picture(
    configs: Mapping[str, Config], *, width: int, height: int, steps: int, tokens: int, guided: bool = False
) -> Cost:
    """Count what one picture must cost: nothing twice, nothing that nobody reads.

    Parameters
    ----------
    configs
        The parsed `config.json` of text_encoder, vae, and transformer or unet, as diffusers' folders hold them.
    width, height
        Of the picture in pixels.
    steps
        Of denoising.
    tokens
        Of the prompt, template included. Stable Diffusion's encoder always sees 77.
    guided
        Whether a negative prompt runs along; it is taken to be as long.
    """
    times = 2 if guided else 1
    if "unet" in configs:
        length = configs["text_encoder"].get("max_position_embeddings", 77)
        step = unet_step(configs["unet"], width, height, tokens=length)
        denoising = steps * step
    else:
        length = tokens
        transformer = configs["transformer"]
        denoising = z_image_caption(transformer, tokens) + steps * z_image_step(transformer, width, height, tokens)
    return Cost(
        times * text_encoder(configs["text_encoder"], length), times * denoising, decoder(configs["vae"], width, height)
    )


def padded(tokens: int) -> int:
    """Round up to a whole number of Z-Image's token groups."""
    return -(-tokens // PADDED) * PADDED


def z_image_caption(config: Config, tokens: int) -> float:
    """Count the caption's way through embedding and refiner, which no step changes."""
    length, dim, refiners = padded(tokens), int(config["dim"]), int(config["n_refiner_layers"])
    return linear(length, config["cap_feat_dim"], dim) + refiners * _z_image_block(length, dim)


def z_image_step(config: Config, width: int, height: int, tokens: int) -> float:
    """Count one denoising step of Z-Image's transformer, without the caption's own layers.

    Parameters
    ----------
    config
        The transformer's.
    width, height
        Of the picture in pixels.
    tokens
        Of the caption.
    """
    dim, patch = config["dim"], config.get("all_patch_size", [2])[0]
    seen = padded(width * height // (FACTOR * patch) ** 2)
    values = patch * patch * config.get("in_channels", 16)
    whole = seen + padded(tokens)
    adaptive = min(dim, ADAPTIVE)
    layers, refiners = int(config["n_layers"]), int(config["n_refiner_layers"])
    modulation = (layers + refiners) * linear(1, adaptive, 4 * dim) + linear(1, adaptive, dim)
    time = linear(1, TIME_WAVES, TIME_MIDDLE) + linear(1, TIME_MIDDLE, adaptive)
    # The last layer sees the caption as well; only the picture's tokens are read from it.
    ends = linear(seen, values, dim) + linear(whole, dim, values)
    return ends + refiners * _z_image_block(seen, dim) + layers * _z_image_block(whole, dim) + modulation + time


def _z_image_block(tokens: int, dim: int) -> float:
    hidden = int(dim / 3 * 8)
    return 4 * linear(tokens, dim, dim) + attention(tokens, tokens, dim) + 3 * linear(tokens, dim, hidden)


def text_encoder(config: Config, tokens: int) -> float:
    """Count a Qwen or CLIP text encoder over one prompt.

    Parameters
    ----------
    config
        The encoder's.
    tokens
        That it sees.
    """
    dim, heads = config["hidden_size"], config["num_attention_heads"]
    clip = str(config.get("model_type", "")).startswith("clip")
    width = heads * config.get("head_dim", dim // heads)
    kept = width * config.get("num_key_value_heads", heads) // heads
    projections = linear(tokens, dim, width + 2 * kept) + linear(tokens, width, dim)
    feed = (2 if clip else 3) * linear(tokens, dim, config["intermediate_size"])
    return int(config["num_hidden_layers"]) * (projections + attention(tokens, tokens, width) + feed)


def decoder(config: Config, width: int, height: int) -> float:
    """Count the decoder of diffusers' AutoencoderKL.

    Parameters
    ----------
    config
        The autoencoder's.
    width, height
        Of the picture in pixels.
    """
    channels = list(reversed(config["block_out_channels"]))
    places = width * height // 4 ** (len(channels) - 1)
    latent, now = config["latent_channels"], channels[0]
    count = convolution(places, latent, now) + 2 * _residual(places, now, now)
    if config.get("use_post_quant_conv", True):
        count += convolution(places, latent, latent, kernel=1)
    if config.get("mid_block_add_attention", True):
        count += 4 * linear(places, now, now) + attention(places, places, now)
    for number, following in enumerate(channels):
        for _ in range(config["layers_per_block"] + 1):
            count += _residual(places, now, following)
            now = following
        if number < len(channels) - 1:
            places *= 4
            count += convolution(places, now, now)
    return count + convolution(places, now, config.get("out_channels", 3))


def unet_step(config: Config, width: int, height: int, *, tokens: int) -> float:
    """Count one forward pass of Stable Diffusion's UNet for one picture.

    Parameters
    ----------
    config
        The UNet's.
    width, height
        Of the picture in pixels.
    tokens
        Of the prompt.
    """
    channels = config["block_out_channels"]
    layers = _each(config.get("layers_per_block", 2), channels)
    depths = _each(config.get("transformer_layers_per_block", 1), channels)
    context, time = config["cross_attention_dim"], config.get("time_embedding_dim") or 4 * channels[0]
    places = width * height // FACTOR**2

    def residual(before: int, after: int) -> float:
        return _residual(places, before, after) + linear(1, time, after)

    def attending(kind: str, dim: int, depth: int) -> float:
        if "CrossAttn" not in kind:
            return 0.0
        own = 4 * linear(places, dim, dim) + attention(places, places, dim)
        other = 2 * linear(places, dim, dim) + 2 * linear(tokens, context, dim) + attention(places, tokens, dim)
        gated = linear(places, dim, 8 * dim) + linear(places, 4 * dim, dim)
        return depth * (own + other + gated) + 2 * linear(places, dim, dim)  # into the block and out of it

    now = channels[0]
    count = linear(1, now, time) + linear(1, time, time) + convolution(places, config["in_channels"], now)
    kept = [now]
    down = list(zip(config["down_block_types"], channels, layers, depths, strict=True))
    for number, (kind, dim, repeated, depth) in enumerate(down):
        for _ in range(repeated):
            count += residual(now, dim) + attending(kind, dim, depth)
            now = dim
            kept.append(now)
        if number < len(down) - 1:
            places //= 4
            count += convolution(places, now, now)
            kept.append(now)
    count += 2 * residual(now, now) + attending("CrossAttn", now, depths[-1])
    up = list(zip(config["up_block_types"], channels[::-1], layers[::-1], depths[::-1], strict=True))
    for number, (kind, dim, repeated, depth) in enumerate(up):
        for _ in range(repeated + 1):
            count += residual(now + kept.pop(), dim) + attending(kind, dim, depth)
            now = dim
        if number < len(up) - 1:
            places *= 4
            count += convolution(places, now, now)
    return count + convolution(places, now, config["out_channels"])


def _each(told: int | Sequence[int], blocks: Sequence[int]) -> list[int]:
    """Give a number for each block where one is told for all of them."""
    return [told] * len(blocks) if isinstance(told, int) else list(told)


def _residual(places: int, before: int, after: int) -> float:
    shortcut = 0.0 if before == after else convolution(places, before, after, kernel=1)
    return convolution(places, before, after) + convolution(places, after, after) + shortcut


def linear(rows: int, before: int, after: int) -> float:
    """Count a matrix product."""
    return 2.0 * rows * before * after


def attention(queries: int, keys: int, dim: int) -> float:
    """Count attention's two products, over all heads."""
    return 4.0 * queries * keys * dim


def convolution(places: int, before: int, after: int, kernel: int = 3) -> float:
    """Count a square convolution whose result has so many places."""
    return 2.0 * places * before * after * kernel * kernel
