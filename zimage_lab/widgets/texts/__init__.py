"""Every text of the panel, in English and in Chinese, so that no other file holds words that a person reads."""

from __future__ import annotations
