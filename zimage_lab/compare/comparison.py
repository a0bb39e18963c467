"""A comparison as a person holds it: waited for, looked at, rated, and found again by its name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, get_args, overload

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.compare import measures, results
from zimage_lab.compare.cells import Cells
from zimage_lab.compare.plan import Plan
from zimage_lab.compare.rating import Session
from zimage_lab.compare.summary import Across, summaries
from zimage_lab.compare.work import Work
from zimage_lab.engine.gradual import CANCEL_SECONDS, Gradual
from zimage_lab.engine.pace import Progress, stage, told
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.comparisons import Comparisons
from zimage_lab.store.steering import Steering

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from PIL import Image

    from zimage_lab.compare.ballot import Ballot
    from zimage_lab.compare.opinion import Opinion
    from zimage_lab.compare.preference import Preference
    from zimage_lab.compare.rating import Kind
    from zimage_lab.compare.results import Result
    from zimage_lab.compare.scoring import Scorer
    from zimage_lab.compare.slider import Slider
    from zimage_lab.compare.summary import Summary
    from zimage_lab.compare.votes_file import Taken
    from zimage_lab.engine.desk import Desk
    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.comparisons import Index
    from zimage_lab.store.gradual import Row


class Comparison(Gradual["Result"]):
    """Models on the same prompts, being measured.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the pictures as they end with `for` or
    `async for`, look at `frame()` and `table()` at any time. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the comparison: the `parent_id` of its jobs and records.
    name
        Its name in the home.
    home
        The home folder.
    created_at
        When it was begun.
    plan
        Its prompts, seeds, contestants and protocol.
    """

    KIND = "comparison"

    def __init__(self, row: Row, home: Path, engine: Desk | None = None) -> None:
        self.id, self.name, self.home, self.created_at = row.id, row.name, home, row.created_at
        self.plan = Plan.read(row.told)
        self._engine, self._cells = engine, Cells(self.plan.shape)
        self._work: Work | None = None

    @classmethod
    def load(cls, name: str, *, engine: Desk | None = None, home: str | os.PathLike[str] | None = None) -> Comparison:
        """Find a comparison of the home by its name or id, as it is now; `resume()` makes what is missing.

        Parameters
        ----------
        name
            Name or id.
        engine
            Who shall make what is missing; None loads one when it is needed.
        home
            The home folder; None takes the engine's, or the usual one.

        Raises
        ------
        InvalidRequest
            There is no such comparison.
        """
        place = homes.home(home) if engine is None or home is not None else engine.home
        with Comparisons(place) as store:
            row = store.get(name)
            found = cls(row, place, engine)
            found._cells.read(store.cells(row.id))
        return found

    def __repr__(self) -> str:
        labels = " against ".join(one.label for one in self.plan.contestants)
        return f"Comparison({self.name!r}, {labels}: {told(self.counts)})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        return {"text/plain": repr(self), "text/html": self.table().to_html(escape=True)}

    @property
    def labels(self) -> tuple[str, ...]:
        """The contestants' names."""
        return tuple(one.label for one in self.plan.contestants)

    @property
    def state(self) -> str:
        """What it does: running, paused, cancelled, done, or stopped: pictures are missing, nobody here makes them."""
        with Comparisons(self.home) as store:
            wish = store.wished(self.id)
        if wish == "pause" and self._cells.left:
            return "paused"
        if not self.done:
            return "running"
        return "done" if not self._cells.left else "cancelled" if wish == "cancel" else "stopped"

    @property
    def counts(self) -> dict[str, int]:
        """Number of pictures in each state, only states that occur."""
        return self._cells.counts

    @property
    def progress(self) -> Progress:
        """How far it is."""
        count, left = self.plan.count, self._cells.left
        return Progress(stage(count - left, count, self.counts, None), count - left, count, None)

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview of the picture that is being drawn, or None."""
        job = None if self._work is None else self._work.job
        return None if job is None else job.preview

    def pause(self) -> None:
        """Begin no more pictures, and give the device free; what runs ends."""
        with Comparisons(self.home) as store:
            store.wish(self.id, "pause")

    def resume(self) -> Comparison:
        """Go on: make what is missing, failed and cancelled pictures too. What is made is not made again.

        Raises
        ------
        InvalidRequest
            Its prompts were erased, or a model of it is gone.
        """
        if self.plan.erased:
            field, what = "comparison", f"the prompts of {self.name} were erased"
            raise InvalidRequest(field, self.name, what, "Begin a new one.")
        for number in range(len(self.plan.contestants)):
            models.check(self.plan.request((0, 0, number, 0)), place=self.home)
        with Comparisons(self.home) as store:
            if self._work is not None and store.wished(self.id) == "cancel":
                self._work.done.wait(CANCEL_SECONDS)  # it ends within a step; what it was making is then tried again
            store.wish(self.id, "run")
            if not self.done:
                return self
            self.plan = Plan.read(store.get(self.id).told)
            self._cells = Cells(self.plan.shape)
            self._cells.read(store.cells(self.id))
        self._cells.open_again()
        return self._go()

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what is done stays. Harmless at the end."""
        with Comparisons(self.home) as store, Steering(self.home) as line:
            if self._cells.left:
                store.wish(self.id, "cancel")
            if self._work is not None:
                self._work.cancel()
            line.cancel_all(self.id)

    def results(self) -> list[Result]:
        """Give what came of every picture, as the store has it now."""
        return results.read(self.plan, self.id, self.home)

    def records(self) -> dict[Index, RunRecord]:
        """Give the records of the pictures that were made, by prompt, seed, contestant and repeat."""
        return {one.index: one.record for one in self.results() if one.record is not None}

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give a row for each picture: what it is of, state, seconds by stage, peaks, arithmetic, figures, path."""
        return results.frame(self.plan, self.results())

    def summary(self) -> list[Summary]:
        """Sum up what was measured of each contestant."""
        every = self.results()
        with Comparisons(self.home) as store:
            figures = store.figures(self.id)
        failed = Counter(
            one.index[2] for one in every if one.state not in {"waiting", "queued", "running", "succeeded"}
        )
        found = {one.index: one.record for one in every if one.record is not None}
        return summaries(self.plan, found, figures, failed)

    def table(self, language: str = "en") -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """Give the article's table from what was measured: a column for each contestant, every cell a text.

        Parameters
        ----------
        language
            "en" or "zh".
        """
        from zimage_lab.compare import table

        return table.table(self, language)

    def slider(self, *, left: str | None = None, right: str | None = None, language: str | None = None) -> Slider:
        """Give a widget that compares two contestants' pictures by eye: wiped, side by side, in turns, subtracted.

        Parameters
        ----------
        left, right
            Labels of the two that are seen first; None takes the first two.
        language
            "en" or "zh"; None takes the environment's.

        Raises
        ------
        InvalidRequest
            There is no such contestant.
        """
        from zimage_lab.compare.slider import Slider

        return Slider(self, left=left, right=right, language=language)

    @overload
    def rate(self, rater: str, kind: Kind = "pairs") -> Session: ...
    @overload
    def rate(self, rater: None = None) -> Ballot: ...
    def rate(self, rater: str | None = None, kind: Kind = "pairs") -> Session | Ballot:
        """Begin or go on with a blind session.

        Parameters
        ----------
        rater
            Who votes; a name that the votes are kept under. None gives a widget that asks for name and kind, for one
            rater after the other.
        kind
            "pairs" or "stars".

        Returns
        -------
        Session or Ballot
            A session is plain data, `session.next()`, `session.answer("left")`, and as the value of a cell the same
            widget.

        Raises
        ------
        InvalidRequest
            There is nothing to rate, or the name cannot be.
        """
        if rater is None:
            from zimage_lab.compare.ballot import Ballot

            return Ballot(self)
        return Session.open(self, rater, kind)

    def votes(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """Give every vote as it was cast, with who, when, side and order; `counts` says which ones hold."""
        from zimage_lab.compare import verdicts

        return verdicts.frame(self)

    def save_votes(self, path: str | os.PathLike[str]) -> Path:
        """Write all votes as a `.json` or `.csv` file; gives its absolute path. Details: `compare.votes_file.write`."""
        from zimage_lab.compare import votes_file

        return votes_file.write(self, path)

    def load_votes(self, path: str | os.PathLike[str]) -> Taken:
        """Keep the votes of such a file, too; gives how many were new. Details: `compare.votes_file.read`.

        Raises
        ------
        InvalidRequest
            They are of another comparison or of pictures that are not part of this one; none was kept.
        """
        from zimage_lab.compare import votes_file

        return votes_file.read(self, path)

    def preferences(self, **options: Any) -> Preference:  # noqa: ANN401 - those of `preference`
        """Fit Davidson's model to the votes of pairs; options are those of `compare.preference.preference`."""
        from zimage_lab.compare import verdicts

        return verdicts.preferences(self, **options)

    def opinions(self) -> dict[str, Opinion]:
        """Give the mean opinion score of each contestant."""
        from zimage_lab.compare import verdicts

        return verdicts.opinions(self)

    def agreement(self) -> dict[str, float]:
        """Give Krippendorff's alpha of the votes of pairs and of the stars; NaN where nothing was rated twice."""
        from zimage_lab.compare import verdicts

        return verdicts.agreement(self)

    def scorer(self) -> Scorer:
        """Give a scorer for `rules.best_of`, learned from the votes.

        Raises
        ------
        InvalidRequest
            There are too few votes to learn from.
        """
        from zimage_lab.compare import scoring

        return scoring.scorer(self)

    def curve(self, across: Across = "seconds") -> Any:  # noqa: ANN401 - an IPython.display.SVG, which has no types
        """Draw quality against seconds or steps, with a line through the settings of each model.

        Quality is the share of pictures that are as their prompts say, with its interval at 95 %; where no picture can
        be judged, how often raters preferred it. Contestants of several steps are made by `zimage_lab.compare.curve`.

        Parameters
        ----------
        across
            "seconds" or "steps".

        Returns
        -------
        IPython.display.SVG
            A picture as the value of a cell; its text is `curve().data`.

        Raises
        ------
        InvalidRequest
            There is nothing to draw yet: no picture was judged, and nobody voted. Or `across` is something else.
        """
        from IPython.display import SVG

        from zimage_lab.compare.report import parts, plots

        if across not in get_args(Across):
            field = "across"
            raise InvalidRequest(field, across, f"{shown(across)} is no cost", 'Use "seconds" or "steps".')
        drawn = parts.curve(self.summary(), self.preferences(), across)
        if not drawn:
            what, fix = "no picture was judged, and nobody voted", "Wait for the pictures, or rate them first."
            raise InvalidRequest(self.name, None, what, fix)
        return SVG(plots.alone(drawn))  # type: ignore[no-untyped-call]

    def report(self, path: str | os.PathLike[str], **options: Any) -> Path:  # noqa: ANN401 - those of `write`
        """Write one HTML page that needs nothing else, from the store alone; options as for `compare.report.write`."""
        from zimage_lab.compare.report.writing import write

        return write(self, path, **options)

    @property
    def _standing(self) -> Cells:
        return self._cells

    def _go(self) -> Comparison:
        if self._engine is None or self._engine.stopped:
            from zimage_lab.engine import load

            self._engine = load(home=self.home)
        self._work = Work(self._engine, self.id, self.plan, self._cells, settled=self._settled, measured=self._measure)
        self._work.begin()
        return self

    def _settled(self, plan: Plan) -> None:
        self.plan = plan
        with Comparisons(self.home) as store:
            store.retell(self.id, plan.told(), plan.count)

    def _measure(self) -> None:
        """Measure what is not measured yet."""
        with Comparisons(self.home) as store:
            known = {figure.record_id for figure in store.figures(self.id)}
            missing = [(index, record) for index, record in self.records().items() if record.id not in known]
            store.put_figures(measures.measure(self.plan, missing, self.home))

    def _ended_since(self, position: int) -> list[Result]:
        with self._cells.changed:
            places = self._cells.ended[position:]
        return results.read(self.plan, self.id, self.home, places) if places else []
