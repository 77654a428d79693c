import type { Cluster } from '@sluice/local-cluster';
import { eventually, freePort } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { startClusterUnderTest } from '../cluster-under-test.js';
import { LossyWay, type LossyEnd } from '../faults/lossy-way.js';
import { Figures } from './figures.js';
import { Namespace } from './namespace.js';
import { watch } from './watch.js';
import type { Wire } from './wire.js';

const FULL = { width: 640, height: 480 };
const ALICE = { publisher: 'alice' };
const MINUTE_MS = 60_000;
const LIMITED_MS = 20_000;
const SETTLE_TIMEOUT_MS = 45_000;
/** What the full picture takes by then. */
const MORE_THAN_LIMIT_BPS = 400_000;
const PIPE_PORTS = 8;
const lacks = Namespace.lacks();

/** Alice's node; the other one gets her stream by a pipe. */
const ORIGIN = 'node-1';
const EDGE = 'node-2';

let namespace: Namespace;
let wire: Wire;
let pipe: LossyWay;
let cluster: Cluster;
let here: BrowserKit;
let there: BrowserKit;
const figures = new Figures();

describe.skipIf(lacks !== undefined)('on a bad network', () => {
  beforeAll(async () => {
    namespace = await Namespace.create();
    wire = await namespace.interpose();
    const ends = [await pipeEnd('127.0.0.8'), await pipeEnd('127.0.0.9')] as const;
    pipe = await LossyWay.between(...ends);
    const media = { SLUICE_MEDIA_LISTEN_IP: namespace.uplink.outsideAddress };
    cluster = await startClusterUnderTest('bad-network', {
      nodes: 2,
      overrides: {
        [ORIGIN]: { ...media, ...pipesAt(ends[0]) },
        [EDGE]: { ...media, ...pipesAt(ends[1]) },
      },
    });
    [here, there] = await Promise.all([BrowserKit.open(), BrowserKit.open(namespace.place)]);
    for (const url of [there.pageUrl, cluster.ws]) await namespace.lead(Number(new URL(url).port));
  });

  afterAll(async () => {
    await here.close();
    await there.close();
    await cluster.stop();
    await pipe.stop();
    await namespace.close();
    figures.write();
  });

  test('5 % of loss and 100 ms to a viewer, 2 % and 50 ms between nodes, are repaired', async () => {
    const { ben, cora, leave } = await threeIn('lossy', { corasNode: EDGE, layers: 1 });
    await wire.impair({ lossShare: 0.05, delayMs: 100 });
    pipe.impair({ loss: 0.02, delayMs: 50 });
    await Promise.all([seeVideo(ben, ALICE), seeVideo(cora, ALICE)]);

    const lostBefore = pipe.lost;
    const [link, between] = await Promise.all([
      watch(ben, 'alice', MINUTE_MS),
      watch(cora, 'alice', MINUTE_MS),
    ]);
    const carried = await wire.impair({});
    pipe.heal();

    figures.add('5 % loss and 100 ms each way on a viewer’s link, a minute', link);
    figures.add('2 % loss and 50 ms each way between two nodes, a minute', between);
    expect(carried.lost / (carried.lost + carried.passed)).toBeGreaterThan(0.04);
    expect(pipe.lost).toBeGreaterThan(lostBefore);
    for (const seen of [link, between]) {
      expect(seen.lostShare).toBeLessThanOrEqual(0.001);
      expect(seen.longestStillMs).toBeLessThanOrEqual(1_000);
    }
    // What is counted as sent again may have come twice; a picture with a hole is never decoded.
    expect(link.pictures).toBeGreaterThan(between.pictures * 0.99);
    expect(between.pictures).toBeGreaterThan(link.pictures * 0.99);
    await leave();
  });

  test('a viewer with 300 kbit/s keeps a smooth small picture, others the full one', async () => {
    const { ben, cora, leave } = await threeIn('narrow', { corasNode: ORIGIN, layers: 2 });
    await untilBitrate(cora, MORE_THAN_LIMIT_BPS);
    await namespace.limitDownlink(300);
    await untilWidth(ben, FULL.width / 2);
    const [limited, free] = await Promise.all([
      watch(ben, 'alice', LIMITED_MS),
      watch(cora, 'alice', LIMITED_MS),
    ]);
    await namespace.unlimitDownlink();
    const freedAtMs = performance.now();
    await untilWidth(ben, FULL.width);

    figures.add('300 kbit/s to a viewer of two layers', limited);
    figures.add('another viewer meanwhile', free);
    figures.recoveredAfter(performance.now() - freedAtMs);
    expect(free.widths).toEqual([FULL.width]);
    expect(limited.widths).toEqual([FULL.width / 2]);
    expect(limited.longestStillMs).toBeLessThanOrEqual(1_000);
    expect(limited.pictures).toBeGreaterThan(free.pictures / 2);
    await leave();
  });
});

test.runIf(lacks !== undefined)('on a bad network', (context) => context.skip(lacks));

/** Alice is seen by ben, whose network is bad, and by cora. */
async function threeIn(room: string, wanted: { corasNode: string; layers: number }) {
  const alice = await enter(room, here, 'alice', ORIGIN);
  const ben = await enter(room, there, 'ben', ORIGIN);
  const cora = await enter(room, here, 'cora', wanted.corasNode);
  await alice.publish({ room, audio: true, video: { ...FULL, layers: wanted.layers } });
  for (const viewer of [ben, cora]) {
    await viewer.until('new-publisher', { publisherId: 'alice' });
    await viewer.subscribe({ room, publisher: 'alice' });
    await seeVideo(viewer, ALICE, FULL.width);
  }
  const leave = () => Promise.all([alice, ben, cora].map((one) => one.leave()));
  return { ben, cora, leave };
}

async function enter(room: string, kit: BrowserKit, subject: string, node: string) {
  const participant = await kit.participant(cluster.ws, await cluster.token({ subject }));
  while ((await participant.join(room)) !== node) {
    await participant.request({ type: 'leave-room', roomName: room });
  }
  return participant;
}

function untilWidth(viewer: BrowserParticipant, width: number): Promise<void> {
  return eventually(async () => {
    const seen = (await viewer.receivedVideo(ALICE))?.frameWidth;
    return seen === width ? undefined : `the picture is ${String(seen)} wide`;
  }, SETTLE_TIMEOUT_MS);
}

/** Encoders take some seconds to get up to what they may use. */
async function untilBitrate(viewer: BrowserParticipant, bitrateBps: number): Promise<void> {
  let [bytes, atMs] = [0, 0];
  await eventually(async () => {
    const received = (await viewer.receivedVideo(ALICE))?.bytes ?? 0;
    const nowMs = performance.now();
    if (nowMs - atMs < 1_000) return 'the last look was less than a second ago';
    const seenBps = atMs === 0 ? 0 : ((received - bytes) * 8_000) / (nowMs - atMs);
    [bytes, atMs] = [received, nowMs];
    return seenBps > bitrateBps ? undefined : `the picture takes ${Math.round(seenBps)} bit/s`;
  }, SETTLE_TIMEOUT_MS);
}

async function pipeEnd(announcedIp: string): Promise<LossyEnd> {
  const firstPort = await freePort();
  return { announcedIp, firstPort, lastPort: firstPort + PIPE_PORTS - 1 };
}

function pipesAt({ announcedIp, firstPort, lastPort }: LossyEnd) {
  return {
    SLUICE_PIPE_ANNOUNCED_ADDRESS: announcedIp,
    SLUICE_PIPE_PORT_MIN: String(firstPort),
    SLUICE_PIPE_PORT_MAX: String(lastPort),
  };
}
