/**
 * The studio's tab: finds or starts the kernel, asks it for the panel, and says what is going on when there is none.
 * The panel itself is Python's; it is rebuilt from the engine's state each time, so a reload loses nothing.
 */
import { SessionContext } from '@jupyterlab/apputils';
import { OutputArea, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Kernel, ServiceManager } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { Panel, Widget } from '@lumino/widgets';

import { connectWidgets, outputArea } from './widgetHost';
import { Words } from './words';

const CODE = 'from zimage_lab import panel; panel()';
/** A reload finds its session, and so its kernel, by this path. */
const SESSION_PATH = 'zimage-studio';
/** The kernel that start.sh makes; a plain installation has only the one of its own Python. */
const KERNELS = ['zimage-lab', 'python3'];
const RESTORE_MILLISECONDS = 500;

export interface StudioOptions {
  services: ServiceManager.IManager;
  rendermime: IRenderMimeRegistry;
  words: Words;
}

export class Studio extends Panel {
  constructor(options: StudioOptions) {
    super();
    this.addClass('zimage-studio');
    this._options = options;
    this._notice = new Widget();
    this._notice.addClass('zimage-studio-notice');
    this._notice.node.setAttribute('role', 'status');
    this.addWidget(this._notice);
    void this.start();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._disconnect(); // the kernel lives on: a model may be in it, and a picture under way
      super.dispose();
    }
  }

  /** Connect to the kernel, or start one, and show the panel. Never throws: a failure is shown with a Retry. */
  async start(): Promise<void> {
    const { words } = this._options;
    this._disconnect();
    this._say(words.starting, words.startingHint);
    try {
      await this._connect();
    } catch (error) {
      this._say(words.noKernel, `${reason(error)}\n${words.noKernelHint}`, () => this._startAfresh());
      return;
    }
    await this._showPanel();
  }

  private async _connect(): Promise<void> {
    const { services, rendermime, words } = this._options;
    await services.kernelspecs.ready;
    const known = services.kernelspecs.specs?.kernelspecs ?? {};
    const session = new SessionContext({
      kernelManager: services.kernels,
      sessionManager: services.sessions,
      specsManager: services.kernelspecs,
      path: SESSION_PATH,
      name: words.title,
      type: 'console',
      kernelPreference: { name: KERNELS.find(name => name in known), language: 'python', autoStartDefault: true }
    });
    this._session = session;
    await session.initialize();
    await session.ready;
    await answer(session, words);
    if (this.isDisposed || session !== this._session) {
      return; // closed, or started again, while we waited
    }
    const own = rendermime.clone();
    this._widgets = connectWidgets(session, own);
    this._output = outputArea(own);
    this._output.addClass('zimage-studio-output');
    this._output.hide();
    this.addWidget(this._output);
    session.statusChanged.connect(this._onStatus, this);
  }

  private async _showPanel(): Promise<void> {
    const { words } = this._options;
    const session = this._session;
    const output = this._output;
    if (!session || !output) {
      return;
    }
    try {
      const reply = await OutputArea.execute(CODE, output, session);
      if (reply?.content.status === 'error') {
        const { ename, evalue } = reply.content;
        throw new Error(
          ename === 'ModuleNotFoundError' && evalue.includes("'zimage_lab'")
            ? words.noPackage.replace('{kernel}', session.kernelDisplayName)
            : `${ename}: ${evalue}`
        );
      }
      this._notice.hide();
      output.show();
    } catch (error) {
      if (!this.isDisposed && !this._restarting && session === this._session) {
        output.hide();
        this._say(words.noPanel, reason(error), () => this._startAfresh());
      }
    }
  }

  private _onStatus(_: unknown, status: Kernel.Status): void {
    const { words } = this._options;
    // "starting" is all that is heard of a restart that another client asked for.
    if (status === 'restarting' || status === 'autorestarting' || status === 'starting') {
      this._output?.hide();
      this._say(words.restarting, words.restartingHint);
      this._restoreSoon();
    } else if (status === 'dead') {
      window.clearTimeout(this._timer);
      this._restarting = false;
      this._output?.hide();
      this._say(words.stopped, words.stoppedHint, () => this._startAfresh());
    }
  }

  /**
   * Ask for the panel once the connection is back. A new kernel does not say "idle" by itself, and one restart is
   * heard of several times, so this waits for a moment of quiet and then looks.
   */
  private _restoreSoon(): void {
    this._restarting = true;
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      if (this._session?.session?.kernel?.connectionStatus !== 'connected') {
        this._restoreSoon();
        return;
      }
      this._restarting = false;
      void this._showPanel();
    }, RESTORE_MILLISECONDS);
  }

  /** Start without what is left of a kernel that did not work; its session would be found again by its path. */
  private async _startAfresh(): Promise<void> {
    this._say(this._options.words.starting, this._options.words.startingHint);
    try {
      await this._session?.shutdown();
    } catch {
      // it was gone already
    }
    await this.start();
  }

  private _disconnect(): void {
    window.clearTimeout(this._timer);
    this._widgets?.dispose();
    this._output?.dispose();
    this._session?.dispose();
    this._widgets = this._output = this._session = null;
    this._restarting = false;
  }

  private _say(title: string, text: string, retry?: () => unknown): void {
    if (this.isDisposed) {
      return;
    }
    const heading = document.createElement('h2');
    heading.textContent = title;
    const paragraph = document.createElement('p');
    paragraph.textContent = text;
    this._notice.node.replaceChildren(heading, paragraph);
    if (retry) {
      const button = document.createElement('button');
      button.className = 'jp-Button jp-mod-styled jp-mod-accept';
      button.textContent = this._options.words.retry;
      button.addEventListener('click', () => void retry());
      this._notice.node.append(button);
    }
    this._notice.show();
  }

  private _notice: Widget;
  private _options: StudioOptions;
  private _output: SimplifiedOutputArea | null = null;
  private _restarting = false;
  private _session: SessionContext | null = null;
  private _timer = 0;
  private _widgets: IDisposable | null = null;
}

/** Wait until the kernel answers; one that dies first would otherwise be waited for without end. */
async function answer(session: SessionContext, words: Words): Promise<void> {
  const kernel = session.session?.kernel;
  if (!kernel) {
    throw new Error(words.noAnswer.replace('{kernel}', session.kernelDisplayName));
  }
  await new Promise<void>((resolve, reject) => {
    const watch = (_: unknown, status: Kernel.Status) => {
      if (status === 'dead') {
        reject(new Error(words.noAnswer.replace('{kernel}', session.kernelDisplayName)));
      }
    };
    session.statusChanged.connect(watch);
    watch(null, kernel.status);
    void kernel.info.then(() => resolve(), reject).finally(() => session.statusChanged.disconnect(watch));
  });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
