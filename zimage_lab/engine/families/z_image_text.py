"""Prompt to text features: unpadded, once per prompt, and left before the layer whose output nobody reads.

`ZImagePipeline` pads every prompt to 512 tokens and runs the whole encoder at every call, then takes the last hidden
state but one. Attention is causal, so that padding on the right changes nothing before it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import Qwen3Model

KEPT = 64
"""Prompts whose features are kept: at 512 tokens of the real encoder (2560 channels, bfloat16) 168 MB."""


class TextFeatures:
    """Gives the features of token ids, from memory where they were asked for lately.

    Parameters
    ----------
    encoder
        The text encoder.
    whole
        Run the encoder's own forward pass: needed where something watches it, such as group offload.
    """

    def __init__(self, encoder: Qwen3Model, *, whole: bool = False) -> None:
        self._encoder = encoder
        # Only with torch's own attention does a missing mask mean a causal one.
        self._whole = whole or encoder.config._attn_implementation != "sdpa"  # noqa: SLF001 - nothing else tells
        self._known: OrderedDict[tuple[int, ...], torch.Tensor] = OrderedDict()

    def known(self, ids: list[int]) -> bool:
        """Whether these features need no encoder."""
        return tuple(ids) in self._known

    def __call__(self, ids: list[int], device: str) -> torch.Tensor:
        """Give the features (tokens, width) of a prompt's ids.

        Parameters
        ----------
        ids
            Token ids, templated and cut.
        device
            Where the encoder is, as torch names it.
        """
        key = tuple(ids)
        features = self._known.get(key)
        if features is None:
            features = self._known[key] = self._encode(ids, device)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return features

    def forget(self) -> None:
        """Drop what is kept."""
        self._known.clear()

    def _encode(self, ids: list[int], device: str) -> torch.Tensor:
        import torch

        tokens, encoder = torch.tensor([ids], device=device), self._encoder
        with torch.inference_mode():
            if self._whole:
                states = encoder(input_ids=tokens, output_hidden_states=True, use_cache=False).hidden_states
                last_but_one: torch.Tensor = states[-2][0]
                return last_but_one
            hidden = encoder.embed_tokens(tokens)
            places = torch.arange(len(ids), device=device).unsqueeze(0)
            turns = encoder.rotary_emb(hidden, places)
            for layer in encoder.layers[:-1]:
                # Without a mask the attention is causal: transformers' own rule for a whole prompt.
                hidden = layer(hidden, attention_mask=None, position_embeddings=turns, position_ids=places)
            features: torch.Tensor = hidden[0]
            return features
