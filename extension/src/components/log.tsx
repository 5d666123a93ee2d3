import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ILogLine } from '../snapshot';

/** The tail of the log, folded away; it follows its end while it is open. */
export function Log(props: {
  lines: readonly ILogLine[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const box = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [props.lines]);
  if (props.lines.length === 0) {
    return null;
  }
  return (
    <details className="jp-nbprod-log">
      <summary>{props.trans.__('Log')}</summary>
      <div className="jp-nbprod-log-lines" ref={box} tabIndex={0}>
        {props.lines.map((line, index) => (
          <div key={index} className={`jp-mod-${line.level}`}>
            {line.text}
          </div>
        ))}
      </div>
    </details>
  );
}
