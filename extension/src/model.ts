import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IDeployApi } from './api';
import { type IService, type ISnapshot, isActive, newer } from './snapshot';

/** What the user just asked for and the server has not confirmed yet. */
export type Pending = 'saving' | 'starting' | 'stopping-service' | null;

/** Something to tell that is no failure of the deploy itself. */
export interface IProblem {
  message: string;
  fix: string;
}

/** All that is known of one notebook. */
export interface IEntry {
  readonly run: ISnapshot | null;
  /** `Date.now()` when `run` arrived: elapsed times count on from there. */
  readonly receivedAt: number;
  readonly pending: Pending;
  readonly problem: IProblem | null;
  /** The server does not answer; what is shown may be old. */
  readonly offline: boolean;
}

const EMPTY: IEntry = {
  run: null,
  receivedAt: 0,
  pending: null,
  problem: null,
  offline: false
};

const LONGEST_PAUSE = 10_000;

/**
 * The deploys that the server knows, and the notebook that is in front.
 *
 * The server owns the runs. This model shows the newest snapshot of each, and
 * follows the one of the notebook in front: a single held connection, however
 * many deploys are going on.
 */
export class DeployModel implements IDisposable {
  constructor(
    private readonly _api: IDeployApi,
    private readonly _sleep = (ms: number): Promise<void> =>
      new Promise(resolve => setTimeout(resolve, ms))
  ) {}

  /** Emitted when anything that is shown has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The notebook in front, as a path on the server; null if there is none. */
  get path(): string | null {
    return this._path;
  }

  set path(path: string | null) {
    if (path === this._path) {
      return;
    }
    this._path = path;
    this._follow();
    this._changed.emit();
  }

  /** What is known of the notebook in front. */
  get current(): IEntry {
    return this.entry(this._path);
  }

  /** The deployed services; null as long as they are not known. */
  get services(): readonly IService[] | null {
    return this._services;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._following?.abort();
    Signal.clearData(this);
  }

  /** What is known of a notebook. */
  entry(path: string | null): IEntry {
    return (path !== null && this._entries.get(path)) || EMPTY;
  }

  /** Whether a deploy of this notebook can be started now. */
  canStart(path: string | null): boolean {
    const { run, pending } = this.entry(path);
    return path !== null && pending === null && !isActive(run);
  }

  /** Learn from the server what is going on: after a start or a reload. */
  async load(): Promise<void> {
    try {
      for (const snapshot of await this._api.list()) {
        this._accept(snapshot);
      }
    } catch (error) {
      console.warn('nbprod: the server does not list its deploys', error);
    }
    if ([...this._entries.values()].some(entry => entry.run?.result)) {
      await this.refreshServices();
    }
  }

  /**
   * Save a notebook and deploy it.
   *
   * @param path - The notebook.
   * @param save - Writes it to the server's disk.
   */
  async start(path: string, save: () => Promise<void>): Promise<void> {
    if (!this.canStart(path)) {
      return;
    }
    try {
      this._set(path, { pending: 'saving', problem: null });
      await save();
      this._set(path, { pending: 'starting' });
      this._accept(await this._api.start(path));
    } catch (error) {
      // Someone else, or another tab, was quicker: show that deploy.
      const id = (error as { id?: string }).id;
      if (id) {
        await this._adopt(path, id);
      } else {
        this._set(path, { problem: asProblem(error) });
      }
    } finally {
      this._set(path, { pending: null });
    }
  }

  /** Ask the server to end the deploy of a notebook. */
  async cancel(path: string): Promise<void> {
    const { run } = this.entry(path);
    if (!run || run.phase !== 'running') {
      return;
    }
    try {
      this._accept(await this._api.cancel(run.id));
    } catch (error) {
      this._set(path, { problem: asProblem(error) });
    }
  }

  /** Stop the service that the deploy of a notebook ended with. */
  async stopService(path: string): Promise<void> {
    const { run, pending } = this.entry(path);
    if (!run?.result || pending !== null) {
      return;
    }
    this._set(path, { pending: 'stopping-service', problem: null });
    try {
      await this._api.stopService(run.result.name);
    } catch (error) {
      this._set(path, { problem: asProblem(error) });
    }
    await this.refreshServices();
    this._set(path, { pending: null });
  }

  /** Ask the server what is deployed. */
  async refreshServices(): Promise<void> {
    try {
      this._services = await this._api.services();
    } catch (error) {
      console.warn('nbprod: the services are not known', error);
      this._services = null;
    }
    this._emit();
  }

  private async _adopt(path: string, id: string): Promise<void> {
    try {
      this._accept(await this._api.get(id));
    } catch (error) {
      this._set(path, { problem: asProblem(error) });
    }
  }

  /** Show a snapshot, unless a newer one is shown already. */
  private _accept(snapshot: ISnapshot): void {
    const before = this.entry(snapshot.path).run;
    const after = newer(before, snapshot);
    const changes: Partial<IEntry> = { offline: false };
    if (after !== before) {
      Object.assign(changes, { run: after, receivedAt: Date.now() });
    }
    this._set(snapshot.path, changes);
    if (after !== before) {
      if (before && isActive(before) && !isActive(after)) {
        void this.refreshServices();
      }
      if (snapshot.path === this._path) {
        this._follow();
      }
    }
  }

  /** Follow the deploy of the notebook in front, and no other. */
  private _follow(): void {
    const { run } = this.current;
    const id = run && isActive(run) ? run.id : null;
    if (id === this._followed) {
      return;
    }
    this._following?.abort();
    this._following = null;
    this._followed = id;
    if (id !== null && this._path !== null) {
      this._following = new AbortController();
      void this._poll(this._path, id, this._following.signal);
    }
  }

  private async _poll(
    path: string,
    id: string,
    signal: AbortSignal
  ): Promise<void> {
    let pause = 1000;
    while (!signal.aborted && !this._isDisposed) {
      const run = this.entry(path).run;
      if (!run || run.id !== id || !isActive(run)) {
        return;
      }
      try {
        const snapshot = await this._api.follow(id, run.seq, signal);
        if (signal.aborted) {
          return;
        }
        this._accept(snapshot);
        pause = 1000;
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if ((error as { status?: number }).status === 404) {
          this._set(path, { run: null, problem: asProblem(error) });
          this._follow();
          return;
        }
        this._set(path, { offline: true });
        await this._sleep(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  private _set(path: string, changes: Partial<IEntry>): void {
    this._entries.set(path, { ...this.entry(path), ...changes });
    this._emit();
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _changed = new Signal<this, void>(this);
  private _entries = new Map<string, IEntry>();
  private _followed: string | null = null;
  private _following: AbortController | null = null;
  private _isDisposed = false;
  private _path: string | null = null;
  private _services: readonly IService[] | null = null;
}

function asProblem(error: unknown): IProblem {
  const { message, fix } = error as { message?: string; fix?: string };
  return { message: message ?? String(error), fix: fix ?? '' };
}
