import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';
import { DialectPages, playbackOf, type Place } from '../dialect-pages.js';

/** Each example of docs/examples that publishes, and each that plays, with its function's name. */
const PUBLISHERS = [
  ['rooms', 'publish'],
  ['pion-sfu', 'join'],
  ['sfu-to-sfu', 'publish'],
  ['whip', 'publish'],
] as const;
const PLAYERS = [
  ['rooms', 'play'],
  ['pion-sfu', 'join'],
  ['sfu-to-sfu', 'play'],
  ['whep', 'play'],
  ['whep', 'playOffered'],
] as const;
const FRAMES_TO_SEE = 10;
const PLAYBACK_TIMEOUT_MS = 20_000;

let cluster: Cluster;
let pages: DialectPages;

beforeAll(async () => {
  cluster = await startClusterUnderTest('dialects');
  pages = await DialectPages.open();
});

afterAll(async () => {
  await pages.close();
  await cluster.stop();
});

async function placeOf(room: string, subject: string, participant: string): Promise<Place> {
  const token = await cluster.token({ subject, room });
  return { url: new URL(cluster.api).origin, token, room, participant };
}

async function untilPlaying(page: Page): Promise<void> {
  await eventually(async () => {
    const { framesDecoded, audioEnergy, failure } = await playbackOf(page);
    if (framesDecoded < FRAMES_TO_SEE) return `${framesDecoded} frames, ${failure ?? 'no failure'}`;
    return audioEnergy > 0 ? undefined : 'nothing is heard';
  }, PLAYBACK_TIMEOUT_MS);
}

describe.each(PUBLISHERS)('what is published over %s', (from, publish) => {
  test.each(PLAYERS)('is seen and heard over %s (%s), from another node', async (to, play) => {
    const room = `${from} to ${to}, ${play}`;
    const report = reportOf(cluster.api);
    const publisher = await pages.publish(from, publish, await placeOf(room, 'ann', 'ann'));
    await eventually(async () => {
      const [stream] = await report.streams(room);
      return stream?.participant === 'ann' ? undefined : 'not published';
    });
    // Sessions without a room take turns of their own: of two, one is on the other node.
    for (const subject of ['ben', 'cora']) {
      const viewer = await pages.play(to, play, await placeOf(room, subject, 'ann'));
      await untilPlaying(viewer);
      if ((await report.relays(room)).length > 0) break;
    }
    const relays = await report.relays(room);
    expect(relays.map(({ stream }) => stream)).toEqual([`${room}/ann/m.usermedia`]);
    expect(relays[0]?.fromNode).not.toBe(relays[0]?.toNode);
    for (const page of [publisher]) await page.context().close();
  });
});
