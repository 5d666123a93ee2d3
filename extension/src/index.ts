import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import {
  ITranslator,
  nullTranslator,
  type TranslationBundle
} from '@jupyterlab/translation';
import { CommandToolbarButton } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

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

/** The name of the toolbar item, as in schema/deploy.json. */
const TOOLBAR_ITEM = 'nbprod-deploy';

/**
 * The Deploy button in the notebook's toolbar and the panel that shows what it does.
 */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:deploy',
  description: 'Deploys the notebook as a service, and shows how it goes.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    ITranslator,
    ILayoutRestorer,
    ICommandPalette,
    IToolbarWidgetRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    toolbars: IToolbarWidgetRegistry | null
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
    // Bound to its own notebook: with two side by side, a click on one's button
    // need not make it the current one.
    toolbars?.addFactory(
      'Notebook',
      TOOLBAR_ITEM,
      (notebook: Widget) =>
        new CommandToolbarButton({
          commands: app.commands,
          id: CommandIDs.deploy,
          args: { id: notebook.id },
          label: () =>
            app.commands.label(CommandIDs.deploy, { id: notebook.id })
        })
    );
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
  const target = (args: ReadonlyPartialJSONObject) =>
    tracker.find(notebook => notebook.id === args.id) ?? tracker.currentWidget;
  const path = (args: ReadonlyPartialJSONObject) => {
    const notebook = target(args);
    return notebook && serverPath(notebook, app.serviceManager.contents);
  };
  const deploying = (args: ReadonlyPartialJSONObject) =>
    isActive(model.entry(path(args)).run);

  commands.addCommand(CommandIDs.deploy, {
    label: args =>
      deploying(args) ? trans.__('Deploying…') : trans.__('Deploy'),
    caption: args =>
      deploying(args)
        ? trans.__('This notebook is being deployed')
        : trans.__('Save this notebook and deploy its model as a service'),
    icon: deployIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: {
            type: 'string',
            description: trans.__(
              'The id of the notebook widget; the current one if left out'
            )
          }
        }
      }
    },
    isEnabled: args => model.canStart(path(args)),
    execute: async args => {
      const notebook = target(args);
      const notebookPath = path(args);
      if (notebook && notebookPath !== null) {
        app.shell.activateById(notebook.id);
        app.shell.activateById(panel.id);
        await model.start(notebookPath, () => saveNotebook(notebook, trans));
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
