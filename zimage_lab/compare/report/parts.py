"""The parts of the page, each a function from a comparison to HTML; every text of a person's is escaped."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from zimage_lab.compare import table, verdicts
from zimage_lab.compare.protocol import EQUAL_SEEDS
from zimage_lab.compare.report import plots
from zimage_lab.compare.report.plots import Place, Point
from zimage_lab.engine.pace import plural
from zimage_lab.store.public import public_name, public_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.compare.preference import Preference
    from zimage_lab.compare.summary import Across, Summary
    from zimage_lab.store.comparisons import Index

VOTES_SHOWN = 1000
_NAN = math.nan


def protocol(comparison: Comparison) -> str:
    """Say how it was measured, and what must be known of it."""
    plan = comparison.plan
    sizes = f"{plural(len(plan.prompts), 'prompt')}, {plural(len(plan.seeds), 'seed')}, {plural(plan.count, 'picture')}"
    notes = [public_sentence(note, comparison.home) for note in plan.notes]
    missing = sum(number for state, number in comparison.counts.items() if state != "succeeded")
    if missing:
        notes.insert(
            0, f"{plural(missing, 'picture')} of {plan.count} are not there: this is what was measured so far."
        )
    sentences = [text for text in str(plan.protocol).replace(EQUAL_SEEDS, "").split(". ") if text.strip()]
    rows = [(one.label, public_name(one.model, comparison.home)) for one in plan.contestants]
    return (
        f"<p>{_text(sizes)}. Begun {_text(comparison.created_at[:19])} UTC.</p>"
        f"<ul>{_items(text.strip().rstrip('.') + '.' for text in sentences)}</ul>"
        f'<p class="note">{_text(EQUAL_SEEDS)}</p>'
        f"<ul>{_items(notes)}</ul>"
        f"{_table(['Contestant', 'Model'], rows)}"
    )


def environment(summaries: Sequence[Summary]) -> str:
    """Say on what it was measured."""
    names = list(dict.fromkeys(name for one in summaries for name in one.environment))
    rows = [[name, *(str(one.environment.get(name, "")) for one in summaries)] for name in names]
    return _table(["", *(one.label for one in summaries)], rows)


def measured(comparison: Comparison, language: str) -> str:
    """Give the article's table."""
    rows = [[name, *texts] for name, texts in table.cells(comparison, language)]
    heading = {"en": "Measured", "zh": "实测结果"}[language]
    body = _table(["", *comparison.labels], rows)
    return f'<section lang="{language}"><h2>{heading}</h2>{body}</section>'


def drawings(comparison: Comparison, summaries: Sequence[Summary], liked: Preference) -> str:
    """Plot times, correctness, stars and preferences with their intervals, and quality against seconds."""
    stars = comparison.opinions()
    models = {one.model for one in summaries}
    figures = [
        (
            "Seconds a picture: median and middle half",
            plots.intervals(
                [Point(one.label, one.median, *one.quartiles) for one in summaries],
                "Seconds a picture",
                lambda value: f"{value:.3g} s",
                (0.0, _NAN),
            ),
        ),
        (
            "As the prompt says, with 95 % intervals",
            plots.intervals(_right(summaries), "As the prompt says", _percent, (0.0, 1.0)),
        ),
        (
            "Stars, with 95 % intervals over prompts",
            plots.intervals(
                [Point(label, one.mean, one.low, one.high) for label, one in stars.items()],
                "Stars of blind raters",
                lambda value: f"{value:.3g}",
                (1.0, 5.0),
            ),
        ),
        (
            "Preferred in pairs, with 95 % intervals over prompts",
            plots.intervals(_preferred(liked), "Preferred", _percent, (0.0, 1.0)),
        ),
        ("What a second buys", curve(summaries, liked)),
        ("What a step buys", curve(summaries, liked, "steps") if len(summaries) > len(models) else ""),
    ]
    return "".join(
        f"<figure>{drawn}<figcaption>{_text(caption)}</figcaption></figure>" for caption, drawn in figures if drawn
    )


def curve(summaries: Sequence[Summary], liked: Preference, across: Across = "seconds") -> str:
    """Plot quality: how often pictures are as their prompts say or, where none could be judged, are preferred."""
    judged = any(one.accuracy.of for one in summaries)
    quality, name = (_right(summaries), "As the prompt says") if judged else (_preferred(liked), "Preferred")
    places = []
    for one, point in zip(summaries, quality, strict=True):
        x = one.median if across == "seconds" else float(one.settings["steps"])
        places.append(Place(one.label, x, point.value, point.low, point.high, one.model))
    places.sort(key=lambda place: place.x)
    axis = "seconds a picture" if across == "seconds" else "steps"
    return plots.against(places, f"Quality against {across}", (axis, name), _percent, counted=across == "steps")


def _right(summaries: Sequence[Summary]) -> list[Point]:
    return [Point(one.label, one.accuracy.value, *one.accuracy.bounds) for one in summaries]


def _preferred(liked: Preference) -> list[Point]:
    return [Point(*row) for row in zip(liked.names, *(part.tolist() for part in liked.shares), strict=True)]


def pictures(comparison: Comparison, images: Mapping[Index, tuple[str, int, int]]) -> str:
    """Show every picture, a row for each prompt and seed."""
    plan, rows = comparison.plan, []
    for number, prompt in enumerate(plan.prompts):
        meaning = f'<br><span class="soft">{_text(prompt.meaning)}</span>' if prompt.meaning else ""
        for place, seed in enumerate(plan.seeds):
            cells = []
            for contestant, label in enumerate(comparison.labels):
                found = images.get((number, place, contestant, 0))
                if found is None:
                    cells.append("<td>no picture</td>")
                    continue
                data, width, height = found
                alt = _text(f"{label}: {prompt.text}")
                cells.append(
                    f'<td><img src="data:image/webp;base64,{data}" width="{width}" height="{height}" alt="{alt}"></td>'
                )
            said = f"{_text(prompt.text)}{meaning}" if not place else ""
            rows.append(
                f'<tr><th scope="row">{said}<br><span class="soft">seed {seed}</span></th>{"".join(cells)}</tr>'
            )
    heads = "".join(f'<th scope="col">{_text(label)}</th>' for label in comparison.labels)
    return f'<div class="wide"><table class="pictures"><tr><th></th>{heads}</tr>{"".join(rows)}</table></div>'


def votes(comparison: Comparison, liked: Preference) -> str:
    """Tell the votes: what they say, how sure that is, how far raters agree, and each of them."""
    every = comparison.votes()
    if not len(every):
        return "<p>There are no votes yet.</p>"
    raters = {name: f"rater {number}" for number, name in enumerate(dict.fromkeys(every["rater"]), 1)}
    left, decided = verdicts.left_share(comparison)
    said = list(liked.notes) if liked.votes else []
    if decided:
        said.append(f"The left side was preferred in {left} of {decided} votes that were no ties.")
    said += [
        f"Agreement of raters on {kind} (Krippendorff's alpha; 1 is perfect, 0 chance): {value:.2f}."
        for kind, value in comparison.agreement().items()
        if not math.isnan(value)
    ]
    said.append(f"{plural(len(raters), 'rater')}; models, times and names were hidden, sides and order drawn by lot.")
    wins = [
        [
            label,
            *("" if row == column else _percent(liked.wins.value[row, column]) for column in range(len(liked.names))),
        ]
        for row, label in enumerate(liked.names)
    ]
    against = (
        f"<h3>How likely the row is preferred to the column</h3>{_table(['', *liked.names], wins)}"
        if liked.votes
        else ""
    )
    columns = ["cast_at", "rater", "kind", "prompt", "left", "right", "choice", "stars", "counts"]
    rows = [
        [raters[one[1]], *(str(one[0])[:19], *("" if _missing(value) else str(value) for value in one[2:]))]
        for one in every[columns].head(VOTES_SHOWN).itertuples(index=False)
    ]
    more = f"<p>The first {VOTES_SHOWN} of {len(every)}.</p>" if len(every) > VOTES_SHOWN else ""
    raw = _table(["rater", "cast at", *columns[2:]], rows)
    return f"<ul>{_items(said)}</ul>{against}<details><summary>Every vote</summary>{more}{raw}</details>"


def _missing(value: object) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{_text(head)}</th>' for head in heads)
    lines = [
        f'<tr><th scope="row">{_text(row[0])}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    ]
    return f'<div class="wide"><table><tr>{top}</tr>{"".join(lines)}</table></div>'


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{_text(text)}</li>" for text in texts)


def _text(text: str) -> str:
    return html.escape(text, quote=True)
