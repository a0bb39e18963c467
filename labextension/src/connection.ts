/**
 * Says since when the connection to the kernel is lost, and does not give up: JupyterLab itself waits up to a minute
 * between two tries, and stops after the seventh. What the kernel did meanwhile comes with the next connection.
 */
import { ISessionContext } from '@jupyterlab/apputils';
import { Kernel } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';

import { Words } from './words';

/** A shorter break is nothing that a person need read of: a kernel that restarts has one. */
const SILENT_MILLISECONDS = 1500;
/** Longer than a connection takes on a slow line: a new try ends the one before. */
const RETRY_MILLISECONDS = 5000;

export class ConnectionLine extends Widget {
  constructor(words: Words) {
    super();
    this._words = words;
    this.addClass('zimage-studio-offline');
    this.node.setAttribute('role', 'status');
    this.hide();
    this._retry = this._retry.bind(this);
    window.addEventListener('online', this._retry);
  }

  override dispose(): void {
    window.removeEventListener('online', this._retry);
    this.follow(null);
    super.dispose();
  }

  /** Watch a session that is connected, or nothing. */
  follow(session: ISessionContext | null): void {
    this._session?.connectionStatusChanged.disconnect(this._onStatus, this);
    this._session = session;
    session?.connectionStatusChanged.connect(this._onStatus, this);
    this._end();
  }

  private _onStatus(_: unknown, status: Kernel.ConnectionStatus): void {
    if (status === 'connected') {
      this._end();
    } else if (!this._timer) {
      this._since = new Date();
      this._shower = window.setTimeout(() => this._say(), SILENT_MILLISECONDS);
      this._timer = window.setInterval(this._retry, RETRY_MILLISECONDS);
    }
  }

  private _say(): void {
    const time = this._since.toLocaleTimeString();
    this.node.textContent = this._words.offline.replace('{time}', time);
    this.show();
  }

  private _retry(): void {
    const kernel = this._session?.session?.kernel;
    if (this._timer && kernel && !kernel.isDisposed) {
      kernel.reconnect().catch(() => undefined); // the next try comes by itself
    }
  }

  private _end(): void {
    window.clearTimeout(this._shower);
    window.clearInterval(this._timer);
    this._timer = this._shower = 0;
    this.hide();
  }

  private _session: ISessionContext | null = null;
  private _shower = 0;
  private _since = new Date();
  private _timer = 0;
  private _words: Words;
}
