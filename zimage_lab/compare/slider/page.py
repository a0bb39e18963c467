"""The slider as one HTML file that asks nobody for anything: pictures, words and what moves them are inside.

Whatever a person wrote goes into it as data, which the page puts there as text; its script and style are named by their
hashes in its security policy, so that nothing else runs even where a text should slip through.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import labels as labelling
from zimage_lab.compare.embedded import embedded
from zimage_lab.compare.report.writing import checked
from zimage_lab.compare.slider import told
from zimage_lab.compare.slider.widget import part
from zimage_lab.store.images import write_whole
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from zimage_lab.compare.comparison import Comparison

STYLE = """
html { background: var(--jp-layout-color1); }
:root { color-scheme: light dark; --jp-layout-color1: #fff; --jp-layout-color2: #eef0f2; --jp-layout-color3: #dfe3e7;
  --jp-ui-font-color1: #1d2329; --jp-ui-font-color2: #5f6975; --jp-border-color1: #c3cad1; --jp-brand-color1: #1f6feb; }
@media (prefers-color-scheme: dark) { :root { --jp-layout-color1: #14171a; --jp-layout-color2: #1f2429;
  --jp-layout-color3: #2b3138; --jp-ui-font-color1: #e6e9ec; --jp-ui-font-color2: #9aa4af; --jp-border-color1: #3a424a;
  --jp-brand-color1: #6cb0ff; } }
body { margin: 0 auto; padding: 16px; max-width: 1280px; box-sizing: border-box; background: var(--jp-layout-color1);
  font: 13px/1.4 system-ui, -apple-system, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 18px; font-weight: 600; margin: 0 0 12px; color: var(--jp-ui-font-color1); overflow-wrap: anywhere; }
"""

SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
const load = async (place) => (data.pictures[place] ? `data:image/webp;base64,${data.pictures[place]}` : null);
stage(document.getElementById("slider"), data, load, () => {});
"""


def write(
    comparison: Comparison,
    path: str | os.PathLike[str],
    *,
    pixels: int = 1024,
    language: str = "en",
    view: dict[str, Any] | None = None,
) -> Path:
    """Write the page; parameters as for `Slider.save`, and the view that it begins with."""
    place, edge = checked(path), checked_integer("pixels", pixels, 32, 2048)
    kinds = labelling.prepare(labelling.DEFAULT, homes.settings(comparison.home))
    write_whole(place, page(comparison, edge, kinds, language, view or {}).encode(errors="replace"))
    return place


def page(comparison: Comparison, edge: int, kinds: tuple[str, ...], language: str, view: dict[str, Any]) -> str:
    """Put the page together."""
    images = embedded(comparison, edge, kinds)
    places = told.places(comparison.plan)
    data = told.told(comparison.plan, language) | {
        "states": told.states(comparison, language),
        "view": view,
        "pictures": {number: images[index][0] for number, index in enumerate(places) if index in images},
    }
    style, script = STYLE + part("slider.css"), part("stage.js") + SCRIPT
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_hash(style)}';"
        f" script-src 'sha256-{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    title = html.escape(f"{comparison.name}: {' / '.join(comparison.labels)}")
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><style>{style}</style></head><body><h1>{title}</h1><div id="slider"></div>'
        f'<script id="data" type="application/json">{_harmless(json.dumps(data, ensure_ascii=False))}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def _harmless(text: str) -> str:
    """Give JSON that ends no element and begins no comment of the page around it."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
