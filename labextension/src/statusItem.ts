/** A word in the status bar: what the studio's engine does; a click opens the studio. */
import { IStatusBar } from '@jupyterlab/statusbar';
import { Widget } from '@lumino/widgets';

import { Words } from './words';

const STATUS = '.zl-status';
const STATE = '.zl-state';
const STEPS = /\d/;

export class StatusItem extends Widget {
  constructor(text: Words, open: () => unknown) {
    super({ node: document.createElement('button') });
    this._text = text;
    this.addClass('zimage-status');
    this.node.title = text.caption;
    this.node.textContent = text.title;
    this.node.addEventListener('click', () => void open());
  }

  /** Follow the panel inside of a widget, or nothing. */
  follow(studio: Widget | null): void {
    this._observer?.disconnect();
    this._observer = null;
    if (studio) {
      this._observer = new MutationObserver(() => this._read(studio));
      this._observer.observe(studio.node, { subtree: true, childList: true, characterData: true });
      studio.disposed.connect(() => this.follow(null));
      this._read(studio);
    } else if (!this.isDisposed) {
      this.node.textContent = this._text.title;
    }
  }

  override dispose(): void {
    this._observer?.disconnect();
    super.dispose();
  }

  /** The panel says it all in one line; a step is told beside it while there is one. */
  private _read(studio: Widget): void {
    const told = (selector: string) => studio.node.querySelector(selector)?.textContent?.trim() ?? '';
    const running = studio.node.querySelector('.zl-bar:not(.zl-rest)') && STEPS.test(told(STATE));
    const line = [told(STATUS), running ? told(STATE) : ''].filter(Boolean).join(' · ') || this._text.title;
    if (this.node.textContent !== line) {
      this.node.textContent = line;
    }
  }

  private _observer: MutationObserver | null = null;
  private _text: Words;
}

/** Put it into the status bar. */
export function addStatusItem(bar: IStatusBar | null, item: StatusItem): void {
  bar?.registerStatusItem('zimage-lab:status', { item, align: 'right', rank: 100 });
}
