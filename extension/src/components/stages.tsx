import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  circleEmptyIcon,
  closeIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatDuration } from '../duration';
import type { IProgress, IStage, StageState } from '../snapshot';

const ICONS: Record<StageState, LabIcon | null> = {
  pending: circleEmptyIcon,
  started: null,
  done: checkIcon,
  failed: closeIcon,
  skipped: circleEmptyIcon,
  cancelled: closeIcon
};

/** Properties of the list of stages. */
export interface IStagesProps {
  stages: readonly IStage[];
  /** Seconds since the snapshot arrived. */
  since: number;
  trans: TranslationBundle;
}

/** The stages of a deploy: what is done, what is going on, what is to come. */
export function Stages(props: IStagesProps): JSX.Element {
  return (
    <ol className="jp-nbprod-stages" aria-label={props.trans.__('Stages')}>
      {props.stages.map(stage => (
        <Stage key={stage.name} {...props} stage={stage} />
      ))}
    </ol>
  );
}

function Stage(props: IStagesProps & { stage: IStage }): JSX.Element {
  const { stage, since, trans } = props;
  const running = stage.state === 'started';
  const elapsed =
    stage.elapsed === null ? null : stage.elapsed + (running ? since : 0);
  return (
    <li
      className={`jp-nbprod-stage jp-mod-${stage.state}`}
      aria-current={running ? 'step' : undefined}
    >
      <StageMark state={stage.state} label={stateLabel(stage.state, trans)} />
      <span className="jp-nbprod-stage-title">{stage.title}</span>
      {elapsed !== null && (running || elapsed >= 1) && (
        <span className="jp-nbprod-stage-time">{formatDuration(elapsed)}</span>
      )}
      {stage.detail && (
        <span className="jp-nbprod-stage-detail">{stage.detail}</span>
      )}
      {running && stage.progress && (
        <ProgressBar progress={stage.progress} label={stage.title} />
      )}
    </li>
  );
}

function StageMark(props: { state: StageState; label: string }): JSX.Element {
  const Icon = ICONS[props.state];
  return (
    <span className="jp-nbprod-stage-mark" role="img" aria-label={props.label}>
      {Icon ? (
        <Icon.react tag="span" width="16px" height="16px" />
      ) : (
        <span className="jp-nbprod-spinner" />
      )}
    </span>
  );
}

function ProgressBar(props: {
  progress: IProgress;
  label: string;
}): JSX.Element {
  const { done, total, unit, detail } = props.progress;
  const share = total > 0 ? Math.min(done / total, 1) : 0;
  const text = `${unit} ${done} / ${total}`;
  return (
    <div className="jp-nbprod-progress">
      <div
        className="jp-nbprod-progress-track"
        role="progressbar"
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={text}
      >
        <div
          className="jp-nbprod-progress-bar"
          style={{ width: `${share * 100}%` }}
        />
      </div>
      <span className="jp-nbprod-progress-text" title={detail}>
        {text}
      </span>
    </div>
  );
}

function stateLabel(state: StageState, trans: TranslationBundle): string {
  switch (state) {
    case 'pending':
      return trans.__('to come');
    case 'started':
      return trans.__('going on');
    case 'done':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    case 'skipped':
      return trans.__('left out');
    case 'cancelled':
      return trans.__('cancelled');
  }
}
