"""Lets `python -m zimage_lab.cli` do what `zimage-lab` does, also where no script was installed."""

from __future__ import annotations

from zimage_lab.cli.command import main

if __name__ == "__main__":
    raise SystemExit(main())
