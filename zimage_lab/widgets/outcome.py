"""What is said under the picture: its summary, its recipe and its code, or why there is none. All of it escaped."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from zimage_lab.widgets.sentences import translated

if TYPE_CHECKING:
    from zimage_lab.engine.job import Job
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest
    from zimage_lab.widgets.words import Words

COPY = (
    "const p=this.parentNode.querySelector('pre'),r=document.createRange(),s=getSelection();"
    "r.selectNodeContents(p);s.removeAllRanges();s.addRange(r);"
    "document.execCommand('copy');this.textContent=this.dataset.done"
)
"""Copies the text above the button; the same constant in every panel, and it works without a secure context."""


def summary(request: GenerationRequest, words: Words, warnings: list[str]) -> str:
    """Give the lines under the picture: prompt, seed, size, steps, and what the person should know."""
    line = words("summary", seed=request.seed, width=request.width, height=request.height, steps=request.steps)
    notes = "".join(f'<div class="zl-text">{html.escape(translated(each, words))}</div>' for each in warnings)
    return f"<b>{html.escape(request.prompt)}</b><span>{html.escape(line)}</span>{notes}"


def recipe(record: RunRecord, words: Words) -> str:
    """Give the recipe as a list of names and values."""
    asked, ran = record.request, record.environment
    facts: list[tuple[str, object]] = [
        ("prompt", asked.prompt),
        ("negative_prompt", asked.negative_prompt),
        ("model", record.model.id),
        ("seed", asked.seed),
        ("size", words("pixel_size", width=asked.width, height=asked.height)),
        ("steps", asked.steps),
        ("guidance_scale", f"{asked.guidance_scale:g}"),
        ("shift", "" if asked.shift is None else f"{asked.shift:g}"),
        ("variation", f"{asked.variation:g}" if asked.variation else ""),
        ("seconds", words("list").join(f"{stage} {took:.2f}" for stage, took in record.seconds.items())),
        ("device", f"{ran.device}, {ran.dtype}"),
        ("file", record.image.path if record.image else ""),
        ("pixels", record.image.pixels_sha256 if record.image else ""),
    ]
    rows = (
        f"<dt>{html.escape(words(name))}</dt><dd>{html.escape(str(value))}</dd>"
        for name, value in facts
        if str(value).strip()
    )
    return f'<dl class="zl-recipe">{"".join(rows)}</dl>'


def code(record: RunRecord, words: Words) -> str:
    """Give the cell that makes the picture again, with a button that copies it."""
    return _copied(record.as_code(), words("copy_cell"), words)


def failure(job: Job, words: Words) -> str:
    """Say what happened, why, and what to do; the details folded, for whoever is asked for help."""
    key = job.state if job.state in {"invalid_output", "quarantined"} else "failed"
    details = json.dumps(
        {"job": job.id, "state": job.state, "error": job.error, "request": json.loads(job.request.canonical_json())},
        ensure_ascii=False,
        indent=1,
    )
    return (
        f'<div class="zl-failure" role="alert"><strong>{html.escape(words(key))}</strong>'
        f"<p>{html.escape(translated(job.error or '', words))}</p><p>{html.escape(words('what_to_do'))}</p>"
        f"<details><summary>{html.escape(words('details'))}</summary>{_copied(details, words('copy'), words)}</details>"
        "</div>"
    )


def _copied(content: str, label: str, words: Words) -> str:
    return (
        f'<div><pre>{html.escape(content)}</pre><button class="zl-copy" data-done="{html.escape(words("copied"))}" '
        f'onclick="{COPY}">{html.escape(label)}</button></div>'
    )
