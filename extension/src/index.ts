import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';

import { DeployApi } from './api';
import { CommandIDs } from './commands';
import { deployIcon } from './icons';
// eslint-disable-next-line jupyter/prefer-lazy-imports -- shown from the start
import { DeployModel } from './model';
import { goToCell, saveNotebook, serverPath } from './notebook';
// eslint-disable-next-line jupyter/prefer-lazy-imports -- shown from the start
import { DeployPanel } from './panel';
import { isActive } from './snapshot';

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

/**
 * The Deploy button in the notebook's toolbar and the panel that shows what it does.
 */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:deploy',
  description: 'Deploys the notebook as a service, and shows how it goes.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbprod');
    const model = new DeployModel(
      new DeployApi(app.serviceManager.serverSettings)
    );
    const panel = new DeployPanel(
      model,
      {
        deploy: () => void app.commands.execute(CommandIDs.deploy),
        cancel: () => void app.commands.execute(CommandIDs.cancel),
        stopService: () => void app.commands.execute(CommandIDs.stopService),
        goToCell: (cell, firstLine) => {
          const notebook = tracker.currentWidget;
          if (notebook) {
            app.shell.activateById(notebook.id);
            void goToCell(notebook, cell, firstLine);
          }
        }
      },
      trans
    );
    app.shell.add(panel, 'right', { rank: 900, type: 'nbprod' });
    restorer?.add(panel, panel.id);

    addCommands(app, tracker, model, panel, trans);
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: trans.__('Notebook Operations') });
    }
    followTracker(app, tracker, model);
    void app.restored.then(() => model.load());
  }
};

/** Keep the model on the notebook in front, through renames too. */
function followTracker(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  model: DeployModel
): void {
  const follow = () => {
    const panel = tracker.currentWidget;
    model.path = panel && serverPath(panel, app.serviceManager.contents);
  };
  const watched = new WeakSet<NotebookPanel>();
  tracker.currentChanged.connect((_, panel) => {
    if (panel && !watched.has(panel)) {
      watched.add(panel);
      panel.context.pathChanged.connect(follow, panel);
    }
    follow();
  }, model);
  follow();
}

function addCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  model: DeployModel,
  panel: DeployPanel,
  trans: TranslationBundle
): void {
  const { commands } = app;
  const deploying = () => isActive(model.current.run);

  commands.addCommand(CommandIDs.deploy, {
    label: () => (deploying() ? trans.__('Deploying…') : trans.__('Deploy')),
    caption: () =>
      deploying()
        ? trans.__('This notebook is being deployed')
        : trans.__('Save this notebook and deploy its model as a service'),
    icon: deployIcon,
    describedBy: NO_ARGUMENTS,
    isEnabled: () => model.canStart(model.path),
    execute: async () => {
      const notebook = tracker.currentWidget;
      const path = model.path;
      if (notebook && path !== null) {
        app.shell.activateById(panel.id);
        await model.start(path, () => saveNotebook(notebook, trans));
      }
    }
  });

  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show Deploy Panel'),
    caption: trans.__('Show how the deploy of this notebook goes'),
    icon: deployIcon,
    describedBy: NO_ARGUMENTS,
    execute: () => app.shell.activateById(panel.id)
  });

  commands.addCommand(CommandIDs.cancel, {
    label: trans.__('Cancel Deploy'),
    caption: trans.__(
      'End the deploy of this notebook; nothing is left behind'
    ),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => model.current.run?.phase === 'running',
    execute: async () => {
      if (model.path !== null) {
        await model.cancel(model.path);
      }
    }
  });

  commands.addCommand(CommandIDs.stopService, {
    label: trans.__('Stop Deployed Service'),
    caption: trans.__('Stop the service that this notebook was deployed as'),
    describedBy: NO_ARGUMENTS,
    isEnabled: () => Boolean(model.current.run?.result),
    execute: async () => {
      if (model.path !== null) {
        await model.stopService(model.path);
      }
    }
  });

  model.changed.connect(() => {
    for (const id of Object.values(CommandIDs)) {
      commands.notifyCommandChanged(id);
    }
  }, panel);
}

export default plugin;
