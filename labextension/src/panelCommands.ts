/** Commands for what the panel's own buttons do, so that the keyboard and the palette reach them. */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { Studio } from './studio';
import { Words } from './words';

const CATEGORY = 'Z-Image';
const PANEL = '.zl-panel';

/** Add the commands; `open` shows the studio when no panel is to be seen, `studios` lists those that are open. */
export function addPanelCommands(
  app: JupyterFrontEnd,
  text: Words,
  open: () => Promise<unknown>,
  studios: () => Studio[],
  palette: ICommandPalette | null
): void {
  const buttons: [string, string, string][] = [
    ['zimage-lab:generate', text.generate, '.zl-generate'],
    ['zimage-lab:draw-seed', text.drawSeed, '.zl-dice'],
    ['zimage-lab:favourite', text.favourite, '.zl-viewer .zl-favourite']
  ];
  for (const [id, label, selector] of buttons) {
    app.commands.addCommand(id, {
      label,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => seen(selector)?.click()
    });
    palette?.addItem({ command: id, category: CATEGORY });
  }
  app.commands.addCommand('zimage-lab:cancel', {
    label: text.cancel,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => {
      const shown = panel();
      const owner = studios().find(studio => studio.node.contains(shown));
      // A panel below a cell has its button only; a studio has a way that no cell blocks.
      return owner ? owner.cancel() : shown?.querySelector<HTMLElement>('.zl-cancel')?.click();
    }
  });
  palette?.addItem({ command: 'zimage-lab:cancel', category: CATEGORY });
  app.commands.addCommand('zimage-lab:focus-prompt', {
    label: text.focusPrompt,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      if (!panel()) {
        await open();
      }
      turn(1);
      panel()?.querySelector<HTMLElement>('.zl-prompt textarea')?.focus();
    }
  });
  palette?.addItem({ command: 'zimage-lab:focus-prompt', category: CATEGORY });
  app.commands.addCommand('zimage-lab:tab', {
    label: args => [text.create, text.sweep, text.compare, text.gallery][Number(args['number'] ?? 1) - 1] ?? text.create,
    describedBy: { args: { type: 'object', properties: { number: { type: 'number' } }, required: ['number'] } },
    execute: args => turn(Number(args['number']))
  });
  for (const number of [1, 2, 3, 4]) {
    palette?.addItem({ command: 'zimage-lab:tab', category: CATEGORY, args: { number } });
  }
  app.commands.addCommand('zimage-lab:thumbnail', {
    label: text.nextThumbnail,
    describedBy: { args: { type: 'object', properties: { step: { type: 'number' } }, required: ['step'] } },
    execute: args => walk(Number(args['step']))
  });
  // The text boxes of ipywidgets keep every key to themselves, so keys typed in one are looked at before they get there.
  const typed = (event: KeyboardEvent) => {
    const box = (event.target as Element | null)?.closest(`${PANEL} textarea, ${PANEL} input`);
    if (box && !event.isComposing) {
      app.commands.processKeydownEvent(event);
    }
  };
  document.addEventListener('keydown', typed, true);
}

/** The panel that has the focus, or else the first one that is to be seen. */
function panel(): HTMLElement | null {
  const focused = document.activeElement?.closest<HTMLElement>(PANEL);
  const shown = Array.from(document.querySelectorAll<HTMLElement>(PANEL)).find(one => one.offsetParent !== null);
  return focused ?? shown ?? null;
}

/** The panel's button of a kind: the one that is to be seen, where each tab has its own. */
function seen(selector: string): HTMLElement | null {
  const all = Array.from(panel()?.querySelectorAll<HTMLElement>(selector) ?? []);
  return all.find(one => one.offsetParent !== null) ?? all[0] ?? null;
}

function turn(number: number): void {
  panel()?.querySelectorAll<HTMLElement>('.zl-tab')[number - 1]?.click();
}

/** Move the focus to a neighbour of the thumbnail that has it. */
function walk(step: number): void {
  const row = document.activeElement?.closest('.zl-tiles, .zl-strip');
  const all = Array.from(row?.querySelectorAll<HTMLElement>('.zl-thumb:not(.zl-gone) > button') ?? []);
  all[all.indexOf(document.activeElement as HTMLElement) + step]?.focus();
}
