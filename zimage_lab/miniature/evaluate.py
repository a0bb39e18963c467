"""Measures a miniature: questions, pictures from whoever makes them, verdicts from the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest
from zimage_lab.metrics.distance import distance
from zimage_lab.metrics.judge import Judge
from zimage_lab.metrics.lettering import Lettering
from zimage_lab.metrics.regions import bounds
from zimage_lab.metrics.verdict import Expected, Outline, Verdict
from zimage_lab.miniature import backgrounds, signs
from zimage_lab.miniature.drawing import RADIUS, own_paper, silhouette
from zimage_lab.miniature.edits import EDITS
from zimage_lab.miniature.glyphs import ALPHABET, glyph
from zimage_lab.miniature.layouts import LINE_RADIUS, spots
from zimage_lab.miniature.scenes import KINDS
from zimage_lab.miniature.world import BACKGROUNDS, COLOURS, MOST_CHARACTERS, SUBJECTS, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from PIL import Image

    from zimage_lab.miniature.layouts import Spot
    from zimage_lab.miniature.questions import Question
    from zimage_lab.models.card import ModelCard

ASPECTS = ("right", "subjects", "colours", "places", "count", "background", "text")


@dataclass
class Tally:
    """Counts of verdicts, in all and by the kind of question, and how far pictures of one prompt lie apart."""

    verdicts: list[tuple[Question, Verdict]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)

    def share(self, aspect: str = "right", kind: str | None = None) -> float:
        """Share of pictures in which an aspect is right, 0 to 1; only of one kind of question where given."""
        chosen = [getattr(verdict, aspect) for question, verdict in self.verdicts if kind in {None, question.kind}]
        return sum(chosen) / len(chosen) if chosen else float("nan")

    def table(self) -> dict[str, float | int]:
        """Every figure of the evaluation by name; kinds that were not asked for are left out."""
        figures: dict[str, float | int] = {"pictures": len(self.verdicts)}
        figures |= {aspect: round(self.share(aspect), 4) for aspect in ASPECTS}
        asked = {question.kind for question, _ in self.verdicts}
        figures |= {kind: round(self.share(kind=kind), 4) for kind in (*KINDS, *EDITS) if kind in asked}
        if self.distances:
            figures["diversity"] = round(sum(self.distances) / len(self.distances), 4)
        return figures

    def confusions(self) -> dict[str, int]:
        """Subjects that were read as another, as `asked -> seen`, most frequent first."""
        counts: dict[str, int] = {}
        for _, verdict in self.verdicts:
            for thing, one in verdict.pairs:
                seen = "nothing" if one is None else one.subject
                if seen != thing.subject:
                    counts[f"{thing.subject} -> {seen}"] = counts.get(f"{thing.subject} -> {seen}", 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


@lru_cache(maxsize=1)
def world_judge() -> Judge:
    """Build the judge for this world's outlines, colours, backgrounds and letters."""
    outlines = [
        Outline(subject, silhouette(subject, radius), own_paper(subject, radius))
        for radius in (RADIUS, LINE_RADIUS)
        for subject in SUBJECTS
    ]
    for count in range(1, MOST_CHARACTERS + 1):
        shape, frame = signs.outline(count)
        outlines.append(Outline("sign", shape, frame, count))
    lettering = Lettering(
        signs.board,
        signs.BORDER,
        signs.LEGS,
        (signs.DARK_INK, signs.LIGHT_INK),
        {character: glyph(character) for character in ALPHABET},
    )
    return Judge(outlines, COLOURS, {name: backgrounds.pixels(name) for name in BACKGROUNDS}, lettering)


@lru_cache(maxsize=64)
def _centre(subject: str) -> tuple[float, float]:
    """Say how far the middle of a subject's box lies from its spot, in radii."""
    if subject == "sign":
        return 0.0, 0.0
    shape = silhouette(subject)
    left, top, right, bottom = bounds(shape)
    middle = shape.shape[0] / 2
    return ((left + right) / 2 - middle) / RADIUS, ((top + bottom) / 2 - middle) / RADIUS


def expected(scene: Scene, where: Mapping[str, Spot] | None = None) -> list[Expected]:
    """List what a picture of a scene should show; several equal things may stand anywhere.

    Parameters
    ----------
    scene
        What was asked for.
    where
        Spots by place, where they are not those of the scene's layout.
    """
    things = []
    stand = spots(scene) if where is None else [where[thing.place] for thing in scene.things]
    for thing, spot in zip(scene.things, stand, strict=True):
        along, down = _centre(thing.subject)
        x, y = spot.x + along * spot.radius, spot.y + down * spot.radius
        free = where is None and scene.kind == "count"
        things.append(Expected(thing.subject, thing.colour, None if free else x, None if free else y, thing.text))
    return things


def verdict(judge: Judge, scene: Scene, picture: Image.Image, where: Mapping[str, Spot] | None = None) -> Verdict:
    """Judge one picture of a scene; `where` as for `expected`."""
    return judge.judge(picture, scene.background, expected(scene, where))


def evaluate(
    generate: Callable[[Question, int], Image.Image],
    questions: Iterable[Question],
    *,
    seeds: int = 1,
    progress: Callable[[int, Tally], None] | None = None,
) -> Tally:
    """Generate and judge the picture of every question.

    Parameters
    ----------
    generate
        Makes a picture of 128 x 128 for a question and a seed.
    questions
        As `questions.captions` or `questions.edits` draw them.
    seeds
        Pictures of each, all of them judged; from two on their distance is measured as well.
    progress
        Called with the number of pictures done and the tally after each.
    """
    judge, tally = world_judge(), Tally()
    for question in questions:
        made = []
        for _ in range(seeds):
            made.append(generate(question, len(tally.verdicts) + 1))
            tally.verdicts.append((question, verdict(judge, question.wanted, made[-1], question.where)))
            if progress is not None:
                progress(len(tally.verdicts), tally)
        tally.distances += [distance(*two) for two in combinations(made, 2)]
    return tally


def refuse_other_world(card: ModelCard) -> None:
    """Refuse a miniature that learned another world, of which this judge knows nothing.

    Raises
    ------
    InvalidRequest
        The card names other subjects than this world has.
    """
    known = card.training.get("world", {}).get("subjects")
    if known is not None and set(known) != set(SUBJECTS):
        field, what = "model", f"{card.id} learned another world than the one that prompts are drawn from"
        raise InvalidRequest(field, card.id, what, "What it reached in its own stands in its card.")
