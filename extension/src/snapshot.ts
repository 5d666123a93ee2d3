/**
 * What the server tells of one deploy: the JSON of `nbprod/deployments/ID`.
 */

/** Where a deploy as a whole stands. */
export type Phase =
  'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';

/** Where one stage stands. */
export type StageState =
  'pending' | 'started' | 'done' | 'failed' | 'skipped' | 'cancelled';

/** Work done within a stage. */
export interface IProgress {
  done: number;
  total: number;
  unit: string;
  detail: string;
}

/** One stage of a deploy, in the order of the plan. */
export interface IStage {
  name: string;
  title: string;
  state: StageState;
  detail: string;
  progress: IProgress | null;
  /** Seconds so far, or in all; null before it started. */
  elapsed: number | null;
}

/** A line of the log's tail. */
export interface ILogLine {
  text: string;
  level: string;
}

/** What `nbprod deploy` answers at its end. */
export interface IResult {
  name: string;
  version: string;
  url: string;
  run_id: string;
  checked_rows?: number;
  curl?: string;
}

/** Why a deploy failed, and where. */
export interface IFailure {
  message: string;
  fix?: string;
  cell?: number;
  line?: number;
  step?: string;
  first_line?: string;
  exception?: string;
  traceback?: string;
  diagnostics?: IDiagnostic[];
}

/** A finding about the notebook that stands in the way. */
export interface IDiagnostic {
  code: string;
  severity: string;
  cell: number;
  line: number;
  message: string;
  fix: string;
}

/** One deploy. `seq` grows with every change; the highest one is the truth. */
export interface ISnapshot {
  id: string;
  path: string;
  phase: Phase;
  seq: number;
  /** Seconds since 1970 when it was started. */
  started_at: number;
  /** Seconds so far, or in all. */
  elapsed: number;
  stages: IStage[];
  log: ILogLine[];
  result: IResult | null;
  error: IFailure | null;
}

/** A deployed service, as `nbprod status` lists it. */
export interface IService {
  name: string;
  version: string;
  state: string;
  url: string;
}

/**
 * Whether a deploy is still going on.
 */
export function isActive(snapshot: ISnapshot | null): boolean {
  return snapshot?.phase === 'running' || snapshot?.phase === 'cancelling';
}

/**
 * Choose between the snapshot that is shown and one that just arrived.
 *
 * Answers can overtake each other: of one deploy the higher `seq` counts, of two
 * deploys of a notebook the one that was started later.
 */
export function newer(shown: ISnapshot | null, arrived: ISnapshot): ISnapshot {
  if (shown === null) {
    return arrived;
  }
  if (shown.id === arrived.id) {
    return arrived.seq > shown.seq ? arrived : shown;
  }
  return arrived.started_at >= shown.started_at ? arrived : shown;
}
