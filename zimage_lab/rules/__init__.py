"""Rules on results: the next seed while a picture is not good enough, and the best of several.

    found = rules.until(engine, "a red circle", sharpness, at_least=0.8)
    found.wait().best

What is good says the scorer: any Python function that takes a `GeneratedImage` and gives a number, more being better.
It may raise or give NaN; such a picture has no score, is never the best, and the frame says why.
"""

from __future__ import annotations

from zimage_lab.rules.ask import best_of, until
from zimage_lab.rules.candidate import Candidate
from zimage_lab.rules.search import NothingScored, Search

__all__ = ["Candidate", "NothingScored", "Search", "best_of", "until"]
