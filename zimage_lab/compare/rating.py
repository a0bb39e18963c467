"""A blind session as plain data: which pictures come next, what was said of them, and nothing that names a model.

The session's salt, drawn when it begins, decides by hashes in which order the questions come and who stands left: no
two raters have the same, and the same rater finds the session as it was left. Each round asks once about every pair of
models, so that few votes are spread evenly. Pictures are handed out as pixels alone: no name, recipe or time is inside,
and of two sizes the larger is made smaller.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.store.votes import Votes, holding
from zimage_lab.values import checked_integer, checked_text

if TYPE_CHECKING:
    from PIL import Image

    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.compare.results import Result
    from zimage_lab.store.votes import SessionRow, Vote

Kind: TypeAlias = Literal["pairs", "stars"]
CHOICES = ("left", "right", "tie")
RATER_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What a rater is shown.

    Attributes
    ----------
    id
        What an answer names; it says nothing of the models.
    number, of
        Which one it is of how many.
    prompt
        What the pictures should show.
    pictures
        PNG files without any text inside: left and right, or one for stars.
    """

    id: str
    number: int
    of: int
    prompt: str
    pictures: tuple[bytes, ...]


class _Unit(NamedTuple):
    """A question with what nobody may see."""

    place: str
    shown: tuple[Result, ...]


class Session:
    """Somebody's session; as the value of a cell in Jupyter it shows itself.

    Parameters
    ----------
    comparison
        What is rated.
    row
        As the store has it.
    units
        Its questions, in order.
    """

    def __init__(self, comparison: Comparison, row: SessionRow, units: list[_Unit]) -> None:
        self.rater, self.kind = row.rater, row.kind
        self._comparison, self._row, self._units, self._home = comparison, row, units, comparison.home
        self._prompts = tuple(prompt.text for prompt in comparison.plan.prompts)
        self._asked: tuple[str, float] | None = None

    @classmethod
    def open(cls, comparison: Comparison, rater: str, kind: Kind = "pairs") -> Session:
        """Begin a session, or go on with it; parameters as for `Comparison.rate`."""
        if kind not in get_args(Kind):
            field = "kind"
            raise InvalidRequest(field, kind, f"{shown(kind)} cannot be rated", suggestion(kind, get_args(Kind)))
        name = checked_text("rater", rater, limit=RATER_CHARACTERS).strip()
        made = [one for one in comparison.results() if one.image is not None and one.index[3] == 0]
        with Votes(comparison.home) as store:
            row = store.session(comparison.id, name, kind) if made else None
        units = [] if row is None else _ordered(made, row)
        if row is None or not units:
            field, what = "comparison", "has no pictures that could be rated yet"
            raise InvalidRequest(field, comparison.name, what, "Wait for it, or resume it.")
        return cls(comparison, row, units)

    def __repr__(self) -> str:
        return f"Session({self.rater!r}, {self.kind}: {self.answered} of {len(self._units)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython asks
        from zimage_lab.compare.ballot import Ballot

        data, metadata = Ballot(self._comparison, self)._repr_mimebundle_(**options)
        return {**data, "text/plain": repr(self)}, metadata

    @property
    def answered(self) -> int:
        """Number of questions that were answered or skipped."""
        known = {unit.place for unit in self._units}
        return sum(vote.question in known for vote in self._holding())

    def next(self) -> Question | None:
        """Give the question that is open, the same until it is answered; None at the end."""
        found = self._open()
        if found is None:
            return None
        number, unit = found
        name = self._name(unit)
        if self._asked is None or self._asked[0] != name:
            self._asked = name, time.monotonic()
        prompt = self._prompts[unit.shown[0].index[0]]
        return Question(name, number, len(self._units), prompt, _pixels(unit.shown))

    def answer(self, said: str | int, question: str | None = None) -> None:
        """Answer the open question.

        Parameters
        ----------
        said
            "left", "right" or "tie"; of stars 1 to 5.
        question
            Id of the question that is meant; None means the open one. One that was answered already, as by a second
            click, is left as it is.

        Raises
        ------
        InvalidRequest
            It cannot be an answer, or the question is not of this session.
        """
        if self.kind == "stars":
            self._cast("stars", question, stars=checked_integer("stars", said, 1, 5))
            return
        if said not in CHOICES:
            field = "choice"
            raise InvalidRequest(field, said, f"{shown(said)} is no answer", suggestion(str(said), CHOICES))
        self._cast("pair", question, choice=str(said))

    def skip(self, question: str | None = None) -> None:
        """Leave the open question out; it is not counted and not asked again, unless it is taken back."""
        self._cast("skip", question)

    def undo(self) -> bool:
        """Take the latest answer back, so that its question is asked again; False where there is none."""
        votes = self._holding()
        if not votes:
            return False
        last = votes[-1]
        with Votes(self._home) as store:
            records = (last.left_record, last.right_record)
            store.cast(self._row, "undo", last.question, last.number, records, about=last.id)
        self._asked = None
        return True

    def _cast(self, kind: str, question: str | None, choice: str | None = None, stars: int | None = None) -> None:
        found = self._open()
        if question is not None and (found is None or question != self._name(found[1])):
            if any(self._name(unit) == question for unit in self._units):
                return  # answered before: a second click, another tab
            field = "question"
            raise InvalidRequest(field, question, "is no question of this session", "Ask for the next one.")
        if found is None:
            field = "question"
            raise InvalidRequest(field, None, "everything is answered", "undo() takes the latest answer back.")
        number, unit = found
        asked = self._asked
        seconds = time.monotonic() - asked[1] if asked is not None and asked[0] == self._name(unit) else None
        left, right = [one.record.id if one.record is not None else "" for one in unit.shown], None
        records = (left[0], left[1] if len(left) > 1 else right)
        with Votes(self._home) as store:
            store.cast(self._row, kind, unit.place, number, records, choice=choice, stars=stars, seconds=seconds)
        self._asked = None

    def _open(self) -> tuple[int, _Unit] | None:
        answered = {vote.question for vote in self._holding()}
        return next(((n, unit) for n, unit in enumerate(self._units, 1) if unit.place not in answered), None)

    def _holding(self) -> list[Vote]:
        with Votes(self._home) as store:
            return holding(store.of_session(self._row.id))

    def _name(self, unit: _Unit) -> str:
        return _hash(self._row.salt, "name", unit.place)[:16]


def _ordered(made: list[Result], row: SessionRow) -> list[_Unit]:
    """List the questions in the session's order: in each round every pair of models, or every model, once."""
    lines: dict[tuple[int, ...], list[_Unit]] = {}
    by_place: dict[tuple[int, int], list[Result]] = {}
    for one in made:
        by_place.setdefault(one.index[:2], []).append(one)
    together = 2 if row.kind == "pairs" else 1
    for (prompt, seed), results in by_place.items():
        for chosen in itertools.combinations(results, together):
            contestants = tuple(one.index[2] for one in chosen)
            place = ".".join(map(str, (prompt, seed, *contestants)))
            turned = int(_hash(row.salt, "side", place)[:2], 16) % 2 == 1
            lines.setdefault(contestants, []).append(_Unit(place, chosen[::-1] if turned else chosen))
    for line in lines.values():
        line.sort(key=lambda unit: _hash(row.salt, "order", unit.place))
    found = []
    for number in range(max(map(len, lines.values()), default=0)):
        names = sorted(lines, key=lambda name: _hash(row.salt, f"round {number}", str(name)))
        found += [lines[name][number] for name in names if number < len(lines[name])]
    return found


def _hash(salt: str, use: str, text: str) -> str:
    return hashlib.sha256(f"{salt}/{use}/{text}".encode()).hexdigest()


def _pixels(results: tuple[Result, ...]) -> tuple[bytes, ...]:
    """Give pictures as PNG files of nothing but pixels, none larger than the smallest."""
    pictures = [one.image.image for one in results if one.image is not None]
    edge = min(max(picture.size) for picture in pictures)
    return tuple(_png(picture, edge) for picture in pictures)


def _png(picture: Image.Image, edge: int) -> bytes:
    bare = picture.convert("RGB")
    bare.info.clear()
    bare.thumbnail((edge, edge))
    buffer = io.BytesIO()
    bare.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
