/**
 * Shows ipywidgets in an output area that belongs to no notebook. This leans on an export that the widget manager
 * keeps for older callers, so everything that could break with its next version is in this one file.
 */
import { registerWidgetManager } from '@jupyter-widgets/jupyterlab-manager';
import { ISessionContext } from '@jupyterlab/apputils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { INotebookModel, NotebookModel } from '@jupyterlab/notebook';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

/**
 * Connect a rendermime registry to the widgets of a session's kernel.
 *
 * @param sessionContext a session whose kernel is up: the manager asks for its id at once.
 * @param rendermime a registry of the caller's own; its renderer of widgets is replaced.
 * @returns what must be kept while widgets are shown, and disposed afterwards.
 */
export function connectWidgets(sessionContext: ISessionContext, rendermime: IRenderMimeRegistry): IDisposable {
  const model = new NotebookModel();
  // The manager takes a notebook's context but uses these three parts only. The empty model stands for
  // "no widgets were saved"; the signal never fires, so nothing is ever saved either.
  const context = { sessionContext, model, saveState: new Signal<object, DocumentRegistry.SaveState>({}) };
  return registerWidgetManager(
    context as unknown as DocumentRegistry.IContext<INotebookModel>,
    rendermime,
    [][Symbol.iterator]()
  );
}

/** Make an output area that renders with the given registry. */
export function outputArea(rendermime: IRenderMimeRegistry): SimplifiedOutputArea {
  return new SimplifiedOutputArea({ model: new OutputAreaModel({ trusted: true }), rendermime });
}
