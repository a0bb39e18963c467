"""One page that holds a whole comparison: how it was measured, on what, what came of it, and what raters said."""

from __future__ import annotations

from zimage_lab.compare.report.writing import write

__all__ = ["write"]
