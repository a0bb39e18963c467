"""Has the model that reads prompts write one: a few words become a whole description, in either language."""

from __future__ import annotations

import random
import re
import threading
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.desk import Desk

LANGUAGES = {"en": "English", "zh": "Simplified Chinese"}

TOKENS = 256
"""Most tokens of an answer where nobody says: half of what Z-Image reads, which is a long description."""

MOST_TOKENS = 1024

EXPAND = (
    "You write prompts for a text-to-image model. Turn the user's words into one paragraph of at most 100 words in"
    " {language} that describes the finished picture. Keep every subject, number, colour and place, and copy text in"
    " quotation marks as it is. Add what was left open: setting, light, material, composition. Describe only what is"
    " to be seen. Answer with the paragraph alone."
)
TRANSLATE = (
    "You translate prompts for a text-to-image model into {language}. Keep the meaning and the order, and copy text in"
    " quotation marks as it is. Add nothing. Answer with the translation alone."
)

_HAN = re.compile(r"[㐀-鿿]")
_THOUGHT = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
_SENTENCE = re.compile(r".*[.!?。！？]", re.DOTALL)
_AROUND = (('"', '"'), ("“", "”"), ("「", "」"), ("'", "'"), ("`", "`"))


def enhance(
    prompt: str,
    *,
    language: str | None = None,
    expand: bool = True,
    engine: Desk | None = None,
    model: str | None = None,
    seed: int | None = None,
    max_tokens: int = TOKENS,
    on_text: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> str:
    """Expand or translate a prompt with the text encoder that is in memory; an interrupt of the kernel ends it.

    Qwen3, the encoder of Z-Image, is a whole language model, and needs no other weights for this. How good the answer
    is rests on those weights: a miniature's encoder cannot write and says so.

    Parameters
    ----------
    prompt
        A few words or many.
    language
        "en" or "zh"; None keeps the prompt's own.
    expand
        Describe more than the prompt does; False only translates.
    engine
        The engine that holds the model, in this process; None takes `zimage_lab.load()`.
    model
        Whose encoder; None takes the engine's model.
    seed
        0 to 2**63-1; the same gives the same answer. None draws one.
    max_tokens
        Most tokens of the answer, 1 to 1024.
    on_text
        Called with what is written so far, on the engine's thread.
    stop
        Set it from another thread to end the writing.

    Returns
    -------
    The new prompt, on one line.

    Raises
    ------
    InvalidRequest
        The prompt is empty, an argument is out of range, or the model's encoder cannot write.
    Cancelled
        `stop` was set.
    ZImageError
        Nothing came of it, or the model is in another process.
    """
    if not prompt.strip():
        field = "prompt"
        raise InvalidRequest(field, prompt, "is empty", "Write a few words first.")
    if language is not None and language not in LANGUAGES:
        field = "language"
        raise InvalidRequest(field, language, f"{shown(language)} is not known", "Use 'en' or 'zh', or leave it out.")
    from zimage_lab.engine.language_model import Task

    if engine is None:
        import zimage_lab

        engine = zimage_lab.load()
    name = LANGUAGES[language or ("zh" if _HAN.search(prompt) else "en")]
    ending = stop or threading.Event()
    task = Task(
        (EXPAND if expand else TRANSLATE).format(language=name),
        prompt,
        most=checked_integer("max_tokens", max_tokens, 1, MOST_TOKENS),
        seed=random.SystemRandom().randrange(2**63) if seed is None else checked_integer("seed", seed, 0, 2**63 - 1),
        stopped=ending.is_set,
        told=lambda text: on_text(cleaned(text)) if on_text is not None else None,
    )
    answer = engine.write(task, model)
    try:
        written, finished = answer.result()
    except KeyboardInterrupt:
        ending.set()
        raise
    text = cleaned(written)
    if not finished and (whole := _SENTENCE.match(text)):
        text = whole[0]  # it was cut; a half sentence is worth nothing
    if not text:
        message = "The model wrote nothing. The prompt is as it was; another seed may do better."
        raise ZImageError(message)
    return text


def cleaned(text: str) -> str:
    """Take from an answer what is no prompt: thoughts, line breaks, quotation marks around all of it."""
    text = " ".join(_THOUGHT.sub("", text).split())
    for first, last in _AROUND:
        if len(text) > 1 and text[0] == first and text[-1] == last and first not in text[1:-1]:
            return text[1:-1].strip()
    return text
