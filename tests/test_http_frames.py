"""A prompt's life in ComfyUI's frames, where the server hears of it late or twice."""

from __future__ import annotations

from graphs import article

from zimage_lab.api.bridge import Heard
from zimage_lab.api.frames import Following
from zimage_lab.store.prompts import PromptRow

FILES = {"11": [{"filename": "Shop_00001_.png", "subfolder": "", "type": "output"}]}


def following() -> Following:
    """Give the frames of a prompt that was done before the server heard anything of it."""
    return Following(PromptRow("p", "me", 1.0, "c", {"graph": article()}, "2026-01-01T00:00:00Z", ()))


def kinds(frames: list[object]) -> list[str]:
    return [frame["type"] for frame in frames if isinstance(frame, dict)]


def test_a_prompt_that_was_done_at_once_is_told_from_its_beginning() -> None:
    told = kinds([*following().end("succeeded", None, FILES)])
    assert told[:2] == ["execution_start", "execution_cached"]
    assert told.count("executing") == len(article())
    assert told[-2:] == ["executed", "execution_success"]


def test_what_is_heard_too_late_is_not_told() -> None:
    late = following()
    assert late.hear(Heard(1, "j", "step", 0.0, {"stage": "denoising", "step": 1, "steps": 8})) == []
    assert late.end("succeeded", None, FILES)
    assert late.end("succeeded", None, FILES) == []
