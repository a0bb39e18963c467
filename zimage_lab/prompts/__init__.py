"""What people write before there is a request: templates and their tables, wildcards, styles."""

from __future__ import annotations

from zimage_lab.prompts.enhancement import enhance
from zimage_lab.prompts.expansion import Written, expand

__all__ = ["Written", "enhance", "expand"]
