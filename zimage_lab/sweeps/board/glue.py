"""The few lines that run in the page beside a board, because ipycanvas does not do what they do.

They tell the kernel how wide the board is, how fine the screen, and which colours the theme has. They give Tab, and
keys with Ctrl, Alt or Cmd, to the page and its shortcuts, where ipycanvas keeps every key; leave the wheel to the page
until the board is clicked on; and hold the pointer's moves to forty a second.
The text is a constant. Where a page forbids it, a board has a width and colours of its own, and works.
"""

from __future__ import annotations

import html
import json
import math
from dataclasses import fields
from typing import Any

from zimage_lab.sweeps.board.colours import VARIABLES, Colours

SCRIPT = """
(function go(self, tries) {
  const board = self.closest('.zl-board'), box = board?.querySelector('.zl-board-told input');
  const canvas = board?.querySelector('canvas.zl-board-canvas');
  if (!box || !canvas) { if (tries < 200) setTimeout(() => go(self, tries + 1), 50); return; }
  if (board.zlGlued === canvas) return;
  board.zlGlued = canvas;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', self.dataset.label);
  const brush = document.createElement('canvas').getContext('2d'), body = document.body;
  const tell = () => {
    if (!board.clientWidth) return;
    const style = getComputedStyle(board), told = {
      width: board.clientWidth, height: innerHeight, ratio: devicePixelRatio,
      light: body.dataset.jpThemeLight ? body.dataset.jpThemeLight !== 'false'
        : !matchMedia('(prefers-color-scheme: dark)').matches
    };
    for (const [name, variable] of Object.entries(VARIABLES)) {
      const value = style.getPropertyValue(variable).trim();
      if (value) { brush.fillStyle = '#000'; brush.fillStyle = value; told[name] = brush.fillStyle; }
    }
    const text = JSON.stringify(told);
    if (text === box.value) return;
    box.value = text;
    for (const kind of ['input', 'change']) box.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  let waits = 0;
  const soon = () => { clearTimeout(waits); waits = setTimeout(tell, 60); };
  new ResizeObserver(soon).observe(board);
  const theme = new MutationObserver(() => canvas.isConnected ? setTimeout(tell, 300) : theme.disconnect());
  theme.observe(body, { attributes: true, attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] });
  const passes = /^(Tab|F\\d+)$/;
  const ours = event => !(event.ctrlKey || event.metaKey || event.altKey || passes.test(event.key));
  const hold = (kind, keeps) => board.addEventListener(kind, event => {
    if (event.target === canvas && !keeps(event)) event.stopPropagation();
  }, true);
  const onward = event => board.dispatchEvent(new KeyboardEvent('keydown', event)) || event.preventDefault();
  hold('keydown', event => ours(event) || void onward(event));
  hold('wheel', event => document.activeElement === canvas || event.ctrlKey);
  let moved = 0;
  hold('mousemove', event => event.timeStamp - moved > 25 && (moved = event.timeStamp));
  tell();
})(this, 0)
"""

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
"""A picture of one pixel, whose coming begins the script: an HTML widget runs none by itself."""

NUMBERS = {"width": (160.0, 8192.0), "height": (200.0, 8192.0), "ratio": (0.5, 4.0)}


def element(label: str) -> str:
    """Give the HTML that does it all; `label` is what a screen reader calls the board."""
    script = SCRIPT.replace("VARIABLES", json.dumps(VARIABLES))
    return (
        f'<img class="zl-board-glue" alt="" src="{PIXEL}" data-label="{html.escape(label)}" '
        f'onload="{html.escape(" ".join(script.split()))}">'
    )


def read(text: str) -> dict[str, Any]:
    """Read what the page told; what it cannot have told is left out."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    found: dict[str, Any] = {}
    for name, (least, most) in NUMBERS.items():
        value = told.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            found[name] = min(max(float(value), least), most)
    if isinstance(told.get("light"), bool):
        found["light"] = told["light"]
    return found | {one.name: str(told[one.name])[:64] for one in fields(Colours) if one.name in told}
