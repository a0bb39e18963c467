"""Nodes that say what a picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.request import PROMPT_CHARACTERS
from zimage_lab.values import checked_text
from zimage_lab.workflow.node import Input, Node, Output

if TYPE_CHECKING:
    from zimage_lab.workflow.running import Run
    from zimage_lab.workflow.values import Conditioning, PartValue

MOST = 16
"""Most texts of a combination: each is one more pass of the model."""

_OUT = (Output("CONDITIONING", "CONDITIONING"),)


def _encode(run: Run, *, text: str, clip: PartValue) -> tuple[Conditioning]:
    return ((run.family(clip.id).features(text).float().cpu(),),)


def _text(values: dict[str, Any], _: object) -> str | None:
    try:
        checked_text("text", values["text"], limit=PROMPT_CHARACTERS, blank=True)
    except InvalidRequest as error:
        return str(error)
    return None


def _zeros(_: Run, *, conditioning: Conditioning) -> tuple[Conditioning]:
    return (tuple(one * 0 for one in conditioning),)


def _both(_: Run, *, conditioning_1: Conditioning, conditioning_2: Conditioning) -> tuple[Conditioning]:
    every = (*conditioning_1, *conditioning_2)
    if len(every) > MOST:
        field, what = "conditioning", f"{len(every)} texts are too many"
        raise InvalidRequest(field, None, what, f"Combine at most {MOST}.")
    return (every,)


NODES = (
    Node(
        "CLIPTextEncode",
        (Input("text", "STRING", "", multiline=True), Input("clip", "CLIP")),
        _OUT,
        _encode,
        check=_text,
        title="CLIP Text Encode (Prompt)",
        description="Encodes a prompt; weights such as (word:1.2) are plain text to Z-Image.",
        category="conditioning",
    ),
    Node(
        "ConditioningZeroOut",
        (Input("conditioning", "CONDITIONING"),),
        _OUT,
        _zeros,
        title="ConditioningZeroOut",
        description="Says nothing, with as many tokens.",
        category="advanced/conditioning",
    ),
    Node(
        "ConditioningCombine",
        (Input("conditioning_1", "CONDITIONING"), Input("conditioning_2", "CONDITIONING")),
        _OUT,
        _both,
        title="Conditioning (Combine)",
        description="Averages what the model predicts for both.",
        category="conditioning",
    ),
)
