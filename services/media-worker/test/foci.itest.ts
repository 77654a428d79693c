import { execFileSync } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SessionId } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { launchBrowser, openPage } from './browser.fixture.js';
import { FocusCluster, createAt } from './focus-cluster.fixture.js';
import { NodeCalls } from './session.fixture.js';
import { SignalingPage } from './signaling-page.fixture.js';

const LINGER_MS = 1_500;

/** `near` pulls from `far`; `third` may pull from `near`, and `far` from both. */
let far: FocusCluster;
let near: FocusCluster;
let third: FocusCluster;
let browser: Browser;
let page: Page;
let rooms = 0;
let call: string;

beforeAll(async () => {
  [far, near, third, browser] = await Promise.all([
    FocusCluster.open(),
    FocusCluster.open(),
    FocusCluster.open(),
    launchBrowser(),
  ]);
  const variables = (...foci: FocusCluster[]) => ({
    SLUICE_FOCI_ALLOWED: foci.map(({ allowed }) => allowed).join(),
    SLUICE_FOCI_NAMES: 'near.example',
    SLUICE_RELAY_LINGER_MS: String(LINGER_MS),
  });
  await far.startNode('far-1', variables(near, third));
  await near.startNode('near-2', variables(far));
  await near.startNode('near-1', variables(far));
  near.nodes.reverse();
  await third.startNode('third-1', variables(near));
});

afterAll(async () => {
  await browser.close();
  await Promise.all([far, near, third].map((cluster) => cluster[Symbol.asyncDispose]()));
});

beforeEach(async () => {
  page = await openPage(browser);
  await SignalingPage.install(page);
  rooms += 1;
  call = `call-${String(rooms)}`;
});

afterEach(async () => {
  await page.close();
});

const keys = (device = 'anna') => ({ call_id: call, device_id: device, purpose: 'camera' });
const at = (cluster: FocusCluster) => ({ ...keys(), foci: cluster.focus });

async function connected(name: string, cluster: FocusCluster, index = 0): Promise<SignalingPage> {
  const client = new SignalingPage(page, name);
  const { calls, node } = cluster.nodes[index]!;
  await client.connect(createAt(calls, node));
  return client;
}

async function publisher(): Promise<SignalingPage> {
  const anna = await connected('anna', far);
  expect(await anna.publish(keys())).toMatchObject({ event: 'publish' });
  return anna;
}

const framesOf = async (client: SignalingPage) =>
  (await client.shown()).reduce((sum, { framesDecoded }) => sum + framesDecoded, 0);

async function decodes(client: SignalingPage): Promise<void> {
  const before = await framesOf(client);
  await eventually(async () => {
    const more = (await framesOf(client)) - before;
    return more > 2 ? undefined : `${String(more)} frames more`;
  }, 30_000);
}

/** Sessions that watch at a server. */
async function pullsAt(cluster: FocusCluster): Promise<string[]> {
  const states = await Promise.all(cluster.nodes.map(({ calls }) => calls.state()));
  return states
    .flatMap(({ sessions }) => sessions)
    .filter(({ room, present }) => room === call && !present)
    .map(({ sessionId }) => sessionId);
}

const pulledOnce = () =>
  eventually(async () => {
    const pulls = await pullsAt(far);
    return pulls.length === 1 ? undefined : `${String(pulls.length)} pulls`;
  }, 20_000);

/** Processes that this one dials with. */
function dialingProcesses(): string[] {
  const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,args='], {
    encoding: 'utf8',
  });
  return children
    .split('\n')
    .filter((line) => line.includes('dialing/agent.js'))
    .map((line) => line.trim().split(' ')[0] ?? '');
}

test('a stream of another server is pulled once for all, and let go', async () => {
  await publisher();
  const [ben, cora, dan] = [
    await connected('ben', near),
    await connected('cora', near),
    await connected('dan', near, 1),
  ];
  const answers = await Promise.all([
    ben.subscribe(at(far)),
    cora.subscribeByOffer(at(far)),
    dan.subscribe(at(far)),
  ]);
  expect(answers.map(({ event }) => event)).toEqual(['subscribe', 'subscribe', 'subscribe']);
  await Promise.all([decodes(ben), decodes(cora), decodes(dan)]);
  await pulledOnce();
  for (const client of [ben, cora, dan]) {
    expect(await client.ask({ event: 'unsubscribe', id: 'bye', ...at(far) })).toMatchObject({
      event: 'unsubscribe',
    });
  }
  await eventually(
    async () => ((await pullsAt(far)).length === 0 ? undefined : 'still pulled'),
    15_000,
  );
  expect(await ben.subscribe(at(far), 'again')).toMatchObject({ event: 'subscribe' });
  await decodes(ben);
});

test('a crash of what dials takes nothing with it, and the stream comes back', async () => {
  await publisher();
  const ben = await connected('ben', near);
  await ben.subscribe(at(far));
  await decodes(ben);
  const before = dialingProcesses();
  expect(before.length).toBeGreaterThan(0);
  for (const pid of before) process.kill(Number(pid), 'SIGKILL');
  await eventually(() => {
    const now = dialingProcesses();
    return now.length > 0 && !now.some((pid) => before.includes(pid)) ? undefined : 'not dialled';
  });
  await decodes(ben);
  expect((await ben.heard()).filter(({ event }) => event === 'error')).toEqual([]);
});

test('only what the operator allows is dialled, and errors say why', async () => {
  const ben = await connected('ben', near);
  const denied = await ben.subscribe({ ...keys(), foci: '169.254.169.254' }, 'denied');
  expect(denied).toMatchObject({
    event: 'error',
    message: 'this server may not pull streams from there',
  });
  const missing = await ben.subscribe(at(far), 'missing');
  expect(missing).toMatchObject({ event: 'error' });
  expect(missing.message).toContain('No Such Stream');
  // Ourselves, by our name.
  const own = await ben.subscribe({ ...keys(), foci: 'NEAR.example' }, 'own');
  expect(own.message).toContain('No Such Stream');
  expect(await pullsAt(far)).toEqual([]);
});

test('servers that pull from each other, or in a ring, refuse what would go round', async () => {
  await publisher();
  const ben = await connected('ben', near);
  await ben.subscribe(at(far));
  await decodes(ben);
  const [toNear, toThird] = [near.dialled, third.dialled];
  const pulled = (...way: FocusCluster[]) => ({
    ...keys(),
    call_id: [...way.map(({ focus }) => focus), call].join('/'),
  });
  const cora = await connected('cora', far);
  const dan = await connected('dan', third);
  const refused = [
    // Where a stream is pulled it is not published.
    await cora.subscribe(at(near), 'back'),
    await dan.subscribe(at(near), 'on'),
    // Nor is it to be had there by the name that it has there.
    await cora.subscribe({ ...pulled(far), foci: near.focus }, 'back, by name'),
    await dan.subscribe({ ...pulled(far), foci: near.focus }, 'on, by name'),
    await cora.subscribe({ ...pulled(near, far), foci: third.focus }, 'round'),
    await ben.subscribe(pulled(far), 'here'),
    await ben.publish(pulled(far), 'in its place'),
  ];
  const noSuchStream = expect.stringContaining('No Such Stream') as string;
  const there = `the other server refuses: Loop refused: ask ${far.focus} for its streams`;
  const here = (cluster: FocusCluster) => `Loop refused: ask ${cluster.focus} for its streams`;
  expect(refused.map(({ message }) => message)).toEqual([
    noSuchStream,
    noSuchStream,
    there,
    there,
    here(near),
    here(far),
    here(far),
  ]);
  expect([near.dialled, third.dialled]).toEqual([toNear + 4, toThird]);
  expect(await pullsAt(far)).toHaveLength(1);
  await decodes(ben);
});

test('what is mute there is asked for again beside it, and nobody notices', async () => {
  await publisher();
  const ben = await connected('ben', near);
  await ben.subscribe(at(far));
  await decodes(ben);
  const publication = far.nodes[0]!.node.node.publications.find(({ name }) => name.room === call);
  await publication!.setMuted(['audio', 'video'], true);
  await eventually(
    async () => ((await pullsAt(far)).length === 2 ? undefined : 'not asked for'),
    20_000,
  );
  await pulledOnce();
  await publication!.setMuted(['audio', 'video'], false);
  await decodes(ben);
  expect((await ben.heard()).map(({ event }) => event)).toEqual(['subscribe']);
});

test('whom a host of the other server puts out does not come back by itself', async () => {
  await publisher();
  const [ben, dan] = [await connected('ben', near), await connected('dan', near, 1)];
  await ben.subscribe(at(far));
  await decodes(ben);
  await dan.subscribeByOffer(at(far), 'watching');
  await decodes(dan);
  const [pull] = await pullsAt(far);
  far.nodes[0]!.node.node.closeSession(SessionId(pull!), 'removed by the host');
  expect(await dan.hear('watching')).toMatchObject({ event: 'error' });
  await eventually(() => {
    const rooms = near.nodes.flatMap(({ node }) => node.node.publications.map(({ name }) => name));
    return rooms.some(({ room }) => room.endsWith(call)) ? 'still pulled' : undefined;
  });
  expect(await pullsAt(far)).toEqual([]);
});

test('a server that stands still is noticed, and asked again until it goes on', async () => {
  const stopped = await far.cluster.startProcess('far-2');
  const calls = new NodeCalls(stopped);
  const { answer } = far;
  try {
    far.answer = createAt(calls, stopped);
    const anna = new SignalingPage(page, 'anna');
    await anna.connect(far.answer);
    expect(await anna.publish(keys())).toMatchObject({ event: 'publish' });
    const [ben, dan] = [await connected('ben', near), await connected('dan', near, 1)];
    await Promise.all([ben.subscribe(at(far)), dan.subscribeByOffer(at(far), 'first')]);
    await Promise.all([decodes(ben), decodes(dan)]);
    const before = far.dialled;
    stopped.signalAll('SIGSTOP');
    // Of the stream nothing is left, which those who watch are offered.
    await eventually(async () => {
      const offers = (await ben.heard()).filter(({ event }) => event === 'subscribe');
      return offers.length > 1 ? undefined : 'not told';
    }, 30_000);
    expect(await dan.hear('first')).toMatchObject({ event: 'error' });
    await eventually(() => (far.dialled > before + 1 ? undefined : 'not asked again'), 30_000);
    stopped.signalAll('SIGCONT');
    await decodes(ben);
    await dan.subscribeByOffer(at(far), 'again');
    await decodes(dan);
    expect((await ben.heard()).filter(({ event }) => event === 'error')).toEqual([]);
  } finally {
    far.answer = answer;
    calls.close();
    await stopped.stop();
  }
});

test('of a node that drains another one takes over before it lets go', async () => {
  await publisher();
  const [ben, dan] = [await connected('ben', near), await connected('dan', near, 1)];
  await ben.subscribe(at(far));
  await decodes(ben);
  await dan.subscribe(at(far));
  await decodes(dan);
  const [first] = await pullsAt(far);
  const [drained, heir] = near.nodes;
  const seen = new Set<number>();
  try {
    await drained!.calls.drain(60_000);
    await eventually(async () => {
      const pulls = await pullsAt(far);
      seen.add(pulls.length);
      return pulls.includes(first!) ? 'not moved' : undefined;
    }, 30_000);
    expect([...seen].sort()).toEqual([1, 2]);
    await Promise.all([decodes(dan), decodes(ben)]);
    expect(heir!.node.node.publications.map(({ name }) => name.room)).toContain(
      `${far.focus}/${call}`,
    );
    const heard = (await dan.heard()).map(({ event }) => event);
    expect(heard).not.toContain('error');
  } finally {
    drained!.node.node.undrain();
  }
});

test('where the core that pulls dies, another node pulls for those who watch there', async () => {
  await publisher();
  const [ben, dan] = [await connected('ben', near), await connected('dan', near, 1)];
  await ben.subscribe(at(far));
  await decodes(ben);
  await dan.subscribe(at(far));
  await decodes(dan);
  const [first, heir] = near.nodes.map(({ node }) => node);
  const { workers } = first!;
  process.kill(workers.pids().get(workers.list[0]!.routerId)!, 'SIGKILL');
  await eventually(() => {
    const rooms = heir!.node.publications.map(({ name }) => name.room);
    return rooms.includes(`${far.focus}/${call}`) ? undefined : 'not pulled';
  }, 30_000);
  await decodes(dan);
});
