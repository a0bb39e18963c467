"""A stub engine in a process of its own: `python http_engine.py HOME`; ends by a signal."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from stub_engine import StubEngine

if __name__ == "__main__":
    engine = StubEngine(Path(sys.argv[1]))
    engine.pictures = "--pictures" in sys.argv
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()
