import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { GapWatch } from './browser.fixture.js';
import type { NodeProcess } from './cluster.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

/** No promise, which fault runs measure; other tests may have the machine to themselves just now. */
const BROKEN_MS = 5_000;
/** Of the whole test: what ends earlier did not wait for it. */
const DEADLINE_MS = 50_000;

const stage = aStage('drain');
let processes: NodeProcess[];
let nodes: NodeCalls[];

beforeEach(async () => {
  const drainMs = { SLUICE_DRAIN_MS: String(DEADLINE_MS) };
  processes = await Promise.all(
    ['a', 'b'].map((name) => stage.cluster.startProcess(`${name}-${String(stage.turn)}`, drainMs)),
  );
  nodes = processes.map((node) => new NodeCalls(node));
});

afterEach(async () => {
  for (const node of nodes) node.close();
  for (const { child } of processes) child.kill('SIGKILL');
  await Promise.all(processes.map((node) => node.stop()));
});

/** A client that obeys `move`: begins again on another node, and ends what it had when that works. */
class Client {
  session!: SessionCalls;
  #moves = 0;

  constructor(
    readonly name: string,
    private readonly begin: (session: SessionCalls, peer: string) => Promise<void>,
    /** One that sends leaves it to the node: viewers follow a moment later. */
    private readonly closesOldPeer: boolean,
  ) {}

  get peer(): string {
    return `${this.name}-${String(this.#moves)}`;
  }

  async start(node: NodeCalls): Promise<void> {
    this.session = await node.open(stage.room, this.name);
    this.session.watch();
    await this.begin(this.session, this.peer);
  }

  asked(): Promise<void> {
    return eventually(() =>
      this.session.eventsOf('move').length > 0 ? undefined : `${this.name} was not asked to move`,
    );
  }

  async moveTo(node: NodeCalls): Promise<void> {
    const [old, oldPeer] = [this.session, this.peer];
    this.#moves += 1;
    this.session = await node.open(stage.room, this.name, { replacesSessionId: old.sessionId });
    this.session.watch();
    await this.begin(this.session, this.peer);
    await old.closeSession('moved');
    if (this.closesOldPeer) await stage.peer(oldPeer).close();
  }
}

const aPublisher = () =>
  new Client(
    'anna',
    async (session, peer) => {
      await stage.peer(peer).publish(session, { audio: 1, video: 1 });
    },
    false,
  );

const aViewer = (name: string) =>
  new Client(
    name,
    async (session, peer) => {
      const down = stage.peer(peer);
      await down.watch(session, 'anna');
      await down.decodes(1);
    },
    true,
  );

describe('a node that is told to stop', () => {
  test('has its clients move, loses nobody, and ends as soon as all have gone', async () => {
    const [a, b] = nodes as [NodeCalls, NodeCalls];
    const [anna, ben, cora] = [aPublisher(), aViewer('ben'), aViewer('cora')];
    await anna.start(a);
    await ben.start(a);
    await cora.start(b);
    const watches = {
      ben: await GapWatch.start(stage.page, 'ben', ['ben-0', 'ben-1']),
      cora: await GapWatch.start(stage.page, 'cora', ['cora-0']),
    };

    const exited = once(processes[0]!.child, 'exit');
    processes[0]!.signal('SIGTERM');
    await Promise.all([anna.asked(), ben.asked()]);
    expect(anna.session.eventsOf('move')[0]?.value.reason).toBe('draining');
    await expect(a.open(stage.room, 'dora')).rejects.toMatchObject({ code: 'NODE_DRAINING' });
    await Promise.all([anna.moveTo(b), ben.moveTo(b)]);
    expect(await exited).toEqual([0, null]);

    for (const viewer of [ben, cora]) await stage.peer(viewer.peer).decodes(1);
    for (const [name, watch] of Object.entries(watches)) {
      const gaps = await watch.gaps();
      console.info(`drained, ${name}: ${JSON.stringify(gaps)}`);
      expect(Math.max(gaps.audioMs, gaps.videoMs)).toBeLessThan(BROKEN_MS);
    }
    expect(cora.session.eventsOf('subscriptionEnded')).toEqual([]);
  });
});

describe('a node that drains', () => {
  test('serves again when that is taken back, and who stayed goes on', async () => {
    const [a] = nodes as [NodeCalls];
    const anna = aPublisher();
    await anna.start(a);
    await a.drain(DEADLINE_MS, 'upgrade');
    await anna.asked();
    await expect(a.open(stage.room, 'ben')).rejects.toMatchObject({ code: 'NODE_DRAINING' });
    await a.undrain();
    const ben = aViewer('ben');
    await ben.start(a);
    await a.undrain();
    expect((await a.state()).sessions).toHaveLength(2);
    const again = anna.session.eventsOf('move').length;
    anna.session.watch();
    await eventually(() => (anna.session.eventsOf('snapshot').length === 2 ? undefined : 'no'));
    expect(anna.session.eventsOf('move')).toHaveLength(again);
  });

  test('ends who is left at the deadline', async () => {
    const [a] = nodes as [NodeCalls];
    const anna = aPublisher();
    await anna.start(a);
    await a.drain(DEADLINE_MS);
    await anna.asked();
    await a.drain(100);
    await eventually(() => (anna.session.watchEnd === 'ended' ? undefined : 'it lives'));
    expect(anna.session.eventsOf('ended')[0]?.value.reason).toBe('drained');
    expect((await a.state()).sessions).toEqual([]);
    expect(anna.session.eventsOf('move')).toHaveLength(1);
  });
});
