import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';

/** Three clusters that know nothing of each other but what their lists of servers say. */
const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

const ROOM = 'umbrella';
const clusters = new Map<Name, Cluster>();
let browsers: BrowserKit;

beforeAll(async () => {
  const starting = NAMES.map(async (name) => {
    const options = { nodes: 1, workersPerNode: 1, gateways: 1 };
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

async function enter(name: Name, subject: string): Promise<BrowserParticipant> {
  const token = await at(name).token({ subject });
  const participant = await browsers.participant(at(name).ws, token);
  await participant.join(ROOM);
  return participant;
}

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

const streams = async (name: Name) => reportOf(at(name).api).streams(ROOM);

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
  await eventually(async () => {
    const found = await imported(name);
    return found.length === count ? undefined : `${name} has ${JSON.stringify(found)}`;
  }, 30_000);
  return imported(name);
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

const idsAt = async (name: Name) => (await imported(name)).map(({ umbrellaId }) => umbrellaId);

/** Until those tracks are there, each once, and no others. */
async function untilIds(name: Name, wanted: readonly string[]): Promise<void> {
  await eventually(async () => {
    const found = (await idsAt(name)).sort().join();
    return found === wanted.toSorted().join() ? undefined : `${name} has ${found}`;
  }, 30_000);
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

/** Until nothing is sent but what keeps connections alive. */
async function untilQuiet(name: Name): Promise<void> {
  await eventually(async () => {
    const { out } = await traffic(name);
    return out < 3_000 ? undefined : `${name} sends ${out} bytes per second`;
  }, 20_000);
}

test('streams cross a trunk both ways, and only while somebody watches', async () => {
  const ann = await enter('a', 'ann');
  await ann.publish({ room: ROOM, video: { width: 320, height: 240 }, audio: true });
  await setServers('a', [await door('b', 'a')]);
  const bob = await enter('b', 'bob');
  await untilImported('b', 2);
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
  const [anns, bobs] = [await idsAt('b'), await idsAt('a')];
  await setServers('b', [await door('c', 'b')]);
  await setServers('c', [await door('a', 'c')]);
  await untilIds('c', [...anns, ...bobs]);
  await cid.publish({ room: ROOM, video: { width: 320, height: 240 } });
  await untilImported('a', bobs.length + 1);
  const cids = (await idsAt('a')).filter((id) => !bobs.includes(id));
  await untilIds('b', [...anns, ...cids]);
  await untilIds('a', [...bobs, ...cids]);
  await untilIds('c', [...anns, ...bobs]);
  const video = (await imported('c')).filter(({ kind }) => kind === 'video');
  expect(video).toHaveLength(2);
  for (const { publisher, purpose } of video) {
    await cid.subscribe({ room: ROOM, publisher, purpose });
    await seeVideo(cid, { publisher, purpose });
  }
  // Nobody's own stream comes home.
  const own = async (name: Name) =>
    (await streams(name)).filter(({ participant }) => !participant.startsWith('umbrella-')).length;
  expect([await own('a'), await own('b'), await own('c')]).toEqual([1, 1, 1]);

  await setServers('a', []);
  // Ann's two by way of c, cid's from there.
  await eventually(async () => {
    const found = await imported('b');
    const hops = found.map((track) => track.hops).sort();
    return hops.join() === '1,2,2' ? undefined : JSON.stringify(found);
  }, 30_000);
  const far = (await imported('b')).find(({ hops, kind }) => hops === 2 && kind === 'video')!;
  const bert = await enter('b', 'bert');
  await bert.subscribe({ room: ROOM, publisher: far.publisher, purpose: far.purpose });
  await seeVideo(bert, { publisher: far.publisher, purpose: far.purpose });
}, 180_000);
