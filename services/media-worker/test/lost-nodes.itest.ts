import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { GapWatch, type Gaps } from './browser.fixture.js';
import type { NodeProcess } from './cluster.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

/** No promise, which fault runs measure; other tests may have the machine to themselves just now. */
const BROKEN_MS = 15_000;

const stage = aStage('lost');
let processes: NodeProcess[];
let nodes: NodeCalls[];

beforeEach(async () => {
  processes = await Promise.all(
    ['a', 'b', 'c'].map((name) => stage.cluster.startProcess(`${name}-${String(stage.turn)}`)),
  );
  nodes = processes.map((node) => new NodeCalls(node));
});

afterEach(async () => {
  for (const node of nodes) node.close();
  await Promise.all(processes.map((node) => node.stop()));
});

async function aPublisher(node: NodeCalls, peer: string, replaces?: SessionCalls) {
  const options = replaces ? { replacesSessionId: replaces.sessionId } : {};
  const session = await node.open(stage.room, 'anna', options);
  session.watch();
  await stage.peer(peer).publish(session, { audio: 1, video: 1 });
  return session;
}

async function aViewer(node: NodeCalls): Promise<{ session: SessionCalls; gaps: GapWatch }> {
  const session = await node.open(stage.room, 'ben');
  session.watch();
  const down = stage.peer('ben');
  await down.watch(session, 'anna');
  await down.decodes(1);
  return { session, gaps: await GapWatch.start(stage.page, 'ben', ['ben']) };
}

const follows = (session: SessionCalls, path: readonly string[]) =>
  eventually(async () => {
    const now = (await session.stats()).subscriptions[0]?.path ?? [];
    return now.join() === path.join() ? undefined : `the path is ${now.join()}`;
  }, 15_000);

async function report(what: string, watch: GapWatch): Promise<Gaps> {
  const gaps = await watch.gaps();
  console.info(`${what}: ${JSON.stringify(gaps)}`);
  return gaps;
}

const longest = ({ audioMs, videoMs }: Gaps) => Math.max(audioMs, videoMs);
const id = (name: string) => `${name}-${String(stage.turn)}`;

describe('a viewer on another node', () => {
  test('follows a publisher whose node was frozen, which lets go when it is back', async () => {
    const [a, b, c] = nodes as [NodeCalls, NodeCalls, NodeCalls];
    const old = await aPublisher(a, 'old');
    const ben = await aViewer(b);

    processes[0]!.signalAll('SIGSTOP');
    await aPublisher(c, 'new', old);
    await follows(ben.session, [id('c'), id('b')]);
    await stage.peer('ben').decodes(1);
    const gaps = await report('a frozen node', ben.gaps);
    expect(longest(gaps)).toBeLessThan(BROKEN_MS);
    expect(ben.session.eventsOf('subscriptionEnded')).toEqual([]);

    processes[0]!.signalAll('SIGCONT');
    await eventually(async () => {
      const { streams } = await a.state();
      return streams.length === 0 ? undefined : 'it still says that it has the stream';
    }, 15_000);
    await stage.peer('ben').decodes(1);
  });

  test('notices nothing when only the control process of the other node stalls', async () => {
    const [a, b] = nodes as [NodeCalls, NodeCalls];
    await aPublisher(a, 'old');
    const ben = await aViewer(b);
    processes[0]!.signal('SIGSTOP');
    // The stall itself is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    processes[0]!.signal('SIGCONT');
    await a.state();
    await stage.peer('ben').decodes(1);
    await report('a stalled control process', ben.gaps);
    expect((await ben.session.stats()).subscriptions[0]?.path).toEqual([id('a'), id('b')]);
    expect(ben.session.eventsOf('subscriptionOffered')).toEqual([]);
  });

  test('keeps its subscription while a publisher comes back whose worker was killed', async () => {
    const [a, b, c] = nodes as [NodeCalls, NodeCalls, NodeCalls];
    const old = await aPublisher(a, 'old');
    const ben = await aViewer(b);
    processes[0]!.signalWorkers('SIGKILL');
    await eventually(() => (old.watchEnd === 'ended' ? undefined : 'still watched'));
    expect(old.eventsOf('move').map(({ value }) => value)).toEqual([
      { reason: 'worker lost', deadlineMs: 0 },
    ]);
    await aPublisher(c, 'new', old);
    await follows(ben.session, [id('c'), id('b')]);
    await stage.peer('ben').decodes(1);
    const gaps = await report('a killed worker', ben.gaps);
    expect(longest(gaps)).toBeLessThan(BROKEN_MS);
    expect(ben.session.eventsOf('subscriptionEnded')).toEqual([]);
  });
});
