"""Many pictures from a table: planned as a whole, made one job each, resumed where they stopped.

batch = zimage_lab.batch.start(engine, "prompts.csv", template="{product}, white background", output_dir="out")
batch.wait().frame()
"""

from __future__ import annotations

from zimage_lab.batch.cell import Cell
from zimage_lab.batch.plan import Plan, plan
from zimage_lab.batch.run import Batch, start

__all__ = ["Batch", "Cell", "Plan", "plan", "start"]
