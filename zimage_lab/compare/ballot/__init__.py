"""A blind session as a person sees it: two pictures or one, a question, and nothing that says who drew them."""

from __future__ import annotations

from zimage_lab.compare.ballot.widget import Ballot

__all__ = ["Ballot"]
