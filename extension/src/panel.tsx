import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { View } from './components/view';
import { deployIcon } from './icons';
import type { DeployModel } from './model';

/** What the panel cannot do itself. */
export interface IPanelActions {
  deploy(): void;
  cancel(): void;
  stopService(): void;
  goToCell(cell: number, firstLine: string): void;
}

/** The side panel: it follows the notebook in front. */
export class DeployPanel extends ReactWidget {
  constructor(
    private readonly _model: DeployModel,
    private readonly _actions: IPanelActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = 'nbprod-panel';
    this.addClass('jp-nbprod-panel');
    this.title.icon = deployIcon;
    this.title.caption = this._trans.__('Deploy notebook');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this._trans.__('Deploy notebook'));
  }

  protected render(): JSX.Element {
    const { _model: model, _actions: actions } = this;
    return (
      <UseSignal signal={model.changed}>
        {() => (
          <View
            path={model.path}
            entry={model.current}
            services={model.services}
            onDeploy={() => actions.deploy()}
            onCancel={() => actions.cancel()}
            onStopService={() => actions.stopService()}
            onCell={(cell, firstLine) => actions.goToCell(cell, firstLine)}
            trans={this._trans}
          />
        )}
      </UseSignal>
    );
  }
}
