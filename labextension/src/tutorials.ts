/** The tutorials, opened as copies: the built extension carries them, so that no kernel is needed to get one. */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { PageConfig, PathExt, URLExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { Contents, ServerConnection } from '@jupyterlab/services';

import { studioIcon } from './icon';
import { Words } from './words';

const COMMAND = 'zimage-lab:tutorials';

interface Tutorial {
  file: string;
  title: string;
}

/** Add the launcher's card and the palette's command. */
export function addTutorials(
  app: JupyterFrontEnd,
  text: Words,
  files: IFileBrowserFactory | null,
  launcher: ILauncher | null,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(COMMAND, {
    label: text.tutorials,
    caption: text.tutorialsCaption,
    icon: studioIcon,
    describedBy: { args: { type: 'object', properties: { file: { type: 'string' } } } },
    execute: async args => {
      const all = await get<Tutorial[]>('index.json');
      let file = args['file'] as string | undefined;
      if (!file) {
        const items = all.map(one => one.title);
        const chosen = await InputDialog.getItem({ title: text.tutorialsChoose, items, okLabel: text.tutorialsOpen });
        file = all.find(one => one.title === chosen.value)?.file;
      }
      if (!file) {
        return null;
      }
      const folder = files?.tracker.currentWidget?.model.path ?? '';
      const path = await copy(app.serviceManager.contents, folder, file, await get<object>(file));
      return app.commands.execute('docmanager:open', { path });
    }
  });
  launcher?.add({ command: COMMAND, category: 'Other', rank: 1 });
  palette?.addItem({ command: COMMAND, category: 'Z-Image' });
}

async function get<T>(file: string): Promise<T> {
  const settings = ServerConnection.makeSettings();
  const path = URLExt.join(PageConfig.getOption('fullLabextensionsUrl'), 'zimage-lab', 'tutorials', file);
  const response = await ServerConnection.makeRequest(new URL(path, settings.baseUrl).href, {}, settings);
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return (await response.json()) as T;
}

/** Save a copy under a name that is free, and return its path. */
async function copy(contents: Contents.IManager, folder: string, file: string, content: object): Promise<string> {
  const { content: there } = await contents.get(folder, { type: 'directory', content: true });
  const taken = new Set((there as Contents.IModel[]).map(one => one.name));
  const stem = PathExt.basename(file, '.ipynb');
  let name = file;
  for (let number = 2; taken.has(name); number++) {
    name = `${stem}-${number}.ipynb`;
  }
  const path = PathExt.join(folder, name);
  await contents.save(path, { type: 'notebook', format: 'json', content });
  return path;
}
