"""A blind session as a widget of Jupyter: it hands out questions and takes answers, and tells the page of no model.

The page holds nothing: loaded anew, it asks which question is open, which is the one that was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from zimage_lab.compare.ballot.texts import words
from zimage_lab.compare.language import chosen
from zimage_lab.compare.rating import Session
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.store.votes import Votes

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.compare.comparison import Comparison

_PARTS = Path(__file__).parent


class Ballot(anywidget.AnyWidget):
    """Pairs or stars of blinded pictures, by one rater after the other.

    Parameters
    ----------
    comparison
        The comparison.
    session
        The session that it begins with; None asks for a name first.
    language
        "en" or "zh"; None takes the environment's.

    Raises
    ------
    InvalidRequest
        There is no such language.
    """

    _esm = (_PARTS / "ballot.js").read_text(encoding="utf-8")
    _css = (_PARTS / "ballot.css").read_text(encoding="utf-8")

    words = traitlets.Dict().tag(sync=True)

    def __init__(self, comparison: Comparison, session: Session | None = None, *, language: str | None = None) -> None:
        self.comparison, self.session = comparison, session
        self._voted: list[Callable[[], None]] = []
        super().__init__(words=words(chosen(language)))
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return f"Ballot of {self.comparison.name!r}: run this cell to rate"

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython asks
        made: Any = super()._repr_mimebundle_(**options)
        data, metadata = made if isinstance(made, tuple) else (made, {})
        return {**(data or {}), "text/plain": repr(self)}, metadata

    def on_vote(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each answer and each one that is taken back."""
        self._voted.append(callback)

    def _hear(self, _: object, content: Any, __: object) -> None:  # noqa: ANN401 - what a page sent
        if not isinstance(content, dict):
            return
        try:
            self._do(content)
        except InvalidRequest as error:
            known = {"rater": "no_name", "comparison": "nothing"}.get(error.field)
            long = error.field == "rater" and bool(str(content.get("rater", "")).strip())
            self.send({"kind": "trouble", "text": self.words[known] if known and not long else str(error)})
        except ZImageError as error:
            self.send({"kind": "trouble", "text": str(error)})

    def _do(self, content: dict[str, Any]) -> None:
        kind, session, question = content.get("kind"), self.session, content.get("question")
        if kind == "begin":
            self.session = Session.open(self.comparison, content.get("rater", ""), content.get("way", "pairs"))
        elif kind == "leave":
            self.session = None
        elif session is not None and kind in {"answer", "skip"} and isinstance(question, str):
            if kind == "skip":
                session.skip(question)
            else:
                session.answer(content.get("said", ""), question)
        elif session is not None and kind == "undo":
            session.undo()
        self._ask()
        if kind in {"answer", "skip", "undo"}:
            for callback in self._voted:
                callback()

    def _ask(self) -> None:
        """Send the question that is open; where there is none, say so."""
        session = self.session
        if session is None:
            with Votes(self.comparison.home) as store:
                raters = {vote.rater for vote in store.of(self.comparison.id)}
            self.send({"kind": "name", "raters": sorted(raters)})
            return
        question, told = session.next(), {"rater": session.rater, "answered": session.answered}
        if question is None:
            self.send({"kind": "end", **told})
            return
        told |= {"question": question.id, "number": question.number, "of": question.of, "prompt": question.prompt}
        self.send({"kind": "question", **told}, list(question.pictures))
