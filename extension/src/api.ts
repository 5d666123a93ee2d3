import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IService, ISnapshot } from './snapshot';

/** What the panel asks of the server. */
export interface IDeployApi {
  list(): Promise<ISnapshot[]>;
  start(path: string): Promise<ISnapshot>;
  /** Answer once there is something newer than `after`, or after a while. */
  follow(id: string, after: number, signal: AbortSignal): Promise<ISnapshot>;
  get(id: string): Promise<ISnapshot>;
  cancel(id: string): Promise<ISnapshot>;
  services(): Promise<IService[]>;
  stopService(name: string): Promise<void>;
}

/** An answer of the server that says what is wrong, and what to do. */
export class ProblemError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly fix: string = '',
    readonly id: string = ''
  ) {
    super(message);
    this.name = 'ProblemError';
  }
}

/** The routes of the server extension. */
export class DeployApi implements IDeployApi {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  async list(): Promise<ISnapshot[]> {
    const answer = await this._request<{ runs: ISnapshot[] }>('deployments');
    return answer.runs;
  }

  start(path: string): Promise<ISnapshot> {
    return this._request('deployments', {
      method: 'POST',
      body: JSON.stringify({ path })
    });
  }

  get(id: string): Promise<ISnapshot> {
    return this._request(`deployments/${id}`);
  }

  follow(id: string, after: number, signal: AbortSignal): Promise<ISnapshot> {
    return this._request(`deployments/${id}?after=${after}`, { signal });
  }

  cancel(id: string): Promise<ISnapshot> {
    return this._request(`deployments/${id}`, { method: 'DELETE' });
  }

  async services(): Promise<IService[]> {
    const answer = await this._request<{ deployments: IService[] }>('services');
    return answer.deployments;
  }

  async stopService(name: string): Promise<void> {
    const path = `services/${encodeURIComponent(name)}/stop`;
    await this._request(path, { method: 'POST', body: '{}' });
  }

  private async _request<T>(path: string, init: RequestInit = {}): Promise<T> {
    const url = URLExt.join(this._settings.baseUrl, 'nbprod') + '/' + path;
    const response = await ServerConnection.makeRequest(
      url,
      init,
      this._settings
    );
    const text = await response.text();
    let body: Record<string, unknown> = {};
    try {
      body = JSON.parse(text);
    } catch {
      // A proxy's HTML page, most likely: the status says enough.
    }
    if (!response.ok) {
      throw new ProblemError(
        String(body.message ?? `${response.status} ${response.statusText}`),
        response.status,
        String(body.fix ?? ''),
        String(body.id ?? '')
      );
    }
    return body as T;
  }
}
