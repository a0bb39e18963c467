"""What a comparison is made of: every prompt with every seed by every contestant, checked before anything is made."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab import models
from zimage_lab.compare.contestants import Contestant, read_contestants
from zimage_lab.compare.protocol import Protocol
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.metrics import clip_score
from zimage_lab.request import SEED_RANGE, GenerationRequest
from zimage_lab.values import checked_integer, checked_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.store.comparisons import Index

LIMIT = 2000
"""Most pictures, unless somebody says otherwise: a slip of the hand."""


class Prompt(NamedTuple):
    """A prompt, and for the judge what it means in plain English where it does not say so itself."""

    text: str
    meaning: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison before and while it is made.

    Attributes
    ----------
    prompts, seeds, contestants
        What is combined.
    protocol
        How it is measured.
    settled
        Whether all settings are known: where the time is matched, a trial finds the steps first.
    notes
        What somebody who reads the result must know.
    clip
        Folder of the CLIP model that scores the pictures, or None.
    erased
        Whether its prompts were forgotten at somebody's wish.
    """

    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]
    contestants: tuple[Contestant, ...]
    protocol: Protocol
    settled: bool = True
    notes: tuple[str, ...] = ()
    clip: str | None = None
    erased: bool = False

    @property
    def shape(self) -> Index:
        """Numbers of prompts, seeds, contestants and repeats."""
        return len(self.prompts), len(self.seeds), len(self.contestants), self.protocol.repeats

    @property
    def count(self) -> int:
        """Number of pictures that are measured."""
        prompts, seeds, contestants, repeats = self.shape
        return prompts * seeds * contestants * repeats

    def request(self, index: Index) -> GenerationRequest:
        """Give the request of a cell."""
        prompt, seed, contestant, _ = index
        return self.contestants[contestant].ground.replace(prompt=self.prompts[prompt].text, seed=self.seeds[seed])

    def order(self) -> Iterator[Index]:
        """Give the cells in the order in which they are made: forth and back through the contestants."""
        prompts, seeds, contestants, repeats = self.shape
        rounds = [(p, s, r) for p in range(prompts) for r in range(repeats) for s in range(seeds)]
        turned = False
        size = 1 if self.protocol.alternate == "picture" else seeds * repeats
        for start in range(0, len(rounds), size):
            line = range(contestants)
            for contestant in reversed(line) if turned else line:
                for prompt, seed, repeat in rounds[start : start + size]:
                    yield prompt, seed, contestant, repeat
            turned = not turned

    def with_steps(self, steps: Mapping[int, int], notes: Iterable[str]) -> Plan:
        """Give the plan settled, with the steps that a trial found for the contestants."""
        settled = tuple(
            replace(one, ground=one.ground.replace(steps=steps.get(number, one.ground.steps)))
            for number, one in enumerate(self.contestants)
        )
        return replace(self, contestants=settled, settled=True, notes=(*self.notes, *notes))

    def told(self) -> str:
        """Give it as the store keeps it."""
        return json.dumps(
            {
                "version": 1,
                "prompts": [list(prompt) for prompt in self.prompts],
                "seeds": [str(seed) for seed in self.seeds],
                "labels": [one.label for one in self.contestants],
                "grounds": [one.ground.canonical_json() for one in self.contestants],
                "protocol": json.loads(self.protocol.to_json()),
                "settled": self.settled,
                "notes": list(self.notes),
                "clip": self.clip,
                "erased": self.erased,
            },
            ensure_ascii=False,
        )

    @classmethod
    def read(cls, text: str) -> Plan:
        """Read what the store keeps."""
        told = json.loads(text)
        grounds = map(GenerationRequest.from_json, told["grounds"])
        return cls(
            tuple(Prompt(*one) for one in told["prompts"]),
            tuple(map(int, told["seeds"])),
            tuple(Contestant(label, ground) for label, ground in zip(told["labels"], grounds, strict=True)),
            Protocol.of(told["protocol"] | {"match": tuple(told["protocol"]["match"])}),
            settled=bool(told["settled"]),
            notes=tuple(told["notes"]),
            clip=told["clip"],
            erased=bool(told.get("erased")),
        )


def plan(
    prompts: Any,  # noqa: ANN401 - it is found out here what they are
    contestants: Any,  # noqa: ANN401 - the same
    *,
    seeds: Any = 1,  # noqa: ANN401 - the same
    protocol: Any = None,  # noqa: ANN401 - the same
    clip: str | os.PathLike[str] | None = None,
    limit: int | None = LIMIT,
    place: Path | None = None,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Plan:
    """Plan a comparison; parameters as for `zimage_lab.compare.start`. Nothing is made.

    Raises
    ------
    InvalidRequest
        Something of it cannot be.
    """
    way = Protocol.of(protocol)
    asked = _prompts(prompts)
    entrants = read_contestants(contestants, options, asked[0].text, way, place)
    folder = None if clip is None else str(clip_score.checked(clip))
    made = Plan(asked, _seeds(seeds), entrants, way, settled="time" not in way.match, clip=folder)
    if limit is not None and made.count > checked_integer("limit", limit, 1, 10**9):
        shape = " x ".join(map(str, made.shape))
        what = f"{made.count:,} pictures ({shape}) are more than the limit of {limit:,}"
        field, fix = "limit", "Give fewer prompts, seeds or repeats, or a higher limit."
        raise InvalidRequest(field, limit, what, fix)
    return replace(made, notes=tuple(_warnings(made, place)))


def _warnings(made: Plan, place: Path | None) -> list[str]:
    """Hold each prompt against each contestant's card; gives what must be known, each sentence once."""
    found: dict[str, None] = {}
    for number, contestant in enumerate(made.contestants):
        entry = models.find(contestant.model, place)
        if entry.path is None:
            field, what = "models", f"the weights of {entry.id} are not on this machine"
            raise InvalidRequest(field, entry.id, what, "Get them first: zimage-lab models.")
        for prompt in range(len(made.prompts)):
            found |= dict.fromkeys(models.check(made.request((prompt, 0, number, 0)), entry, place=place))
    return list(found)


def _prompts(value: object) -> tuple[Prompt, ...]:
    """Read prompts: one, several, or a mapping from each to its meaning in plain English."""
    field, fix = "prompts", "Give texts, or a mapping from each text to its meaning in plain English."
    if isinstance(value, str):
        found = [Prompt(value)]
    elif isinstance(value, Mapping):
        found = [Prompt(text, meaning) for text, meaning in value.items()]
    elif isinstance(value, Iterable):
        found = [Prompt(*one) if isinstance(one, tuple) and len(one) == 2 else Prompt(one) for one in value]  # noqa: PLR2004
    else:
        raise InvalidRequest(field, value, f"{shown(value)} are no prompts", fix)
    if not found:
        raise InvalidRequest(field, value, "there is none", fix)
    for prompt in found:
        checked_text("prompt", prompt.text, limit=20_000)
        if prompt.meaning is not None:
            checked_text("meaning", prompt.meaning, limit=20_000)
    texts = [prompt.text for prompt in found]
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise InvalidRequest(field, value, f"{shown(twice)} stands twice", "Give each prompt once; use repeats.")
    return tuple(found)


def _seeds(value: object) -> tuple[int, ...]:
    """Read seeds: how many, or which."""
    field = "seeds"
    if isinstance(value, Iterable) and not isinstance(value, str):
        found = tuple(checked_integer(field, seed, *SEED_RANGE) for seed in value)
    else:
        first, count = secrets.randbits(32), checked_integer(field, value, 1, 10_000)
        found = tuple(first + number for number in range(count))
    if not found:
        raise InvalidRequest(field, value, "there is none", "Give a number of seeds, or the seeds.")
    if len(set(found)) < len(found):
        raise InvalidRequest(field, value, "one stands twice", "Give each seed once; use repeats.")
    return found
