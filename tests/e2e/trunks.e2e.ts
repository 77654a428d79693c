import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';
import { processTree } from '../processes.js';

/** Three clusters that know nothing of each other but what their lists of servers say. */
const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

const ROOM = 'umbrella';
const clusters = new Map<Name, Cluster>();
let browsers: BrowserKit;

beforeAll(async () => {
  const starting = NAMES.map(async (name) => {
    // One that dials may die.
    const options = { nodes: 1, workersPerNode: 1, gateways: name === 'a' ? 2 : 1 };
    clusters.set(name, await startClusterUnderTest(`trunks-${name}`, options));
  });
  browsers = await BrowserKit.open();
  await Promise.all(starting);
}, 90_000);

afterAll(async () => {
  await browsers.close();
  await Promise.all([...clusters.values()].map((cluster) => cluster.stop()));
});

const at = (name: Name) => clusters.get(name)!;

const present: BrowserParticipant[] = [];

async function enter(name: Name, subject: string, ws = at(name).ws): Promise<BrowserParticipant> {
  const token = await at(name).token({ subject });
  const participant = await browsers.participant(ws, token);
  present.push(participant);
  await participant.join(ROOM);
  return participant;
}

const everybodyLeaves = () =>
  Promise.all(present.splice(0).map((participant) => participant.leave()));

/** Of a gateway that runs. */
const originOf = (name: Name) => at(name).services('gateway')[0]?.addresses['http'] ?? '';

/** Where a cluster lets trunks in, with a token of its own. */
async function door(name: Name, subject: string): Promise<string> {
  const token = await at(name).token({ subject });
  const query = new URLSearchParams({ token }).toString();
  return `${at(name).origin.replace(/^http/, 'ws')}/wsb?${query}`;
}

async function setServers(name: Name, servers: readonly string[]): Promise<void> {
  const token = await at(name).token({ subject: 'operator', admin: true });
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return [0x0a, (bytes.length & 127) | 128, bytes.length >> 7, ...bytes];
  };
  const response = await fetch(`${at(name).origin}/servers`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-protobuf', Authorization: `Bearer ${token}` },
    body: Buffer.from(servers.flatMap(text)),
  });
  expect(response.status).toBe(200);
}

const streams = async (name: Name) => reportOf(`${originOf(name)}/api/v1`).streams(ROOM);

/** What came over trunks, without the way by which it came. */
async function imported(name: Name) {
  const all = (await streams(name)).filter(({ participant }) =>
    participant.startsWith('umbrella-'),
  );
  return all.map(({ participant, purpose, tracks }) => {
    const [, path = '', umbrellaId = ''] = purpose.split(':');
    const hops = path === '' ? 0 : path.split('+').length;
    return { publisher: participant, purpose, umbrellaId, hops, kind: tracks[0]?.kind };
  });
}

async function untilImported(name: Name, count: number) {
  let found: Awaited<ReturnType<typeof imported>> = [];
  await eventually(async () => {
    found = await imported(name);
    return found.length === count ? undefined : `${name} has ${JSON.stringify(found)}`;
  }, 30_000);
  return found;
}

async function videoAt(name: Name) {
  await eventually(async () => {
    const found = (await imported(name)).some(({ kind }) => kind === 'video');
    return found ? undefined : `${name} has no picture`;
  }, 30_000);
  return (await imported(name)).find(({ kind }) => kind === 'video')!;
}

async function watch(name: Name, viewer: BrowserParticipant) {
  const { publisher, purpose } = await videoAt(name);
  await viewer.subscribe({ room: ROOM, publisher, purpose });
  await seeVideo(viewer, { publisher, purpose });
  return { publisher, purpose };
}

/** Their umbrella ids. */
const idsAt = async (name: Name) => (await imported(name)).map(({ umbrellaId }) => umbrellaId);

/** Until those tracks are there, each once, and no others. */
async function untilIds(name: Name, wanted: readonly string[]): Promise<void> {
  await eventually(async () => {
    const found = (await idsAt(name)).sort().join();
    const missing = `${name} has ${found} and not ${wanted.join()}`;
    return found === wanted.toSorted().join() ? undefined : missing;
  }, 30_000);
}

/** Until there is one track more than those, which are still there, each once. */
async function newIdsAt(name: Name, known: readonly string[]): Promise<readonly string[]> {
  let news: readonly string[] = [];
  await eventually(async () => {
    const found = await imported(name);
    const ids = found.map(({ umbrellaId }) => umbrellaId);
    news = ids.filter((id) => !known.includes(id));
    const once = new Set(ids).size === ids.length;
    return news.length === 1 && once ? undefined : `${name} has ${JSON.stringify(found)}`;
  }, 30_000);
  return news;
}

/** Bytes per second that the node of a cluster sends to and receives from whoever is connected to it. */
async function traffic(name: Name) {
  const [node] = at(name).services('node');
  const text = await (await fetch(`${node?.addresses['admin'] ?? ''}/metrics`)).text();
  const of = (direction: string) =>
    Number(
      new RegExp(
        `^sluice_media_traffic_bytes_per_second\\{direction="${direction}"\\} (\\S+)`,
        'm',
      ).exec(text)?.[1],
    );
  return { in: of('in'), out: of('out') };
}

/** Frames of trunks that all clusters have handled. */
async function framesHandled(): Promise<number> {
  const gateways = NAMES.flatMap((name) => at(name).services('gateway'));
  const counts = gateways.map(async (gateway) => {
    const text = await (await fetch(`${gateway.addresses['admin'] ?? ''}/metrics`)).text();
    const lines = text.matchAll(/^sluice_gateway_requests_total\{type="umbrella",.*\} (\d+)/gm);
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Until nothing is sent but what keeps connections alive. */
async function untilQuiet(name: Name): Promise<void> {
  await eventually(async () => {
    const { out } = await traffic(name);
    return out < 3_000 ? undefined : `${name} sends ${out} bytes per second`;
  }, 20_000);
}

/** Umbrella ids of ann’s two tracks: the same on every trunk. */
let anns: readonly string[];

test('streams cross a trunk both ways, and only while somebody watches', async () => {
  const ann = await enter('a', 'ann');
  await ann.publish({ room: ROOM, video: { width: 320, height: 240 }, audio: true });
  await setServers('a', [await door('b', 'a')]);
  const bob = await enter('b', 'bob');
  anns = (await untilImported('b', 2)).map(({ umbrellaId }) => umbrellaId);
  await untilQuiet('a');
  const { publisher, purpose } = await watch('b', bob);
  await bob.unsubscribe({ room: ROOM, publisher, purpose });
  await untilQuiet('a');
  await watch('b', bob);
  await bob.publish({ room: ROOM, video: { width: 320, height: 240 } });
  await watch('a', ann);
  await untilImported('a', 1);
  await untilImported('b', 2);
}, 120_000);

test('in a ring of three each stream comes once, and another way when the first is cut off', async () => {
  const cid = await enter('c', 'cid');
  const bobs = await idsAt('a');
  await setServers('b', [await door('c', 'b')]);
  await setServers('c', [await door('a', 'c')]);
  await untilIds('c', [...anns, ...bobs]);
  await cid.publish({ room: ROOM, video: { width: 320, height: 240 } });
  const cids = await newIdsAt('a', bobs);
  await untilIds('b', [...anns, ...cids]);
  await untilIds('a', [...bobs, ...cids]);
  await untilIds('c', [...anns, ...bobs]);
  const video = (await imported('c')).filter(({ kind }) => kind === 'video');
  expect(video).toHaveLength(2);
  for (const { publisher, purpose } of video) {
    await cid.subscribe({ room: ROOM, publisher, purpose });
    await seeVideo(cid, { publisher, purpose });
  }
  // Nothing is said any more while the pictures go on.
  const [shown] = video;
  await eventually(async () => {
    const before = await framesHandled();
    await seeVideo(cid, shown!);
    const after = await framesHandled();
    return before > 0 && after === before ? undefined : `${after - before} frames`;
  }, 30_000);
  // Nobody's own stream comes home.
  const own = async (name: Name) =>
    (await streams(name)).filter(({ participant }) => !participant.startsWith('umbrella-')).length;
  expect([await own('a'), await own('b'), await own('c')]).toEqual([1, 1, 1]);

  await setServers('a', []);
  // Ann's two by way of c, cid's from there.
  let found: Awaited<ReturnType<typeof imported>> = [];
  await eventually(async () => {
    found = await imported('b');
    const far = found.filter(({ hops }) => hops === 2).map(({ umbrellaId }) => umbrellaId);
    const there = JSON.stringify(await imported('c'));
    const due = found.length === 3 && far.sort().join() === anns.toSorted().join();
    return due ? undefined : `b ${JSON.stringify(found)}, c ${there}`;
  }, 30_000);
  const far = found.find(({ hops, kind }) => hops === 2 && kind === 'video')!;
  const bert = await enter('b', 'bert');
  await bert.subscribe({ room: ROOM, publisher: far.publisher, purpose: far.purpose });
  await seeVideo(bert, { publisher: far.publisher, purpose: far.purpose });
}, 180_000);

test('a trunk comes back when a media worker dies at either end, and nothing is there twice', async () => {
  for (const name of ['b', 'c'] as const) await setServers(name, []);
  await Promise.all(NAMES.map(untilHungUp));
  await untilImported('b', 0);
  await setServers('a', [await door('b', 'a')]);
  // Cid’s may come for a moment: a has what c sent it until it sees that their trunk is gone.
  await untilIds('b', anns);
  const eve = await enter('b', 'eve');
  const { purpose } = await watch('b', eve);

  await killWorkers('b');
  const fay = await enter('b', 'fay');
  await untilIds('b', anns);
  expect((await watch('b', fay)).purpose).toBe(purpose);

  await killWorkers('a');
  const gus = await enter('a', 'gus');
  await gus.publish({ room: ROOM, video: { width: 320, height: 240 } });
  const [id] = await newIdsAt('b', anns);
  const found = (await imported('b')).find(({ umbrellaId }) => umbrellaId === id)!;
  const hal = await enter('b', 'hal');
  await hal.subscribe({ room: ROOM, publisher: found.publisher, purpose: found.purpose });
  await seeVideo(hal, { publisher: found.publisher, purpose: found.purpose });
}, 180_000);

/** Which gateway of a cluster has its one trunk, where it has one. */
async function linkedGateway(name: Name): Promise<string | undefined> {
  const token = await at(name).token({ subject: 'operator', admin: true });
  const headers = {
    'Content-Type': 'application/x-protobuf',
    Authorization: `Bearer ${token}`,
  };
  const status = await (await fetch(`${originOf(name)}/status`, { headers })).text();
  return /gateway-\d/.exec(status)?.[0];
}

async function dialingGateway(name: Name): Promise<string> {
  let found: string | undefined;
  await eventually(async () => {
    found = await linkedGateway(name);
    return found === undefined ? 'no link' : undefined;
  }, 20_000);
  return found!;
}

/** Until what was dialled is hung up: streams that go over it end, and begin anew over the next one. */
async function untilHungUp(name: Name): Promise<void> {
  await eventually(async () => {
    const found = await linkedGateway(name);
    return found === undefined ? undefined : `${found} still has a link`;
  }, 20_000);
}

/** Until no session is left that no gateway watches. */
async function untilNoGhosts(name: Name): Promise<void> {
  const [node] = at(name).services('node');
  await eventually(async () => {
    const text = await (await fetch(`${node?.addresses['admin'] ?? ''}/metrics`)).text();
    const [, ghosts] = /^sluice_media_sessions\{state="detached"\} (\d+)/m.exec(text) ?? [];
    return ghosts === '0' ? undefined : `${name} has ${String(ghosts)}`;
  }, 20_000);
}

test('a trunk comes back when a gateway is killed that holds it, at either end, and leaves no ghosts', async () => {
  await everybodyLeaves();
  await setServers('a', []);
  await untilHungUp('a');
  await Promise.all([untilImported('a', 0), untilImported('b', 0)]);
  await setServers('a', [await door('b', 'a')]);
  const dialing = await dialingGateway('a');
  const spared = at('a')
    .services('gateway')
    .find(({ name }) => name !== dialing)!;
  const sparedWs = `${spared.addresses['http']!.replace(/^http/, 'ws')}/ws`;
  const ida = await enter('a', 'ida', sparedWs);
  await ida.publish({ room: ROOM, video: { width: 320, height: 240 } });
  await untilImported('b', 1);
  const idas = await idsAt('b');
  const kim = await enter('b', 'kim');
  await watch('b', kim);
  await kim.publish({ room: ROOM, video: { width: 320, height: 240 } });
  await watch('a', ida);

  await at('a').kill(dialing, 'SIGKILL');
  await untilImported('b', 0);
  await untilIds('b', idas);
  expect(await dialingGateway('a')).toBe(spared.name);
  const lea = await enter('b', 'lea');
  await watch('b', lea);
  await watch('a', await enter('a', 'max', sparedWs));
  await Promise.all([untilNoGhosts('a'), untilNoGhosts('b')]);

  await Promise.all([kim.leave(), lea.leave()]);
  await untilImported('a', 0);
  await at('b').kill('gateway-1', 'SIGKILL');
  await at('b').restart('gateway-1');
  const noa = await enter('b', 'noa');
  await untilIds('b', idas);
  await watch('b', noa);
  await noa.publish({ room: ROOM, video: { width: 320, height: 240 } });
  await watch('a', ida);
  await untilNoGhosts('a');
}, 180_000);

/** Until others are in their places. */
async function killWorkers(name: Name): Promise<void> {
  const [node] = at(name).services('node');
  const logged = () => at(name).logOf('node-1').split('mediasoup worker is back').length;
  const before = logged();
  for (const pid of processTree(node!.pid)) {
    const program = readFileSync(`/proc/${pid}/comm`, 'utf8');
    if (program.startsWith('mediasoup-worke')) process.kill(pid, 'SIGKILL');
  }
  await eventually(() => Promise.resolve(logged() > before ? undefined : 'no other worker'));
  await eventually(async () => {
    const [known] = await reportOf(at(name).api).nodes();
    return known?.state === 'serving' ? undefined : 'the node does not serve';
  });
}
