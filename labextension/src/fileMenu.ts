/** What the file browser offers: a picture's recipe in the studio, the picture to begin with, or a workflow's nodes. */
import { JupyterFrontEnd } from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';

import { studioIcon } from './icon';
import { Words } from './words';

/** The kinds of files that hold a recipe; JupyterLab has a name for each. */
const KINDS = ['png', 'jpeg', 'jpg', 'webp', 'image'];
/** And the kind of a ComfyUI workflow. */
const GRAPHS = ['json'];

type Use = 'recipe' | 'init_image' | 'workflow';

/** Add the two items; `bring` hands a path to the studio's kernel. */
export function addFileMenu(
  app: JupyterFrontEnd,
  text: Words,
  files: IFileBrowserFactory | null,
  bring: (path: string, use: Use) => Promise<void>
): void {
  if (!files) {
    return;
  }
  const items: [string, string, Use, string[]][] = [
    ['zimage-lab:open-picture', text.openPicture, 'recipe', KINDS],
    ['zimage-lab:begin-with-picture', text.beginWith, 'init_image', KINDS],
    ['zimage-lab:open-workflow', text.openPicture, 'workflow', GRAPHS]
  ];
  for (const [command, label, use, kinds] of items) {
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
    for (const kind of kinds) {
      app.contextMenu.addItem({ command, selector: `.jp-DirListing-item[data-file-type="${kind}"]`, rank: 3 });
    }
  }
}
