"""Models side by side: measured in the same way, rated without their names, and put into a table that says how.

    comparison = engine.compare(prompts, models=["miniature-turbo", "miniature-sd"], seeds=range(4))
    comparison.wait().table()           # the article's table, from what was measured; `frame()` has every picture
    session = comparison.rate("Ann")    # a blind session as plain data: `next()`, `answer("left")`, `skip()`, `undo()`
    comparison.preferences()            # Davidson's model with intervals; `opinions()`, `agreement()`, `votes()`
    comparison.report("report.html")    # one page, from the store alone
    rules.best_of(engine, "a red cat", 8, comparison.scorer())

`engine.compare(prompts, curve("miniature-turbo", [1, 2, 4, 8]))` shows what steps buy: the report draws quality against
seconds. `Comparison.load(name)` finds one again; `saved()` lists them; `resume()` makes what is missing. `plan(...)`
takes what `engine.compare` takes and begins nothing.
"""

from __future__ import annotations

from zimage_lab.compare.beginning import saved, start
from zimage_lab.compare.comparison import Comparison
from zimage_lab.compare.curve import curve
from zimage_lab.compare.plan import Plan, plan
from zimage_lab.compare.preference import Pair, Preference, preference
from zimage_lab.compare.protocol import Protocol
from zimage_lab.compare.rating import Question, Session

__all__ = [
    "Comparison",
    "Pair",
    "Plan",
    "Preference",
    "Protocol",
    "Question",
    "Session",
    "curve",
    "plan",
    "preference",
    "saved",
    "start",
]
