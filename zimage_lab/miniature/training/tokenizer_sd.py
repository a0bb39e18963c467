"""The tokenizer of the miniature Stable Diffusion: CLIP's class, with merges made from the English captions' words.

Chinese falls into single bytes, which only signs teach, as the original hardly reads it.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from zimage_lab.miniature.captions import english_words
from zimage_lab.miniature.training.architecture_sd import TOKENS

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

BOS, EOS, END = "<|startoftext|>", "<|endoftext|>", "</w>"


def build() -> CLIPTokenizer:
    """Build the tokenizer; the result depends on nothing but the captions' vocabulary."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters, learnt = sorted(pre_tokenizers.ByteLevel.alphabet()), merges()
    every = [*letters, *(letter + END for letter in letters), *("".join(pair) for pair in learnt), BOS, EOS]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(dict.fromkeys(every))},
        merges=learnt,
        unk_token=EOS,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=TOKENS,
    )


def merges() -> list[tuple[str, str]]:
    """Learn byte-pair merges until each of the captions' English words is one token.

    The most frequent pair first, of several the first in the alphabet. The trainer of `tokenizers` breaks ties in
    another way in each process, and a model must be packed with the numbers that it was trained with.
    """
    words = sorted({word.lower() for word in english_words()})
    split = [[*word[:-1], word[-1] + END] for word in words]
    learnt: list[tuple[str, str]] = []
    while counts := Counter(pair for parts in split for pair in pairwise(parts)):
        learnt.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        split = [_merged(parts, learnt[-1]) for parts in split]
    return learnt


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
