"""Counts a prompt's tokens as the pipeline will see them, so that nobody's prompt is cut without a word.

Only the `tokenizers` library is asked: no torch, no transformers, a few milliseconds once and far less afterwards.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from zimage_lab.errors import ModelLoadError
from zimage_lab.models import bases
from zimage_lab.models.card import reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from zimage_lab.models.catalog import Model

TEMPLATE = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
"""Qwen's chat template with thinking allowed, as ZImagePipeline applies it; its tail counts, and is cut first."""

EDIT_HEAD = "<|im_start|>user\n<|vision_start|>"
EDIT_BETWEEN = "<|vision_end|><|vision_start|>"
EDIT_TAIL = "<|vision_end|>{}<|im_end|>\n<|im_start|>assistant\n<|vision_start|>"
EDIT_END = "<|vision_end|><|im_end|>"
"""The parts of an instruction around its pictures and the new one, as ZImageOmniPipeline has them."""

_HAN = "㐀-鿿"
_QUOTED = re.compile(r"[\"“「']([^\"“”「」']{1,4})[\"”」']")
_RUNS = re.compile(rf"[{_HAN}]+|[^\W\d_{_HAN}]+")


def encode(model: Model, prompt: str) -> list[int]:
    """Give the token ids of a prompt, uncut, as its family has them: in Qwen's chat template, or between CLIP's ends.

    Parameters
    ----------
    model
        A model that is on this machine.
    prompt
        Any text.

    Raises
    ------
    ModelLoadError
        When the model or its tokenizer is not here, or the file is damaged.
    """
    clip = model.card.family == "stable_diffusion"
    ids: list[int] = tokenizer(model).encode(prompt if clip else TEMPLATE.format(prompt)).ids
    return ids


def encode_edit(model: Model, prompt: str, pictures: int) -> list[list[int]]:
    """Give the token ids of an instruction as an edit model has them: in one part before, between and after pictures.

    Parameters
    ----------
    model
        An edit model that is on this machine.
    prompt
        Any text.
    pictures
        Number of pictures that it is about, at least one.
    """
    parts = [EDIT_HEAD, *[EDIT_BETWEEN] * (pictures - 1), EDIT_TAIL.format(prompt), EDIT_END]
    known = tokenizer(model)
    return [known.encode(part).ids for part in parts]


def count(model: Model, prompt: str) -> int | None:
    """Count the tokens of a prompt with its template; None where the model is not on this machine.

    Parameters
    ----------
    model
        From the catalog.
    prompt
        Any text.
    """
    return None if model.path is None else len(encode(model, prompt))


def kept(model: Model, prompt: str) -> int:
    """Say how many characters of a prompt fit with its template into what the model reads; the rest is too long.

    Parameters
    ----------
    model
        A model that is on this machine.
    prompt
        Any text.

    Raises
    ------
    ModelLoadError
        As for `encode`.
    """
    clip = model.card.family == "stable_diffusion"
    text, before = (prompt, 0) if clip else (TEMPLATE.format(prompt), TEMPLATE.index("{}"))
    places = tokenizer(model).encode(text).offsets
    behind = 1 if clip else sum(start >= before + len(prompt) for start, _ in places)
    lost = places[model.card.max_tokens - behind : len(places) - behind]
    return lost[0][0] - before if lost else len(prompt)


def unknown_words(model: Model, prompt: str) -> list[str]:
    """List the words of a prompt that a miniature never met, in order, each once; empty where there is no vocabulary.

    Words in letters are compared whole and without case; of Chinese the longest known words are taken away first, and
    what remains is unknown.

    Parameters
    ----------
    model
        From the catalog.
    prompt
        Any text.
    """
    if model.card.vocabulary is None:
        return []
    letters, chinese = _vocabulary(tuple(sorted(model.card.vocabulary.items())))
    signs = frozenset(model.card.vocabulary.get("sign", ()))
    unknown: list[str] = []
    # What stands in quotation marks is a sign's text: its characters have to be known, not its words.
    for run in _RUNS.findall(_QUOTED.sub(lambda text: " " if signs.issuperset(text[1]) else text[0], prompt)):
        if re.match(f"[{_HAN}]", run):
            rest = run
            for word in chinese:
                rest = rest.replace(word, " ")
            unknown += rest.split()
        elif run.lower() not in letters:
            unknown.append(run)
    return list(dict.fromkeys(unknown))


def lacks_quotes(model: Model, unknown: Sequence[str]) -> bool:
    """Say whether one of the unknown words could be a sign's text, which a miniature reads in quotation marks alone."""
    signs = frozenset((model.card.vocabulary or {}).get("sign", ()))
    return any(signs.issuperset(word) for word in unknown)


@lru_cache(maxsize=8)
def _vocabulary(known: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    chinese = {word for language, words in known if language == "zh" for word in words if word}
    letters = frozenset(word.lower() for language, words in known if language not in {"zh", "sign"} for word in words)
    return letters, tuple(sorted(chinese, key=lambda word: (-len(word), word)))


def tokenizer(model: Model) -> Tokenizer:
    """Give a model's tokenizer, which neither pads nor cuts.

    Parameters
    ----------
    model
        A model that is on this machine.

    Raises
    ------
    ModelLoadError
        It is not here, or the file is damaged.
    """
    path = model.folder / "tokenizer" / "tokenizer.json"
    # Older folders have CLIP's vocabulary in another format; it is the same one.
    if model.card.family == "stable_diffusion" and not path.is_file():
        path = bases.CONFIGS / "stable-diffusion-v1-5" / "tokenizer" / "tokenizer.json"
    try:
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_size)
    except Exception as error:  # the library raises bare Exception for a file it cannot read
        message = f"The tokenizer of {model.id} cannot be read ({reason(error)}). Get the model again."
        raise ModelLoadError(message) from error


@lru_cache(maxsize=4)
def _read(path: Path, _modified: int, _size: int) -> Tokenizer:
    from tokenizers import Tokenizer

    read = Tokenizer.from_file(str(path))
    # A file may carry the padding or cut of its last user; the count must be the whole prompt's.
    read.no_truncation()
    read.no_padding()
    return read
