/** The JupyterLab extension: a launcher card, a palette command, and the tab that they open. */
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { studioIcon } from './icon';
import { Studio } from './studio';
import { words } from './words';

const OPEN = 'zimage-lab:open';
const NAME = 'zimage-studio';
/** An address with `?zimage=open` opens the studio: that is the link which start.sh prints. */
const PARAMETER = 'zimage';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'zimage-lab:studio',
  description: 'Opens the Z-Image Studio',
  autoStart: true,
  // The registry is not used here: requiring it makes sure that the widgets' own extension is there and came first.
  requires: [IRenderMimeRegistry, IJupyterWidgetRegistry],
  optional: [ILauncher, ICommandPalette, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    _widgets: unknown,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const text = words((translator ?? nullTranslator).languageCode);
    const tracker = new WidgetTracker<MainAreaWidget<Studio>>({ namespace: NAME });

    app.commands.addCommand(OPEN, {
      label: text.title,
      caption: text.caption,
      icon: studioIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        let widget = tracker.find(() => true);
        if (!widget) {
          const content = new Studio({ services: app.serviceManager, rendermime, words: text });
          widget = new MainAreaWidget({ content });
          widget.id = NAME;
          widget.title.label = text.title;
          widget.title.caption = text.caption;
          widget.title.icon = studioIcon;
          widget.title.closable = true;
          await tracker.add(widget);
        }
        if (!widget.isAttached) {
          app.shell.add(widget, 'main');
        }
        app.shell.activateById(widget.id);
        return widget;
      }
    });

    launcher?.add({ command: OPEN, category: 'Other', rank: 0 });
    palette?.addItem({ command: OPEN, category: 'Z-Image' });
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
