"""The tokenizer of the miniature Stable Diffusion: CLIP's class, with merges made from the English captions' words.

Chinese falls into single bytes that no training has seen, as with the original.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zimage_lab.miniature.captions import english_words
from zimage_lab.miniature.training.architecture_sd import TOKENS

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

BOS, EOS, END = "<|startoftext|>", "<|endoftext|>", "</w>"


def build() -> CLIPTokenizer:
    """Build the tokenizer; the result depends on nothing but the captions' vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    backend = Tokenizer(models.BPE(end_of_word_suffix=END))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=4096, min_frequency=1, special_tokens=[], end_of_word_suffix=END, show_progress=False
    )
    words = sorted({word for phrase in english_words() for word in phrase.lower().split() if word.isalpha()})
    backend.train_from_iterator(words, trainer)
    bpe = json.loads(backend.to_str())["model"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [tuple(merge) for merge in bpe["merges"]]
    every = [*letters, *(letter + END for letter in letters), *("".join(merge) for merge in merges), BOS, EOS]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(dict.fromkeys(every))},
        merges=merges,
        unk_token=EOS,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=TOKENS,
    )
