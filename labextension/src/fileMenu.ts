/** What the file browser offers for a picture: its recipe in the studio, or the picture to begin with. */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';

import { studioIcon } from './icon';
import { Words } from './words';

/** The kinds of files that hold a recipe; JupyterLab has a name for each. */
const KINDS = ['png', 'jpeg', 'jpg', 'webp', 'image'];

/** Add the two items; `bring` hands a path to the studio's kernel. */
export function addFileMenu(
  app: JupyterFrontEnd,
  text: Words,
  files: IFileBrowserFactory | null,
  bring: (path: string, use: 'recipe' | 'init_image') => Promise<void>
): void {
  if (!files) {
    return;
  }
  const items: [string, string, 'recipe' | 'init_image'][] = [
    ['zimage-lab:open-picture', text.openPicture, 'recipe'],
    ['zimage-lab:begin-with-picture', text.beginWith, 'init_image']
  ];
  for (const [command, label, use] of items) {
    app.commands.addCommand(command, {
      label,
      icon: studioIcon,
      describedBy: { args: { type: 'object', properties: { path: { type: 'string' } } } },
      execute: async args => {
        const selected = files.tracker.currentWidget?.selectedItems().next().value;
        const path = (args['path'] as string | undefined) ?? selected?.path;
        if (path) {
          await bring(app.serviceManager.contents.localPath(path), use);
        }
      }
    });
    for (const kind of KINDS) {
      app.contextMenu.addItem({ command, selector: `.jp-DirListing-item[data-file-type="${kind}"]`, rank: 3 });
    }
  }
}
