"""How the panel looks: JupyterLab's own variables, so that it follows every theme, and an 8 px rhythm."""

from __future__ import annotations

CSS = """
.zl-panel { --jp-widgets-inline-height: 32px; }
.zl-panel { container-type: inline-size; width: 100%; max-width: 1280px; min-width: 0; box-sizing: border-box;
  padding: 8px 16px 16px; overflow: clip; color: var(--jp-ui-font-color1, #212121);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: var(--jp-ui-font-size1, 13px); }
.zl-panel .jupyter-widgets { margin: 0; min-width: 0; }
.zl-panel .widget-box { overflow: visible; box-sizing: border-box; }
.zl-panel .widget-html, .zl-panel .widget-html-content { width: 100%; height: auto; min-height: 0; line-height: 1.4;
  font-size: inherit; overflow-wrap: anywhere; }
.zl-panel .widget-html-content { align-self: auto; }
.zl-grid { display: grid !important; gap: 0 24px; grid-template-columns: minmax(0, 1fr);
  grid-template-areas: "what" "go" "view" "set"; }
.zl-left { display: contents !important; }
@container (min-width: 700px) {
  .zl-grid { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); grid-template-areas: "left view"; }
  .zl-left { display: flex !important; grid-area: left; }
  .zl-settings > .zl-fold-head { display: none !important; }
  .zl-settings.zl-shut > .zl-fold-body { display: flex !important; }
  .zl-settings > .zl-fold-body { padding: 8px 0; }
}
.zl-top { display: flex; flex-flow: row wrap !important; align-items: flex-end; gap: 0 16px;
  margin-bottom: 8px !important; }
.zl-top > .zl-model { flex: 0 1 320px; }
.zl-top > .zl-status { flex: 1 1 200px; width: auto; }
.zl-top > .zl-model-note, .zl-top > .zl-download { flex: 1 1 100%; }
.jp-OutputArea-child:has(.zl-slot),
.jp-OutputArea-child:has(.jp-RenderedImage img[width]):has(~ .jp-OutputArea-child .zl-panel) { display: none; }
.zl-what { grid-area: what; } .zl-settings { grid-area: set; } .zl-go { grid-area: go; } .zl-view { grid-area: view; }

/* tabs and what they show */
.zl-tabs { flex: 0 1 auto; gap: 4px; flex-flow: row wrap !important; min-width: 0; }
.zl-panel .zl-tab { height: 32px; padding: 0 12px; background: none; color: var(--jp-ui-font-color2, #616161);
  border-radius: 0; border-bottom: 2px solid transparent; }
@container (max-width: 400px) { .zl-panel .zl-tabs > .zl-tab { padding: 0 8px; } }
.zl-panel .zl-tab:hover { background: var(--jp-layout-color2, #eee); box-shadow: none; }
.zl-panel .zl-tab.zl-on { color: var(--jp-ui-font-color1, #212121);
  border-bottom-color: var(--jp-brand-color1, #1976d2); }
.zl-search .zl-row { flex-flow: row wrap !important; }
.zl-search .zl-row > .zl-field { flex: 1 1 120px; }
.zl-line { flex: 1 1 auto; width: auto !important; line-height: 32px; color: var(--jp-ui-font-color2, #616161); }
.zl-line .widget-html-content { line-height: 32px !important; font-variant-numeric: tabular-nums; }
.zl-empty { padding: 48px 0; text-align: center; color: var(--jp-ui-font-color2, #616161); }
.zl-empty:not(:has(.widget-html-content:not(:empty))) { display: none; }
.zl-viewer { display: grid !important; gap: 8px 24px; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 700px) { .zl-viewer { grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); } }
.zl-bar-line { gap: 8px; align-items: center; padding: 4px 12px; margin-bottom: 8px !important; border-radius: 2px;
  background: var(--jp-layout-color2, #eee); }
.zl-bar-line > .jupyter-button { flex: 0 0 auto; }
.zl-bar-line > .widget-html { flex: 1 1 auto; width: auto !important; }
.zl-panel .zl-save:any-link { color: var(--jp-content-link-color, #1565c0); text-decoration: underline; }

/* fields: the label above, the whole width, a line under them for what is wrong */
.zl-panel .zl-field { flex: 1 1 0; width: auto; height: auto; flex-direction: column; align-items: stretch; }
.zl-panel .zl-field > .widget-label { width: auto; height: 20px; line-height: 20px; margin: 0; text-align: left;
  color: var(--jp-ui-font-color2, #616161); }
.zl-panel input, .zl-panel textarea, .zl-panel select { width: 100%; box-sizing: border-box; border-radius: 2px;
  font: inherit; }
.zl-panel input, .zl-panel select { height: 32px; flex: 0 0 auto; }
.zl-panel .zl-field textarea { height: 72px; line-height: 1.4; padding: 6px 8px; resize: vertical;
  font-family: inherit; font-size: var(--jp-content-font-size1, 14px); }
.zl-panel :disabled { opacity: 0.6; }
/* the arrow of ipywidgets' lists is dark in every theme */
[data-jp-theme-light="false"] .zl-panel { --jp-widgets-dropdown-arrow: url("data:image/svg+xml,%3Csvg \
xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E%3Cpath fill='%23bdbdbd' \
d='M5.2 7.2 9 10.9l3.8-3.7 1 1.1L9 13.1 4.2 8.3z'/%3E%3C/svg%3E"); }
.zl-panel .zl-field.zl-wrong input, .zl-panel .zl-field.zl-wrong textarea, .zl-panel .zl-field.zl-wrong select {
  border-color: var(--jp-error-color1, #d32f2f); }
.zl-panel .zl-field.zl-hand > .widget-label::after { content: ""; display: inline-block; width: 6px; height: 6px;
  margin-left: 6px; vertical-align: 1px; border-radius: 3px; background: var(--jp-ui-font-color2, #616161); }
.zl-row { gap: 8px; align-items: flex-end; }
.zl-panel .zl-under { min-height: 16px; }
.zl-panel .zl-prompt .zl-under { min-height: 32px; margin-top: 4px; }
.zl-text { font-size: var(--jp-ui-font-size0, 11px); line-height: 16px; color: var(--jp-ui-font-color2, #616161); }
.zl-text.zl-error { color: var(--jp-error-color1, #d32f2f); }
.zl-text.zl-warn { color: var(--jp-warn-color0, #b25c00); }
.jp-mod-dark .zl-text.zl-warn, [data-jp-theme-light="false"] .zl-text.zl-warn { color: var(--jp-warn-color1, #ffb74d); }
.zl-cut mark { color: var(--jp-error-color1, #d32f2f); background: none; text-decoration: line-through; }
.zl-caption { font-size: var(--jp-ui-font-size1, 13px); line-height: 20px; color: var(--jp-ui-font-color2, #616161); }
.zl-node { margin-top: 10px; padding-left: 10px; border-left: 2px solid var(--jp-border-color2, #e0e0e0); }
.zl-node .zl-caption { font-weight: 600; color: var(--jp-ui-font-color1, #212121); }
.zl-prompt { position: relative; }
.zl-prompt > .zl-count { position: absolute; top: 0; right: 0; width: auto; line-height: 20px; }
.zl-count .widget-html-content { line-height: 20px !important; color: var(--jp-ui-font-color2, #616161);
  font-variant-numeric: tabular-nums; }

/* buttons */
.zl-panel .jupyter-button { height: 32px; line-height: 32px; width: auto; border-radius: 2px; box-shadow: none;
  padding: 0 12px; font-size: inherit; }
.zl-panel .jupyter-button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
/* ipywidgets put the number of chosen files behind the words; here a file is taken at once, and the number is 0 */
.zl-panel .widget-upload { font-size: 0; }
.zl-panel .widget-upload > i { font-size: var(--jp-ui-font-size1, 13px); }
.zl-panel .widget-upload::after { content: attr(title); font-size: var(--jp-ui-font-size1, 13px); }
.zl-panel .zl-after { display: inline-flex; flex-direction: row-reverse; gap: 4px; align-items: center; }
.zl-panel .zl-icon { flex: 0 0 32px; width: 32px; padding: 0; }
.zl-panel .zl-icon.mod-active { color: var(--jp-brand-color1, #1976d2); }
.zl-panel .zl-generate { flex: 1 1 auto; background: var(--jp-brand-color1, #1976d2);
  color: var(--jp-ui-inverse-font-color1, #fff); font-weight: 600; }
.zl-panel .zl-generate:hover { background: var(--jp-brand-color0, #1565c0); }
.zl-panel .zl-cancel { flex: 0 0 96px; }
.zl-panel .zl-fold-head { align-self: stretch; height: 28px; line-height: 28px; padding: 0; background: none;
  text-align: left; overflow: hidden; text-overflow: ellipsis; color: var(--jp-ui-font-color1, #212121); }
.zl-panel .zl-fold-head:hover { background: var(--jp-layout-color2, #eee); box-shadow: none; }
.zl-panel .zl-fold-head i { width: 14px; color: var(--jp-ui-font-color2, #616161); }
.zl-fold-body { padding: 0 0 8px 18px; }
.zl-gone { display: none !important; }
.zl-shut > .zl-fold-body { display: none !important; }
.zl-chips { flex-flow: row wrap !important; gap: 4px; }
.zl-panel .zl-chip { height: 24px; line-height: 24px; padding: 0 8px; border-radius: 12px; }
.zl-panel .zl-chip.zl-on { box-shadow: inset 0 0 0 1px var(--jp-brand-color1, #1976d2); }
.zl-list { flex-direction: column !important; align-items: stretch; gap: 0; }
.zl-panel .zl-list .zl-chip { align-self: stretch; height: auto; min-height: 24px; padding: 2px 8px; border-radius: 2px;
  background: none; text-align: left; white-space: normal; line-height: 20px;
  color: var(--jp-content-link-color, #1565c0); }
.zl-panel .zl-list .zl-chip:hover { background: var(--jp-layout-color2, #eee); box-shadow: none; }

/* a sweep: what it starts from beside what varies, and its board below */
.zl-sweep-form { display: grid !important; gap: 8px 24px; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 700px) { .zl-sweep-form { grid-template-columns: minmax(0, 4fr) minmax(0, 7fr); } }
.zl-sweep-base { align-items: flex-start; }
.zl-sweep-base > .zl-saved { align-self: stretch; flex: 0 0 auto; margin-top: 8px !important; max-width: 320px; }
.zl-panel .zl-axis > .zl-row > .zl-field:first-child { flex: 0 1 168px; }
.zl-panel .zl-axis > .zl-row > .zl-field:nth-child(2) { flex: 0 1 144px; }
.zl-panel .zl-add-axis { align-self: flex-start; }
.zl-sweep-go { gap: 8px; align-items: flex-start; margin-top: 8px !important; }
.zl-sweep-go > .widget-vbox { flex: 0 0 96px; }
.zl-panel .zl-sweep-go > .zl-generate, .zl-panel .zl-sweep-go > .widget-toggle-button { margin-top: 20px; }
.zl-sweep-told { gap: 8px; align-items: center; flex-flow: row wrap !important; min-height: 32px; }
.zl-sweep-told > .zl-plan { flex: 1 1 240px; width: auto !important; font-variant-numeric: tabular-nums; }
.zl-panel .zl-sweep-told > .mod-active { background: var(--jp-warn-color1, #f57c00); color: #fff; }
.zl-compare .zl-field textarea { height: 128px; }
.zl-compare-go { gap: 8px; align-items: flex-start; margin-top: 8px !important; flex-flow: row wrap !important; }
.zl-compare-go > .widget-vbox { flex: 1 1 280px; }
.zl-compare-go > .widget-vbox > .zl-row > .zl-field:first-child { flex: 0 1 96px; }
.zl-panel .zl-compare-go > .zl-generate { flex: 1 1 160px; margin-top: 20px; }
.zl-compare-table { overflow-x: auto; }
.zl-panel .zl-compare-table table { border-collapse: collapse; margin: 0; font-size: inherit; }
.zl-panel .zl-compare-table th, .zl-panel .zl-compare-table td { padding: 4px 16px 4px 0; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; background: none; white-space: normal; max-width: 320px; }
.zl-panel .zl-compare-table th { font-weight: 400; color: var(--jp-ui-font-color2, #616161); }
.zl-panel .zl-compare-table tr { background: none !important; }
.zl-run { border-top: 1px solid var(--jp-border-color2, #e0e0e0); margin-top: 8px !important; padding-top: 8px; }
.zl-run-head { gap: 8px 16px; align-items: center; flex-flow: row wrap !important; }
.zl-run-head > .zl-run-line { flex: 1 1 280px; width: auto; }
.zl-run .zl-run-line .zl-state { margin-top: 0; }

/* the picture: its frame never changes, whatever it holds */
.zl-frame { position: relative; width: 100%; aspect-ratio: 1; max-height: min(70vh, 576px); min-height: 160px;
  background: var(--jp-layout-color2, #eee); border-radius: 2px; }
.zl-panel .zl-frame > img.widget-image { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain;
  max-width: none; }
.zl-panel .zl-frame.zl-blank > img.widget-image { visibility: hidden; }
.zl-panel .zl-frame.zl-cancelled > img.widget-image { filter: grayscale(1); opacity: 0.5; }
.zl-panel .zl-frame > .widget-html { position: absolute; inset: 0; display: flex; pointer-events: none; }
.zl-frame > .widget-html > .widget-html-content { margin: auto; text-align: center; padding: 16px;
  color: var(--jp-ui-font-color2, #616161); }
.zl-state { height: 20px; line-height: 20px; margin-top: 8px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
.zl-bar { height: 4px; border-radius: 2px; background: var(--jp-layout-color3, #e0e0e0); overflow: hidden; }
.zl-bar > div { height: 100%; background: var(--jp-brand-color1, #1976d2); transition: width 0.1s linear; }
.zl-bar.zl-rest { background: transparent; }
.zl-panel .zl-summary { min-height: 40px; margin-top: 8px; }
.zl-alt { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.zl-summary b { font-weight: 400; color: var(--jp-ui-font-color1, #212121); display: -webkit-box;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 2; overflow: hidden; }
.zl-summary span { color: var(--jp-ui-font-color2, #616161); font-size: var(--jp-ui-font-size0, 11px);
  user-select: text; }
.zl-actions { gap: 8px; flex-flow: row wrap !important; margin: 8px 0 !important; }
.zl-panel dl.zl-recipe { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 16px; margin: 0;
  user-select: text;
  font-size: var(--jp-ui-font-size0, 11px); }
.zl-panel .zl-recipe dt { float: none; width: auto; margin: 0; font-weight: 400; line-height: 16px;
  color: var(--jp-ui-font-color2, #616161); }
.zl-panel .zl-recipe dd { float: none; width: auto; margin: 0; line-height: 16px; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.zl-panel pre { margin: 0; padding: 8px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: text;
  background: var(--jp-cell-editor-background, #f5f5f5); color: var(--jp-content-font-color1, #212121);
  font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px); line-height: 1.4; }
.zl-copy { margin-top: 8px; height: 28px; padding: 0 12px; border: 0; border-radius: 2px; cursor: pointer;
  font: inherit;
  background: var(--jp-layout-color2, #eee); color: var(--jp-ui-font-color1, #212121); }
.zl-failure { margin-top: 8px; padding: 8px 12px; border-left: 3px solid var(--jp-error-color1, #d32f2f);
  background: var(--jp-layout-color2, #eee); user-select: text; }
.zl-failure strong { display: block; font-weight: 600; } .zl-failure p { margin: 4px 0 0; }
.zl-failure details { margin-top: 8px; } .zl-failure summary { cursor: pointer; }
.zl-panel .zl-row > img.zl-reference { flex: 0 0 96px; width: 96px; height: 96px; object-fit: contain;
  border-radius: 2px; background: var(--jp-layout-color2, #eee); }
.zl-panel .zl-row > img.zl-reference.zl-blank { display: none; }
.zl-panel .zl-row > img.zl-reference.zl-wrong { outline: 1px solid var(--jp-error-color1, #d32f2f); }
.zl-strip { flex-flow: row wrap !important; gap: 8px; }
.zl-thumb { position: relative; width: 64px; height: 64px; }
.zl-panel .zl-thumb > .jupyter-button { width: 64px; height: 64px; padding: 0;
  background: var(--jp-layout-color2, #eee); }
.zl-panel .zl-thumb > img.widget-image { position: absolute; inset: 0; width: 64px; height: 64px; object-fit: contain;
  pointer-events: none; border-radius: 2px; }
.zl-panel .zl-thumb.zl-on > .jupyter-button { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
.zl-tiles { display: grid !important; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); }
.zl-panel .zl-tile { width: 100%; height: auto; aspect-ratio: 1; }
.zl-panel .zl-tile > .jupyter-button { position: absolute; inset: 0; width: 100%; height: 100%; }
.zl-panel .zl-tile > img.widget-image { width: 100%; height: 100%; max-width: none; }
.zl-panel .zl-tile > img.widget-image[src$="base64,"], .zl-panel .zl-tile > img:not([src]) { visibility: hidden; }
.zl-tile.zl-star::after { content: "\\f005"; font-family: FontAwesome; position: absolute; top: 4px; right: 6px;
  color: #fff; text-shadow: 0 0 3px rgba(0, 0, 0, 0.8); pointer-events: none; }
.zl-panel .zl-status .widget-html-content { line-height: 32px; text-align: right;
  color: var(--jp-ui-font-color2, #616161); font-variant-numeric: tabular-nums; }
@container (max-width: 699px) { .zl-panel .zl-status .widget-html-content { text-align: left; } }
"""
"""The panel's style sheet; every rule begins at one of the panel's own classes."""


def style_element() -> str:
    """Give the style sheet as an HTML element; it holds nothing but constants."""
    return f"<style>{CSS}</style>"
