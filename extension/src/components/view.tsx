import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatDuration } from '../duration';
import type { IEntry } from '../model';
import { type IService, type ISnapshot, isActive } from '../snapshot';
import { Failure, Fix } from './failure';
import { Log } from './log';
import { Result } from './result';
import { Stages } from './stages';

/** What the panel shows, and what can be done in it. */
export interface IViewProps {
  path: string | null;
  entry: IEntry;
  services: readonly IService[] | null;
  onDeploy: () => void;
  onCancel: () => void;
  onStopService: () => void;
  onCell: (cell: number, firstLine: string) => void;
  trans: TranslationBundle;
}

/** The whole panel for the notebook in front. */
export function View(props: IViewProps): JSX.Element {
  const { path, entry, trans } = props;
  if (path === null) {
    return (
      <p className="jp-nbprod-hint">
        {trans.__('Open a notebook to deploy it.')}
      </p>
    );
  }
  return (
    <>
      <header className="jp-nbprod-header">
        <h2 title={path}>{PathExt.basename(path)}</h2>
        <Action {...props} />
      </header>
      {entry.problem && (
        <section className="jp-nbprod-card jp-nbprod-failure" role="alert">
          <p className="jp-nbprod-message">{entry.problem.message}</p>
          {entry.problem.fix && <Fix text={entry.problem.fix} trans={trans} />}
        </section>
      )}
      {entry.run ? (
        <Run key={entry.run.id} {...props} run={entry.run} />
      ) : (
        <p className="jp-nbprod-hint">
          {trans.__(
            'Deploy runs this notebook, packages its model as a service, starts it, and checks that it answers as the notebook does.'
          )}
        </p>
      )}
    </>
  );
}

function Action(props: IViewProps): JSX.Element {
  const { entry, trans } = props;
  const phase = entry.run?.phase;
  if (phase === 'running' || phase === 'cancelling') {
    return (
      <button
        className="jp-mod-styled jp-mod-minimal"
        disabled={phase === 'cancelling'}
        onClick={props.onCancel}
      >
        {phase === 'cancelling' ? trans.__('Cancelling…') : trans.__('Cancel')}
      </button>
    );
  }
  return (
    <button
      className="jp-mod-styled jp-mod-accept"
      disabled={entry.pending !== null}
      onClick={props.onDeploy}
    >
      {actionLabel(entry, trans)}
    </button>
  );
}

function actionLabel(entry: IEntry, trans: TranslationBundle): string {
  switch (entry.pending) {
    case 'saving':
      return trans.__('Saving…');
    case 'starting':
      return trans.__('Starting…');
    default:
      return entry.run ? trans.__('Deploy again') : trans.__('Deploy');
  }
}

function Run(props: IViewProps & { run: ISnapshot }): JSX.Element {
  const { run, entry, trans } = props;
  const since = useSeconds(entry.receivedAt, isActive(run));
  return (
    <>
      <p
        className={`jp-nbprod-phase jp-mod-${run.phase}`}
        role="status"
        aria-live="polite"
      >
        <span>{phaseLabel(run, trans)}</span>
        <span className="jp-nbprod-stage-time" aria-live="off">
          {formatDuration(run.elapsed + since)}
        </span>
      </p>
      {entry.offline && (
        <p className="jp-nbprod-hint">
          {trans.__('The server does not answer; trying again…')}
        </p>
      )}
      {run.result && (
        <Result
          result={run.result}
          services={props.services}
          stopping={entry.pending === 'stopping-service'}
          onStop={props.onStopService}
          trans={trans}
        />
      )}
      {run.error && run.phase === 'failed' && (
        <Failure failure={run.error} onCell={props.onCell} trans={trans} />
      )}
      <Stages stages={run.stages} since={since} trans={trans} />
      <Log lines={run.log} trans={trans} />
    </>
  );
}

function phaseLabel(run: ISnapshot, trans: TranslationBundle): string {
  switch (run.phase) {
    case 'running':
      return trans.__('Deploying…');
    case 'cancelling':
      return trans.__('Cancelling…');
    case 'succeeded':
      return trans.__('Deployed');
    case 'failed':
      return trans.__('Failed');
    case 'cancelled':
      return trans.__('Cancelled');
  }
}

/** Seconds since a moment; they tick while `ticking`, and are 0 else. */
function useSeconds(since: number, ticking: boolean): number {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const timer = ticking ? setInterval(redraw, 1000) : undefined;
    return () => clearInterval(timer);
  }, [ticking]);
  return ticking ? Math.max(0, (Date.now() - since) / 1000) : 0;
}
