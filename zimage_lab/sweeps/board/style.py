"""How a board looks around its canvas: JupyterLab's own variables, so that it follows every theme."""

from __future__ import annotations

CSS = """
.zl-board { width: 100%; min-width: 0; box-sizing: border-box; overflow: hidden; gap: 4px;
  color: var(--jp-ui-font-color1, #212121); font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  font-size: var(--jp-ui-font-size1, 13px); }
.zl-board canvas.zl-board-canvas { display: block; width: 100%; max-width: 100%; margin: 2px 0; box-sizing: border-box;
  border-radius: 2px; touch-action: none; }
.zl-board canvas.zl-board-canvas:focus { outline: none; }
.zl-board canvas.zl-board-canvas:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2);
  outline-offset: -2px; }
.zl-board .zl-board-tools { display: flex; flex-flow: row wrap !important; gap: 4px; align-items: center;
  overflow: visible; }
.zl-board .zl-board-tools .jupyter-button { width: auto; min-width: 32px; height: 32px; line-height: 32px; margin: 0;
  padding: 0 8px; border-radius: 2px; box-shadow: none; font-size: inherit; }
.zl-board .zl-board-tools .jupyter-button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2);
  outline-offset: 1px; }
.zl-board .zl-board-tools .widget-dropdown { width: auto; height: 32px; margin: 0 4px 0 0; align-items: center; }
.zl-board .zl-board-tools .widget-dropdown > .widget-label { width: auto; margin: 0 8px 0 0;
  color: var(--jp-ui-font-color2, #616161); }
.zl-board .zl-board-tools select { width: auto; min-width: 80px; max-width: 160px; height: 32px; flex: 0 1 auto;
  text-overflow: ellipsis; }
.zl-board .zl-board-gap { flex: 1 1 0; min-width: 0; }
.zl-board .zl-board-pager { display: flex; flex-flow: row nowrap; align-items: center; gap: 4px; overflow: visible;
  max-width: 100%; min-width: 0; }
.zl-board .zl-board-pager .widget-html { flex: 0 1 auto; width: auto; min-width: 0; margin: 0 4px; }
.zl-board .widget-html-content { line-height: 20px; font-size: inherit; overflow-wrap: anywhere; }
.zl-board .zl-board-caption, .zl-board .zl-board-caption .widget-html-content { height: auto; min-height: 20px;
  margin: 0; font-variant-numeric: tabular-nums; }
.zl-board .zl-board-crew { height: auto; margin: 0; font-variant-numeric: tabular-nums;
  color: var(--jp-ui-font-color2, #616161); }
.zl-board .zl-board-hint { margin: 0; font-size: var(--jp-ui-font-size0, 11px); line-height: 16px;
  color: var(--jp-ui-font-color2, #616161); }
.zl-board .zl-board-told { position: absolute; width: 0; height: 0; overflow: hidden; display: none; }
.zl-board .zl-board-glue { display: none; }
.jp-OutputArea-child:has(.zl-board-slot),
.jp-OutputArea-child:has(.jp-RenderedImage img[width]):has(+ .jp-OutputArea-child .zl-board) { display: none; }
.zl-board .zl-board-off { display: none !important; }
.zl-board .mod-active.zl-board-star { color: var(--jp-warn-color1, #ffb300); }
"""
"""The board's style sheet; every rule begins at one of its own classes."""


def element() -> str:
    """Give the style sheet as an HTML element; it holds nothing but constants."""
    return f"<style>{CSS}</style>"
