"""Pictures along axes: every combination of the values given, one job each, as data that a cell can hold.

    sweep = engine.sweep("a red cat on the left", seeds=range(4), steps=[4, 8], prompt_replace={"cat": ["dog"]})
    for cell in sweep: ...          # as they end; `async for`, `sweep.wait()` and `await sweep` as well
    sweep.frame()                   # a pandas data frame at any time

What a view needs of a `Sweep`:

- `axes`: tuple of `Axis` (`name`, `kind`, `values`, `labels`), in the order they were given, the seeds last;
  `shape`: number of values on each; `name`, `id`, `state`, `done`, `counts`, `progress`.
- `cells`: a sequence of `Cell`, made when asked for; `cell(*index)`: the one at a place on each axis.
- `Cell`: `index` (stays when axes are extended), `number`, `values`, `labels`, `request`, and as they are when asked:
  `state`, `job`, `progress`, `preview`, `image`, `error`, `seconds`, `record_id`, `path`; `rerun()`.
- `subscribe(changed)`: calls `changed(cell)` after each change of a state, a step or a preview, on a thread of its own;
  gives the function that ends it.
- `pause()`, `resume()`, `cancel()`, `extend(steps=[12])`, `where(steps=8)`, `frame()`, `metrics("sharpness")`.
- `workers`: a `WorkerLine` for each (`name`, `device`, `state`, `cells`, `per_minute`, `drawing`); `str` gives a line.
- `Sweep.load(name)`: one that was saved; each is, by name, from its beginning. `saved()` lists them.
- `plan(prompt, ...)`: takes what `engine.sweep` takes and tells `count`, `pixels` and `seconds` without beginning.
"""

from __future__ import annotations

from zimage_lab.sweeps.axis import Axis
from zimage_lab.sweeps.beginning import saved, start
from zimage_lab.sweeps.cell import Cell
from zimage_lab.sweeps.cluster import Engines, Ray, WorkerLine
from zimage_lab.sweeps.executors import stop as stop_workers
from zimage_lab.sweeps.plan import Plan, plan
from zimage_lab.sweeps.sweep import Sweep

__all__ = ["Axis", "Cell", "Engines", "Plan", "Ray", "Sweep", "WorkerLine", "plan", "saved", "start", "stop_workers"]
