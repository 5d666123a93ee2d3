import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { findCell } from './cells';

/**
 * The path of a notebook on the server's disk, without the drive's name.
 *
 * @returns null if the notebook is not on this server: another drive.
 */
export function serverPath(
  panel: NotebookPanel,
  contents: Contents.IManager
): string | null {
  const path = panel.context.path;
  const drive = contents.driveName(path);
  // Real-time collaboration serves the same files under a drive of its own.
  return drive === '' || drive === 'RTC' ? contents.localPath(path) : null;
}

/** Save a notebook, so that what is deployed is what is on the screen. */
export async function saveNotebook(
  panel: NotebookPanel,
  trans: TranslationBundle
): Promise<void> {
  const { context } = panel;
  await context.ready;
  if (context.model.readOnly) {
    return;
  }
  await context.save();
  if (context.model.dirty) {
    throw new Error(trans.__('The notebook could not be saved.'));
  }
}

/** Bring the cell that an error names into view and select it. */
export async function goToCell(
  panel: NotebookPanel,
  number: number,
  firstLine: string
): Promise<void> {
  const notebook = panel.content;
  const cells = notebook.widgets.map(({ model }) => ({
    source: model.sharedModel.getSource(),
    tags: (model.getMetadata('tags') as string[] | undefined) ?? []
  }));
  const index = findCell(cells, number, firstLine);
  if (index < 0) {
    return;
  }
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await notebook.scrollToCell(notebook.widgets[index], 'smart');
}
