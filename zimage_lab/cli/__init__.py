"""The shell face: `zimage-lab ...`; one file per group of commands, none of which imports torch before it must."""

from __future__ import annotations

from zimage_lab.cli.command import main

__all__ = ["main"]
