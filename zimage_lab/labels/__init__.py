"""AI labels: what an exported picture says of itself in a form that machines read.

A label is a claim, and anybody may write or remove one. So the words here are "label written" and "unverified claim";
only a C2PA signature can be checked, and what counts as a duty where is not for a program to say.
"""

from __future__ import annotations

from zimage_lab.labels.formats import FORMATS, encoded, format_of, parameters_of
from zimage_lab.labels.read import Labels, read_labels
from zimage_lab.labels.write import DEFAULT, KINDS, checked_kinds, label_png, prepare

__all__ = [
    "DEFAULT",
    "FORMATS",
    "KINDS",
    "Labels",
    "checked_kinds",
    "encoded",
    "format_of",
    "label_png",
    "parameters_of",
    "prepare",
    "read_labels",
]
