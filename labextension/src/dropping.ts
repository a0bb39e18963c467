/** A picture that is dropped on the studio, from the desktop or from the file browser: the panel reads its recipe. */
import { showErrorMessage } from '@jupyterlab/apputils';

import { Studio } from './studio';
import { Words } from './words';

/** Larger files are no pictures that a program writes its recipe into, and would pass through the kernel's messages. */
const MOST_MEGABYTES = 64;
/** What the file browser's own drags carry: paths of the server. */
const PATHS = 'application/x-jupyter-icontents';
const OVER = 'zimage-drop';

/** What is used of lumino's drag events; browsers know nothing of them. */
interface LuminoDrag extends Event {
  mimeData: { hasData(type: string): boolean; getData(type: string): unknown };
  proposedAction: string;
  dropAction: string;
}

/** Let pictures be dropped on a studio; `localPath` gives a path of the server as the kernel finds it. */
export function acceptDrops(studio: Studio, words: Words, localPath: (path: string) => string): void {
  const { node } = studio;
  node.dataset.drop = words.dropHere;
  const ready = () => node.querySelector('.zl-panel') !== null;
  const over = (on: boolean) => node.classList.toggle(OVER, on);
  const show = async (call: Promise<string>) => {
    try {
      await studio.run(`from zimage_lab.widgets import bring, drop; ${await call}`);
      node.querySelector('.zl-found')?.scrollIntoView({ block: 'nearest' });
    } catch (error) {
      void showErrorMessage(words.failed, error instanceof Error ? error.message : String(error));
    }
  };

  const files = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  node.addEventListener('dragover', event => {
    if (files(event)) {
      event.preventDefault(); // without this, the browser opens the file in the place of JupyterLab
      event.stopPropagation();
      event.dataTransfer!.dropEffect = ready() ? 'copy' : 'none';
      over(ready());
    }
  });
  const leave = (event: Event) => {
    // A step from one part of the panel to another is heard as leaving, too.
    if (!node.contains((event as DragEvent).relatedTarget as Node | null)) {
      over(false);
    }
  };
  node.addEventListener('dragleave', leave);
  node.addEventListener('drop', event => {
    over(false);
    if (!files(event)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer?.files[0];
    if (file && ready()) {
      void show(content(file, words).then(data => `drop(${JSON.stringify(file.name)}, "${data}")`));
    }
  });

  const lumino = (type: string, act: (event: LuminoDrag) => void) =>
    node.addEventListener(type, event => {
      const drag = event as LuminoDrag;
      if (drag.mimeData.hasData(PATHS) && ready()) {
        event.preventDefault();
        event.stopPropagation(); // else the dock opens the picture as a tab
        act(drag);
      }
    });
  lumino('lm-dragenter', () => over(true));
  lumino('lm-dragleave', leave);
  lumino('lm-dragover', event => {
    event.dropAction = event.proposedAction;
  });
  lumino('lm-drop', event => {
    over(false);
    const [path] = event.mimeData.getData(PATHS) as string[];
    event.dropAction = event.proposedAction;
    if (path) {
      void show(Promise.resolve(`bring(${JSON.stringify(localPath(path))})`));
    }
  });
}

/** Read a file as base64. */
async function content(file: File, words: Words): Promise<string> {
  if (file.size > MOST_MEGABYTES * 1e6) {
    throw new Error(words.tooLarge.replace('{name}', file.name).replace('{most}', String(MOST_MEGABYTES)));
  }
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve((reader.result as string).split(',', 2)[1] ?? ''); // a data URL
    reader.onerror = () => reject(new Error(words.unreadable.replace('{name}', file.name))); // a folder, for one
    reader.readAsDataURL(file);
  });
}
