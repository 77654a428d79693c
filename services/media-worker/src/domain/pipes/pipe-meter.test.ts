import { FakeClock } from '@sluice/testing';
import { expect, test } from 'vitest';
import type { Pipe } from './pipe.js';
import { PipeMeter } from './pipe-meter.js';

interface Stats {
  receivedBytes?: number;
  packets?: number;
  lost?: number;
  repaired?: number;
  roundTripMs?: number;
}

/** As much of a pipe as is measured; its stats are what `stats` holds when it is asked. */
function aPipe(nodeId: string, stats: Stats): Pipe {
  const transport = {
    getStats: () => Promise.resolve([{ bytesReceived: stats.receivedBytes ?? 0, bytesSent: 7 }]),
  };
  const producer = {
    getStats: () =>
      Promise.resolve([
        {
          packetCount: stats.packets ?? 0,
          packetsLost: stats.lost ?? 0,
          packetsRepaired: stats.repaired ?? 0,
        },
      ]),
  };
  const consumer = { getStats: () => Promise.resolve([{ roundTripTime: stats.roundTripMs }]) };
  return {
    far: { nodeId },
    transport,
    producers: new Set([producer]),
    consumers: new Set([consumer]),
  } as unknown as Pipe;
}

function aMeter() {
  const clock = new FakeClock();
  const pipes: Pipe[] = [];
  return { clock, pipes, meter: new PipeMeter({ pipes: () => pipes, nodeId: 'here', clock }) };
}

test('counts of all pipes to a node add up, and go on when a pipe is replaced', async () => {
  const { pipes, meter } = aMeter();
  const stats: Stats = { receivedBytes: 1_000, packets: 90, lost: 10, repaired: 8 };
  pipes.push(aPipe('far', stats), aPipe('far', { receivedBytes: 500, roundTripMs: 30 }));
  await meter.measure();
  stats.receivedBytes = 1_600;
  stats.lost = 12;
  await meter.measure();
  pipes.splice(0, 2, aPipe('far', { receivedBytes: 50 }));
  await meter.measure();
  expect(meter.traffic.get('far')).toEqual({
    receivedBytes: 2_150,
    sentBytes: 21,
    receivedPackets: 90,
    lostPackets: 12,
    repairedPackets: 8,
    roundTripMs: 30,
  });
});

test('a count that falls, as loss does when a late packet comes, takes nothing back', async () => {
  const { pipes, meter } = aMeter();
  const stats: Stats = { lost: 5 };
  pipes.push(aPipe('far', stats));
  await meter.measure();
  stats.lost = 4;
  await meter.measure();
  expect(meter.traffic.get('far')?.lostPackets).toBe(5);
});

test('pipes between the cores of this node are left out', async () => {
  const { pipes, meter } = aMeter();
  pipes.push(aPipe('here', { receivedBytes: 1 }));
  await meter.measure();
  expect(meter.traffic.size).toBe(0);
});

test('of very many nodes the last count together', async () => {
  const { pipes, meter } = aMeter();
  for (let index = 0; index < 70; index += 1) {
    pipes.push(aPipe(`far-${String(index)}`, { receivedBytes: 1 }));
    await meter.measure();
  }
  expect(meter.traffic.size).toBe(65);
  expect(meter.traffic.get('other')?.receivedBytes).toBe(6);
});

test('a node that is long gone is forgotten', async () => {
  const { clock, pipes, meter } = aMeter();
  pipes.push(aPipe('far', { receivedBytes: 1 }));
  await meter.measure();
  pipes.pop();
  meter.stop();
  clock.elapse(700_000);
  await meter.measure();
  expect(meter.traffic.size).toBe(0);
});
