"""The panel: the studio's face in a notebook and in JupyterLab's main area; it asks the engine and never draws."""

from __future__ import annotations

from zimage_lab.widgets.bringing import bring, drop
from zimage_lab.widgets.panel import Panel, cancel, panel

__all__ = ["Panel", "bring", "cancel", "drop", "panel"]
