import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IResult, IService } from '../snapshot';

/** Properties of the result card. */
export interface IResultProps {
  result: IResult;
  /** The deployed services; null as long as they are not known. */
  services: readonly IService[] | null;
  stopping: boolean;
  onStop: () => void;
  trans: TranslationBundle;
}

/** Where the service is, how to ask it, and how to stop it. */
export function Result(props: IResultProps): JSX.Element {
  const { result, services, stopping, trans } = props;
  const gone = whyGone(result, services, trans);
  return (
    <section
      className="jp-nbprod-card jp-nbprod-result"
      aria-label={trans.__('Service')}
    >
      {gone ? (
        <p className="jp-nbprod-gone">{gone}</p>
      ) : (
        <Address url={result.url} />
      )}
      {!gone && result.curl && (
        <CurlLine key={result.curl} curl={result.curl} trans={trans} />
      )}
      <dl className="jp-nbprod-facts">
        <dt>{trans.__('Service')}</dt>
        <dd>{result.name}</dd>
        <dt>{trans.__('Version')}</dt>
        <dd title={result.version}>{result.version}</dd>
        {result.checked_rows !== undefined && (
          <>
            <dt>{trans.__('Proof')}</dt>
            <dd>
              {trans._n(
                '%1 row answered as in the notebook',
                '%1 rows answered as in the notebook',
                result.checked_rows
              )}
            </dd>
          </>
        )}
      </dl>
      {!gone && (
        <button
          className="jp-nbprod-stop jp-mod-styled jp-mod-minimal"
          disabled={stopping}
          onClick={props.onStop}
          title={trans.__('Stop the service; its URL no longer answers then')}
        >
          {stopping ? trans.__('Stopping…') : trans.__('Stop service')}
        </button>
      )}
    </section>
  );
}

function Address(props: { url: string }): JSX.Element {
  // Only what a browser may safely open becomes a link.
  const safe = /^https?:\/\//i.test(props.url);
  return safe ? (
    <a
      className="jp-nbprod-url"
      href={props.url}
      target="_blank"
      rel="noopener noreferrer"
    >
      {props.url}
    </a>
  ) : (
    <span className="jp-nbprod-url">{props.url}</span>
  );
}

function CurlLine(props: {
  curl: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { curl, trans } = props;
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 2000) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  const Icon = copied ? checkIcon : copyIcon;
  return (
    <div className="jp-nbprod-curl">
      <pre tabIndex={0} aria-label={trans.__('Command that asks the service')}>
        {curl}
      </pre>
      <button
        className="jp-nbprod-copy jp-mod-styled jp-mod-minimal"
        title={copied ? trans.__('Copied') : trans.__('Copy the command')}
        onClick={() => {
          Clipboard.copyToSystem(curl);
          setCopied(true);
        }}
      >
        <Icon.react tag="span" width="16px" height="16px" />
      </button>
    </div>
  );
}

/** Tell why the service of this result no longer answers; empty if it does. */
function whyGone(
  result: IResult,
  services: readonly IService[] | null,
  trans: TranslationBundle
): string {
  if (services === null) {
    return '';
  }
  const service = services.find(one => one.name === result.name);
  if (!service || service.state === 'stopped') {
    return trans.__('The service is stopped.');
  }
  if (service.state === 'failed') {
    return trans.__(
      'The service has failed; `nbprod logs %1` tells why.',
      service.name
    );
  }
  if (service.version !== result.version) {
    return trans.__('Replaced by version %1.', service.version);
  }
  return '';
}
