"""Measures a miniature: prompts of held-out scenes, pictures from whoever makes them, verdicts from the judge."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zimage_lab.metrics.judge import Expected, Judge, Verdict
from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.drawing import background, silhouette
from zimage_lab.miniature.world import COLOURS, PLACES, SUBJECTS, Scene, held_out_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL import Image


@dataclass
class Tally:
    """Counts of verdicts, in all and by the number of things in the picture."""

    verdicts: list[tuple[Scene, str, Verdict]] = field(default_factory=list)

    def share(self, aspect: str = "right", things: int | None = None) -> float:
        """Share of pictures in which an aspect is right, 0 to 1; only of those with so many `things` where given."""
        chosen = [getattr(v, aspect) for scene, _, v in self.verdicts if things in (None, len(scene.things))]
        return sum(chosen) / len(chosen) if chosen else float("nan")

    def table(self) -> dict[str, float | int]:
        """Every figure of the evaluation by name."""
        aspects = ("right", "subjects", "colours", "places", "count", "background")
        figures: dict[str, float | int] = {"pictures": len(self.verdicts)}
        figures |= {aspect: round(self.share(aspect), 4) for aspect in aspects}
        figures |= {"one thing": round(self.share(things=1), 4), "two things": round(self.share(things=2), 4)}
        return figures

    def confusions(self) -> dict[str, int]:
        """Subjects that were read as another, as `asked -> seen`, most frequent first."""
        counts: dict[str, int] = {}
        for scene, _, verdict in self.verdicts:
            if verdict.count and not verdict.subjects:
                asked, seen = [t.subject for t in scene.things], [s.subject for s in verdict.seen]
                for subject in asked:
                    if subject not in seen:
                        other = next((s for s in seen if s not in asked), "another place")
                        counts[f"{subject} -> {other}"] = counts.get(f"{subject} -> {other}", 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))


def world_judge() -> Judge:
    """Build the judge for this world's outlines and colours."""
    return Judge({subject: silhouette(subject) for subject in SUBJECTS}, COLOURS)


def prompts(language: str, count: int, seed: int = 7) -> Iterator[tuple[Scene, str]]:
    """Draw held-out scenes with a caption in `en` or `zh`; the same for the same arguments."""
    rng = random.Random(f"{language}/{seed}")
    for _ in range(count):
        scene = held_out_scene(rng)
        yield scene, caption(scene, language, rng)


def verdict(judge: Judge, scene: Scene, picture: Image.Image) -> Verdict:
    """Judge one picture of a scene."""
    expected = [Expected(thing.subject, thing.colour, *PLACES[thing.place]) for thing in scene.things]
    return judge.judge(picture, background(scene.background), expected)


def evaluate(
    generate: Callable[[str, int], Image.Image],
    *,
    language: str,
    count: int,
    seed: int = 7,
    progress: Callable[[int, Tally], None] | None = None,
) -> Tally:
    """Generate and judge `count` held-out prompts.

    Parameters
    ----------
    generate
        Makes a picture of 128 x 128 from a prompt and a seed.
    language
        `en` or `zh`.
    count, seed
        Number of prompts and where their drawing starts.
    progress
        Called with the number done and the tally after each picture.
    """
    judge, tally = world_judge(), Tally()
    for number, (scene, text) in enumerate(prompts(language, count, seed), 1):
        tally.verdicts.append((scene, text, verdict(judge, scene, generate(text, number))))
        if progress is not None:
            progress(number, tally)
    return tally
