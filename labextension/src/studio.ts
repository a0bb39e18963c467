/**
 * The studio's tab: finds or starts the kernel, asks it for the panel, and says what is going on when there is none.
 * The panel itself is Python's; it is rebuilt from the engine's state each time, so a reload loses nothing.
 */
import { ISessionContext, SessionContext } from '@jupyterlab/apputils';
import { OutputArea, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Kernel, KernelMessage, ServiceManager } from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { Panel, Widget } from '@lumino/widgets';

import { runBeside } from './beside';
import { ConnectionLine } from './connection';
import { connectWidgets, outputArea } from './widgetHost';
import { Words } from './words';

const IMPORT = 'from zimage_lab import load, panel; ';
/** A reload finds its session, and so its kernel, by this path. */
const SESSION_PATH = 'zimage-studio';
/** The kernel that start.sh makes; a plain installation has only the one of its own Python. */
const KERNELS = ['zimage-lab', 'python3'];
/** How long a kernel may take to answer before it is asked again on a new connection. */
const ANSWER_MILLISECONDS = 4000;
/** JupyterLab connects anew by itself when a kernel restarts; a second connection in that moment breaks both. */
const PAUSE_MILLISECONDS = 2000;

/** A notebook whose kernel is shared: its session, and the renderers that know its widgets. */
export interface Host {
  session: ISessionContext;
  rendermime: IRenderMimeRegistry;
}

export interface StudioOptions {
  services: ServiceManager.IManager;
  rendermime: IRenderMimeRegistry;
  words: Words;
  /** The Python that makes the panel. */
  code: () => Promise<string>;
  /** Without one, the studio has a kernel of its own. */
  host?: Host;
}

export class Studio extends Panel {
  constructor(options: StudioOptions) {
    super();
    this.addClass('zimage-studio');
    this._options = options;
    this._notice = new Widget();
    this._notice.addClass('zimage-studio-notice');
    this._notice.node.setAttribute('role', 'status');
    this._connection = new ConnectionLine(options.words);
    this.addWidget(this._connection);
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
    const start = ++this._starts;
    this._disconnect();
    this._say(words.starting, words.startingHint);
    try {
      await this._connect();
    } catch (error) {
      if (start === this._starts) {
        this._say(words.noKernel, `${reason(error)}\n${words.noKernelHint}`, () => this._startAfresh());
      }
      return;
    }
    if (start === this._starts) {
      await this._showPanel();
    }
  }

  /** Run code in the panel's kernel, once the panel is there; what goes wrong is thrown as its one line. */
  async run(code: string): Promise<void> {
    await this._shown.promise;
    const kernel = this._session?.session?.kernel;
    const reply = await kernel?.requestExecute({ code, silent: true, store_history: false }).done;
    if (reply?.content.status === 'error') {
      throw new Error(reply.content.evalue);
    }
  }

  /** Cancel the running picture, also while the kernel runs a cell. */
  async cancel(): Promise<void> {
    const kernel = this._session?.session?.kernel;
    if (kernel) {
      await runBeside(kernel, 'from zimage_lab.widgets import cancel; cancel()');
    }
  }

  private async _connect(): Promise<void> {
    const { host } = this._options;
    if (host) {
      await host.session.ready;
      this._session = host.session;
      this._show(outputArea(host.rendermime)); // no copy: its renderer of widgets may be added a moment after this
      return;
    }
    await this._connectOwn();
  }

  private async _connectOwn(): Promise<void> {
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
    this._own = session;
    this._show(outputArea(own));
  }

  private _show(output: SimplifiedOutputArea): void {
    this._output = output;
    output.addClass('zimage-studio-output');
    output.hide();
    this.addWidget(output);
    this._session?.statusChanged.connect(this._onStatus, this);
    this._session?.iopubMessage.connect(this._onMessage, this);
    this._connection.follow(this._session);
  }

  private async _showPanel(): Promise<void> {
    const { words } = this._options;
    const session = this._session;
    const output = this._output;
    if (!session || !output) {
      return;
    }
    try {
      const reply = await OutputArea.execute(IMPORT + (await this._options.code()), output, session);
      this._process = reply?.header.session ?? '';
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
      this._shown.resolve();
    } catch (error) {
      if (!this.isDisposed && !this._restarting && session === this._session) {
        output.hide();
        this._say(words.noPanel, reason(error), () => this._startAfresh());
      }
    }
  }

  private _onStatus(_: unknown, status: Kernel.Status): void {
    const { words } = this._options;
    if (status === 'restarting' || status === 'autorestarting' || status === 'starting') {
      void this._restore();
    } else if (status === 'dead') {
      this._restarting = false;
      this._output?.hide();
      this._say(words.stopped, words.stoppedHint, () => this._startAfresh());
    }
  }

  /**
   * Nobody tells this page of a restart that another client asked for. The old process's goodbye does; where it died
   * without one, the first message signed by another process does.
   */
  private _onMessage(_: unknown, message: KernelMessage.IMessage): void {
    if (saysGoodbye(message) || (this._process && isFromKernel(message) && message.header.session !== this._process)) {
      void this._restore();
    }
  }

  /** Show the panel of the kernel's next process. */
  private async _restore(): Promise<void> {
    const session = this._session;
    const kernel = session?.session?.kernel;
    if (this._restarting || !kernel) {
      return; // one restart is heard of several times
    }
    this._restarting = true;
    this._connection.follow(null); // a new connection in the midst of a restart would lose what tells of its end
    this._output?.hide();
    this._say(this._options.words.restarting, this._options.words.restartingHint);
    const waits = () => this._restarting && session === this._session && !kernel.isDisposed;
    const process = await nextProcess(kernel, this._process, waits);
    if (waits()) {
      this._process = process;
      this._restarting = false;
      await this._showPanel();
      this._connection.follow(session);
    }
  }

  /** Start without what is left of a kernel that did not work; its session would be found again by its path. */
  private async _startAfresh(): Promise<void> {
    this._say(this._options.words.starting, this._options.words.startingHint);
    try {
      await this._own?.shutdown(); // a notebook's kernel is not ours to end
    } catch {
      // it was gone already
    }
    await this.start();
  }

  private _disconnect(): void {
    this._connection.follow(null);
    this._session?.statusChanged.disconnect(this._onStatus, this);
    this._session?.iopubMessage.disconnect(this._onMessage, this);
    this._widgets?.dispose();
    this._output?.dispose();
    this._own?.dispose();
    this._widgets = this._output = this._session = this._own = null;
    this._restarting = false;
    this._process = '';
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

  private _connection: ConnectionLine;
  private _notice: Widget;
  private _options: StudioOptions;
  private _output: SimplifiedOutputArea | null = null;
  /** The signature of the process that made the panel. */
  private _process = '';
  private _restarting = false;
  /** The session that is ours to end. */
  private _own: SessionContext | null = null;
  private _session: ISessionContext | null = null;
  private _shown = new PromiseDelegate<void>();
  /** How often it was started: a start that was overtaken by the next one says nothing any more. */
  private _starts = 0;
  private _widgets: IDisposable | null = null;
}

/** Wait until the kernel answers; one that dies first would otherwise be waited for without end. */
async function answer(session: ISessionContext, words: Words): Promise<void> {
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

/**
 * Wait until another process than `old` answers, and return its signature. Messages of a new process can be lost until
 * the server has subscribed to it again, which only a new connection makes it check.
 */
async function nextProcess(kernel: Kernel.IKernelConnection, old: string, waits: () => boolean): Promise<string> {
  const pause = (milliseconds: number) => new Promise<null>(resolve => setTimeout(resolve, milliseconds, null));
  const ask = async () => {
    await kernel.reconnect();
    return kernel.requestKernelInfo();
  };
  for (;;) {
    await pause(PAUSE_MILLISECONDS);
    if (!waits()) {
      return '';
    }
    const reply = await Promise.race([ask().catch(() => null), pause(ANSWER_MILLISECONDS)]);
    if (reply && reply.header.session !== old) {
      return reply.header.session;
    }
  }
}

function saysGoodbye(message: KernelMessage.IMessage): boolean {
  const type: string = message.header.msg_type;
  return type === 'shutdown_reply' && (message.content as { restart?: boolean }).restart === true;
}

/** Whether the process itself signed the message; the server signs what it says of a process's end. */
function isFromKernel(message: KernelMessage.IMessage): boolean {
  const { execution_state: state } = message.content as { execution_state?: string };
  return state === 'busy' || state === 'idle' || state === 'starting';
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
