import { expect, test } from 'vitest';
import type { Cost } from '../forwarding/compare.js';
import { benchmarksPage, type Findings } from './benchmarks-page.js';

const cost = (worker: number, control = 0): Cost => ({
  worker,
  control,
  packetsPerSecond: 20_000,
  shortfall: 0,
});
const join = (total: number) => ({
  authenticate: 1,
  enterRoom: 1,
  subscribe: 1,
  connect: 1,
  firstPacket: 1,
  firstFrame: 1,
  total,
});

const LOOKUP = { medianUs: 1, p99Us: 1, perSecond: 1 };
const EACH = { heap: 1, resident: 1 };

const FINDINGS: Findings = {
  machine: {
    cpu: 'a CPU',
    cores: 2,
    memoryGiB: 24,
    kernel: '6.1',
    system: 'Debian',
    node: '24',
    mediasoup: '3.27.1',
  },
  measuredAt: new Date(0),
  pinned: true,
  plan: {
    viewers: 40,
    rate: { packetsPerSecond: 500, payloadBytes: 1_100 },
    pairs: 3,
    warmUpMs: 0,
    windowMs: 8_000,
  },
  joins: {
    sluice: { near: [join(200)], far: [join(300)] },
    plain: { near: [join(100)], far: [join(150)] },
  },
  near: [
    { sluice: cost(11), plain: cost(10) },
    { sluice: cost(10, 1), plain: cost(10) },
    { sluice: cost(12), plain: cost(10) },
  ],
  far: undefined,
  controlPlane: {
    joins: {
      sluice: { found: [1], cpuMsPerJoin: { gateway: 1 } },
      plain: { found: [1], cpuMsPerJoin: { 'plain program': 1 } },
      pinned: true,
    },
    lookups: {
      plan: { streams: 1, pairs: 1, inTurn: 1, atOnce: 1, windowMs: 1 },
      pairs: [{ directory: LOOKUP, kv: LOOKUP }],
      ownUs: 1,
    },
    idle: { plan: { sessions: 1, perRoom: 1 }, bare: EACH, connected: EACH, joined: EACH },
  },
};

test('ratios are of pairs: their median, the least and the most', () => {
  expect(benchmarksPage(FINDINGS)).toContain('1.100 (1.000 to 1.200)');
});

test('joins are compared by their 95th percentile', () => {
  const page = benchmarksPage(FINDINGS);
  expect(page.match(/is 2\.00 times the plain program's/g)).toHaveLength(2);
});

test('what could not be measured is said to be so', () => {
  const page = benchmarksPage(FINDINGS);
  expect(page.match(/Not measured: something else used the machine/g)).toHaveLength(1);
});

test('a cost of nothing is not divided by', () => {
  expect(benchmarksPage(FINDINGS)).not.toMatch(/NaN|Infinity/);
});
