"""The miniature's tokenizer: Qwen2's class and chat template, with byte-level merges made from the captions' words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zimage_lab.miniature.captions import chinese_words, english_words

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")

VISION = ("<|vision_start|>", "<|vision_end|>")

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(*, sees: bool = False) -> Qwen2Tokenizer:
    """Build the tokenizer; the result depends on nothing but the captions' vocabulary.

    That of an edit model, which `sees`, ends with the two tokens that stand around a picture.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\0", "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    english = english_words()
    forms = [*english, *(f" {word}" for word in english), *(word.capitalize() for word in english), "user", "assistant"]
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        min_frequency=1,
        special_tokens=[],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(["\0".join([*forms, *chinese_words(), *"，。：、“”「」"])], trainer)
    bpe = json.loads(backend.to_str())["model"]
    vocabulary = dict(bpe["vocab"])
    for token in (*SPECIAL, *(VISION if sees else ())):
        vocabulary[token] = len(vocabulary)
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[tuple(merge) for merge in bpe["merges"]],
        unk_token="<|endoftext|>",  # noqa: S106 - a token of text
        eos_token="<|im_end|>",  # noqa: S106 - a token of text
        pad_token="<|endoftext|>",  # noqa: S106 - a token of text
        additional_special_tokens=["<|im_start|>", *(VISION if sees else ())],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.model_max_length = 4096
    return tokenizer
