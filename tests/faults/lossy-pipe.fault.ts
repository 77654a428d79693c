import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@sluice/testing';
import { afterAll, expect } from 'vitest';
import { Drill } from './drill.js';
import { LossyWay, type LossyEnd } from './lossy-way.js';

const WATCHED_MS = 5_000;
const PORTS = 8;
const LOSS = 0.02;

let way: LossyWay | undefined;
afterAll(() => way?.stop());

const drill = Drill.ofThisFile('lossy-pipe', async () => {
  const ends = [await endAt('127.0.0.8'), await endAt('127.0.0.9')] as const;
  way = await LossyWay.between(...ends);
  return {
    nodes: 2,
    overrides: {
      gateway: { SLUICE_TRUST_PROXY: '1' },
      'node-1': pipesAt(ends[0]),
      'node-2': pipesAt(ends[1]),
    },
  };
});

drill.fault('pipe-lossy', async ({ call, figure }) => {
  const nodes = await call.nodes();
  const [alice, ben] = call.callers;
  expect(nodes[0]).not.toBe(nodes[1]);
  const before = await ben!.pictures();
  const lostBefore = way!.lost;
  way!.impair({ loss: LOSS, delayMs: 50 });
  try {
    await delay(WATCHED_MS);
    await call.plays();
  } finally {
    way!.heal();
  }
  // What was sent last may still be on its way for the second time.
  await call.plays();
  const after = await ben!.pictures();
  expect(way!.lost).toBeGreaterThan(lostBefore);
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  const lostShare = lost / (lost + after.packetsReceived - before.packetsReceived);
  figure(`packets of ${alice!.name}’s picture that ben never got, per million`, lostShare * 1e6);
  figure('time that ben’s picture stood still in ms', after.frozenMs - before.frozenMs);
  expect(lostShare).toBeLessThan(LOSS / 2);
  expect(await call.nodes()).toEqual(nodes);
});

async function endAt(announcedIp: string): Promise<LossyEnd> {
  const firstPort = await freePort();
  return { announcedIp, firstPort, lastPort: firstPort + PORTS - 1 };
}

function pipesAt({ announcedIp, firstPort, lastPort }: LossyEnd) {
  return {
    SLUICE_PIPE_ANNOUNCED_ADDRESS: announcedIp,
    SLUICE_PIPE_PORT_MIN: String(firstPort),
    SLUICE_PIPE_PORT_MAX: String(lastPort),
  };
}
