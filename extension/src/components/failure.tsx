import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IDiagnostic, IFailure } from '../snapshot';

/** Properties of the error card. */
export interface IFailureProps {
  failure: IFailure;
  onCell: (cell: number, firstLine: string) => void;
  trans: TranslationBundle;
}

/** Why the deploy failed: the cell, its first line, the exception, the fix. */
export function Failure(props: IFailureProps): JSX.Element {
  const { failure, onCell, trans } = props;
  const { cell, exception, fix, traceback } = failure;
  const firstLine = failure.first_line ?? '';
  const findings = failure.diagnostics ?? [];
  return (
    <section className="jp-nbprod-card jp-nbprod-failure" role="alert">
      <p className="jp-nbprod-message">{failure.message}</p>
      {cell ? (
        <CellLink
          cell={cell}
          step={failure.step ?? ''}
          onClick={() => onCell(cell, firstLine)}
          trans={trans}
        />
      ) : null}
      {firstLine && <pre className="jp-nbprod-code">{firstLine}</pre>}
      {exception && <p className="jp-nbprod-exception">{exception}</p>}
      {findings.map((found, index) => (
        <Finding key={index} found={found} onCell={onCell} trans={trans} />
      ))}
      {fix && <Fix text={fix} trans={trans} />}
      {traceback && (
        <details>
          <summary>{trans.__('Traceback')}</summary>
          <pre className="jp-nbprod-traceback" tabIndex={0}>
            {traceback}
          </pre>
        </details>
      )}
    </section>
  );
}

/** What to do about it. */
export function Fix(props: {
  text: string;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <p className="jp-nbprod-fix">
      <strong>{props.trans.__('Fix:')}</strong> {props.text}
    </p>
  );
}

function Finding(props: {
  found: IDiagnostic;
  onCell: (cell: number, firstLine: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { found, onCell, trans } = props;
  return (
    <div className={`jp-nbprod-finding jp-mod-${found.severity}`}>
      {found.cell > 0 && (
        <CellLink
          cell={found.cell}
          step=""
          onClick={() => onCell(found.cell, '')}
          trans={trans}
        />
      )}
      <p className="jp-nbprod-message">{found.message}</p>
      {found.fix && <Fix text={found.fix} trans={trans} />}
    </div>
  );
}

function CellLink(props: {
  cell: number;
  step: string;
  onClick: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { cell, step, trans } = props;
  return (
    <button
      className="jp-nbprod-cell-link"
      title={trans.__('Go to the cell')}
      onClick={props.onClick}
    >
      {step
        ? trans.__('Cell %1, step %2', cell, step)
        : trans.__('Cell %1', cell)}
    </button>
  );
}
