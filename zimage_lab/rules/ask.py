"""The two rules as they are asked for; everything is checked before anything begins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.request import SEED_RANGE, GenerationRequest
from zimage_lab.rules.search import Search
from zimage_lab.values import checked_integer, checked_real

if TYPE_CHECKING:
    from zimage_lab.engine import Engine, RemoteEngine
    from zimage_lab.rules.search import Scorer

MOST = 1000
"""Most pictures of one search."""


def until(
    engine: Engine | RemoteEngine,
    request: GenerationRequest | str,
    score: Scorer,
    at_least: float,
    tries: int = 8,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Search:
    """Try the next seed while no picture scores enough; returns at once.

    Parameters
    ----------
    engine
        Who makes the pictures.
    request
        The first one, or its prompt; the others have the seeds that follow.
    score
        Takes a `GeneratedImage`, gives a number; more is better.
    at_least
        The score that ends the search.
    tries
        Most pictures, 1 to 1000.
    **options
        Fields of the request.

    Raises
    ------
    InvalidRequest
        When something of it cannot be; nothing was begun.
    """
    tries = checked_integer("tries", tries, 1, MOST)
    at_least = checked_real("at_least", at_least, -math.inf, math.inf)
    return Search(engine, _seeds(engine, request, tries, options), _checked(score), at_least=at_least, keep=1)


def best_of(
    engine: Engine | RemoteEngine,
    request: GenerationRequest | str,
    n: int,
    score: Scorer,
    keep: int = 1,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Search:
    """Make several pictures with consecutive seeds and pick the best; returns at once. No picture is removed.

    Parameters
    ----------
    engine, request, score, **options
        As for `until`.
    n
        Number of pictures, 1 to 1000.
    keep
        How many `kept` holds.

    Raises
    ------
    InvalidRequest
        When something of it cannot be; nothing was begun.
    """
    n = checked_integer("n", n, 1, MOST)
    keep = checked_integer("keep", keep, 1, n)
    return Search(engine, _seeds(engine, request, n, options), _checked(score), at_least=None, keep=keep)


def _seeds(
    engine: Engine | RemoteEngine, request: GenerationRequest | str, count: int, options: dict[str, Any]
) -> list[GenerationRequest]:
    if isinstance(request, GenerationRequest):
        first = request.replace(**options) if options else request
    else:
        first = models.build(request, place=engine.home, **{"model": engine.model, **options})
    models.check(first, place=engine.home)
    return [first.replace(seed=(first.seed + step) % (SEED_RANGE[1] + 1)) for step in range(count)]


def _checked(score: object) -> Scorer:
    if not callable(score):
        field = "score"
        raise InvalidRequest(field, score, f"{shown(score)} is no function", "Give one that takes a GeneratedImage.")
    return score
