import type { IDeployApi } from './api';
import { DeployModel } from './model';
import type { IService, ISnapshot, Phase } from './snapshot';
import { newer } from './snapshot';

const PATH = 'work/churn.ipynb';

function snapshot(
  seq: number,
  phase: Phase = 'running',
  more: Partial<ISnapshot> = {}
): ISnapshot {
  return {
    id: 'a',
    path: PATH,
    phase,
    seq,
    started_at: 1,
    elapsed: seq,
    stages: [],
    log: [],
    result: null,
    error: null,
    ...more
  };
}

const RESULT = {
  name: 'churn',
  version: 'v1',
  url: 'http://127.0.0.1:3000/',
  run_id: 'r1'
};
const SERVICE = { ...RESULT, state: 'running' };

/** A server whose long polls are answered by the test. */
class FakeApi implements IDeployApi {
  runs: ISnapshot[] = [];
  deployed: IService[] = [];
  calls: string[] = [];
  startAnswer: () => Promise<ISnapshot> = async () => snapshot(1);
  polls: {
    id: string;
    after: number;
    signal: AbortSignal;
    answer: (snapshot: ISnapshot) => void;
    fail: (error: unknown) => void;
  }[] = [];

  async list() {
    return this.runs;
  }
  async start(path: string) {
    this.calls.push(`start ${path}`);
    return this.startAnswer();
  }
  async get(id: string) {
    this.calls.push(`get ${id}`);
    return this.runs.find(run => run.id === id)!;
  }
  follow(id: string, after: number, signal: AbortSignal) {
    return new Promise<ISnapshot>((answer, fail) => {
      this.polls.push({ id, after, signal, answer, fail });
    });
  }
  async cancel(id: string) {
    this.calls.push(`cancel ${id}`);
    return snapshot(5, 'cancelling');
  }
  async services() {
    this.calls.push('services');
    return this.deployed;
  }
  async stopService(name: string) {
    this.calls.push(`stop ${name}`);
    this.deployed = [];
  }
}

const settle = () => new Promise(resolve => setTimeout(resolve, 0));

function setUp() {
  const api = new FakeApi();
  const pauses: number[] = [];
  const model = new DeployModel(api, async ms => void pauses.push(ms));
  model.path = PATH;
  return { api, model, pauses };
}

describe('newer', () => {
  it('never goes back within a run, and prefers the later run', () => {
    expect(newer(snapshot(5), snapshot(4)).seq).toBe(5);
    expect(newer(snapshot(5), snapshot(6)).seq).toBe(6);
    const later = snapshot(1, 'running', { id: 'b', started_at: 2 });
    expect(newer(snapshot(9), later).id).toBe('b');
    expect(newer(later, snapshot(9)).id).toBe('b');
  });
});

describe('DeployModel', () => {
  it('saves, then starts, then follows to the end', async () => {
    const { api, model } = setUp();
    const seen: string[] = [];
    model.changed.connect(() => {
      seen.push(model.current.pending ?? model.current.run?.phase ?? '-');
    });

    await model.start(PATH, async () => void api.calls.push('save'));
    await settle();

    expect(api.calls).toEqual(['save', `start ${PATH}`]);
    expect(seen.slice(0, 2)).toEqual(['saving', 'starting']);
    expect(model.current.run?.phase).toBe('running');
    expect(model.canStart(PATH)).toBe(false);

    api.polls[0].answer(snapshot(4));
    await settle();
    expect(api.polls[1].after).toBe(4);
    api.deployed = [SERVICE];
    api.polls[1].answer(snapshot(9, 'succeeded', { result: RESULT }));
    await settle();

    expect(model.current.run?.result?.url).toBe(RESULT.url);
    expect(model.services).toEqual([SERVICE]);
    expect(model.canStart(PATH)).toBe(true);
    expect(api.polls).toHaveLength(2);
  });

  it('does not start when saving fails, and says why', async () => {
    const { api, model } = setUp();
    await model.start(PATH, async () => {
      throw new Error('disk full');
    });
    expect(api.calls).toEqual([]);
    expect(model.current.problem?.message).toBe('disk full');
    expect(model.canStart(PATH)).toBe(true);
  });

  it('starts once, however often it is clicked', async () => {
    const { api, model } = setUp();
    await Promise.all([
      model.start(PATH, async () => undefined),
      model.start(PATH, async () => undefined)
    ]);
    expect(api.calls).toEqual([`start ${PATH}`]);
  });

  it('adopts the deploy that another tab started first', async () => {
    const { api, model } = setUp();
    api.runs = [snapshot(3, 'running', { id: 'other', started_at: 2 })];
    api.startAnswer = () => Promise.reject({ status: 409, id: 'other' });
    await model.start(PATH, async () => undefined);
    expect(model.current.run?.id).toBe('other');
    expect(model.current.problem).toBeNull();
    expect(api.polls[0].id).toBe('other');
  });

  it('shows a running deploy again after a reload', async () => {
    const { api, model } = setUp();
    api.runs = [
      snapshot(7, 'running', { id: 'new', started_at: 9 }),
      snapshot(30, 'failed', { id: 'old', started_at: 3 })
    ];
    await model.load();
    expect(model.current.run?.id).toBe('new');
    expect(api.polls[0]).toMatchObject({ id: 'new', after: 7 });
  });

  it('ignores a snapshot that was overtaken', async () => {
    const { api, model } = setUp();
    await model.start(PATH, async () => undefined);
    const late = api.polls[0];
    await model.cancel(PATH);
    expect(model.current.run?.seq).toBe(5);
    late.answer(snapshot(3));
    await settle();
    expect(model.current.run?.phase).toBe('cancelling');
    expect(api.polls[1].after).toBe(5);
  });

  it('resets at once when another notebook comes to the front', async () => {
    const { api, model } = setUp();
    await model.start(PATH, async () => undefined);
    model.path = 'other.ipynb';
    expect(model.current.run).toBeNull();
    expect(api.polls[0].signal.aborted).toBe(true);
    model.path = PATH;
    expect(model.current.run?.id).toBe('a');
    expect(api.polls).toHaveLength(2);
  });

  it('says that the server is away, and goes on when it is back', async () => {
    const { api, model, pauses } = setUp();
    await model.start(PATH, async () => undefined);
    api.polls[0].fail(new TypeError('network'));
    await settle();
    expect(model.current.offline).toBe(true);
    api.polls[1].fail(new TypeError('network'));
    await settle();
    expect(pauses).toEqual([1000, 2000]);
    api.polls[2].answer(snapshot(2));
    await settle();
    expect(model.current.offline).toBe(false);
  });

  it('gives up a run that the server has forgotten', async () => {
    const { api, model } = setUp();
    await model.start(PATH, async () => undefined);
    api.polls[0].fail({ status: 404, message: 'unknown', fix: 'again' });
    await settle();
    expect(model.current.run).toBeNull();
    expect(model.current.problem).toEqual({ message: 'unknown', fix: 'again' });
    expect(model.canStart(PATH)).toBe(true);
    await model.start(PATH, async () => undefined);
    expect(api.polls).toHaveLength(2);
  });

  it('stops the service and learns that it is gone', async () => {
    const { api, model } = setUp();
    api.deployed = [SERVICE];
    api.runs = [snapshot(9, 'succeeded', { result: RESULT })];
    await model.load();
    expect(model.services).toHaveLength(1);
    await model.stopService(PATH);
    expect(api.calls).toContain('stop churn');
    expect(model.services).toEqual([]);
    expect(model.current.pending).toBeNull();
  });

  it('is silent after it is disposed of', async () => {
    const { api, model } = setUp();
    await model.start(PATH, async () => undefined);
    let changes = 0;
    model.changed.connect(() => changes++);
    model.dispose();
    api.polls[0].answer(snapshot(8));
    await settle();
    expect(changes).toBe(0);
    expect(api.polls).toHaveLength(1);
  });
});
