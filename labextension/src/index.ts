/** The JupyterLab extension: what opens the studio, and what reaches into it from the rest of JupyterLab. */
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, showErrorMessage, WidgetTracker } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { acceptDrops } from './dropping';
import { addFileMenu } from './fileMenu';
import { studioIcon } from './icon';
import { addPanelCommands } from './panelCommands';
import { nameSettings } from './settingWords';
import { panelCode, settings } from './settings';
import { addStatusItem, StatusItem } from './statusItem';
import { Host, Studio } from './studio';
import { addTutorials } from './tutorials';
import { words } from './words';

const PLUGIN = 'zimage-lab:studio';
const OPEN = 'zimage-lab:open';
const OPEN_BESIDE = 'zimage-lab:open-on-notebook';
const NAME = 'zimage-studio';
/** An address with `?zimage=open` opens the studio: that is the link which start.sh prints. */
const PARAMETER = 'zimage';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Opens the Z-Image Studio',
  autoStart: true,
  // The registry is not used here: requiring it makes sure that the widgets' own extension is there and came first.
  requires: [IRenderMimeRegistry, IJupyterWidgetRegistry],
  optional: [
    ILauncher,
    ICommandPalette,
    ILayoutRestorer,
    ITranslator,
    ISettingRegistry,
    IStatusBar,
    IFileBrowserFactory,
    INotebookTracker
  ],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    _widgets: unknown,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null,
    registry: ISettingRegistry | null,
    statusBar: IStatusBar | null,
    files: IFileBrowserFactory | null,
    notebooks: INotebookTracker | null
  ) => {
    const text = words((translator ?? nullTranslator).languageCode);
    nameSettings(registry, PLUGIN, text.isChinese);
    const tracker = new WidgetTracker<MainAreaWidget<Studio>>({ namespace: NAME });
    const code = async () => panelCode(await settings(registry, PLUGIN), text.isChinese);

    const made = (id: string, host?: Host) => {
      const content = new Studio({ services: app.serviceManager, rendermime, words: text, code, host });
      acceptDrops(content, text, path => app.serviceManager.contents.localPath(path));
      const widget = new MainAreaWidget({ content });
      widget.id = id;
      widget.title.label = text.title;
      widget.title.caption = text.caption;
      widget.title.icon = studioIcon;
      widget.title.closable = true;
      return widget;
    };

    const open = async () => {
      let widget = tracker.find(one => one.id === NAME);
      if (!widget) {
        widget = made(NAME);
        await tracker.add(widget);
        item.follow(widget);
      }
      if (!widget.isAttached) {
        app.shell.add(widget, 'main');
      }
      app.shell.activateById(widget.id);
      return widget;
    };

    const item = new StatusItem(text, open);
    app.commands.addCommand(OPEN, {
      label: text.title,
      caption: text.caption,
      icon: studioIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: open
    });
    app.commands.addCommand(OPEN_BESIDE, {
      label: text.notebook,
      icon: studioIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => notebooks?.currentWidget !== null && notebooks?.currentWidget !== undefined,
      execute: () => {
        const notebook = notebooks?.currentWidget;
        if (!notebook) {
          return null;
        }
        const id = `${NAME}-${notebook.id}`;
        const host = { session: notebook.sessionContext, rendermime: notebook.content.rendermime };
        const there = Array.from(app.shell.widgets('main')).find(one => one.id === id);
        const widget = there ?? made(id, host);
        if (!there) {
          notebook.disposed.connect(() => widget.dispose());
          app.shell.add(widget, 'main', { mode: 'split-right', ref: notebook.id });
          item.follow(widget);
        }
        app.shell.activateById(id);
        return widget;
      }
    });

    const bring = async (path: string, use: string) => {
      const { content } = await open();
      try {
        const given = `${JSON.stringify(path)}, ${JSON.stringify(use)}`;
        await content.run(`from zimage_lab.widgets import bring; bring(${given})`);
      } catch (error) {
        void showErrorMessage(text.failed, error instanceof Error ? error.message : String(error));
      }
    };

    const studios = () =>
      Array.from(app.shell.widgets('main'))
        .map(one => (one instanceof MainAreaWidget ? one.content : null))
        .filter(content => content instanceof Studio);
    addPanelCommands(app, text, open, studios, palette);
    addFileMenu(app, text, files, bring);
    addTutorials(app, text, files, launcher, palette);
    addStatusItem(statusBar, item);
    launcher?.add({ command: OPEN, category: 'Other', rank: 0 });
    palette?.addItem({ command: OPEN, category: 'Z-Image' });
    palette?.addItem({ command: OPEN_BESIDE, category: 'Z-Image' });
    void restorer?.restore(tracker, { command: OPEN, name: () => NAME });

    const address = new URL(window.location.href);
    if (address.searchParams.has(PARAMETER)) {
      void app.restored.then(() => {
        const now = new URL(window.location.href);
        now.searchParams.delete(PARAMETER); // a reload shall restore the layout, also one without the studio
        window.history.replaceState(window.history.state, '', now);
        return app.commands.execute(OPEN);
      });
    }
  }
};

export default plugin;
