import { expect, test } from 'vitest';
import type { ControlPlane } from './measure.js';
import { controlPlaneSection } from './section.js';

const lookup = (medianUs: number) => ({ medianUs, p99Us: 2 * medianUs, perSecond: 1e6 / medianUs });

const FOUND: ControlPlane = {
  joins: {
    sluice: { found: [60, 80], cpuMsPerJoin: { gateway: 3, directory: 1 } },
    plain: { found: [100, 100], cpuMsPerJoin: { 'plain program': 2 } },
    pinned: true,
  },
  lookups: {
    plan: { streams: 1, pairs: 2, inTurn: 10, atOnce: 4, windowMs: 1 },
    pairs: [
      { directory: lookup(300), kv: lookup(100) },
      { directory: lookup(100), kv: lookup(100) },
    ],
    ownUs: 0.5,
  },
  idle: {
    plan: { sessions: 10, perRoom: 4 },
    bare: { heap: 1_024, resident: 2_048 },
    connected: { heap: 2_048, resident: 2_048 },
    joined: { heap: 10_240, resident: 10_240 },
  },
};

test('ratios are of searches and of pairs: their median, the least and the most', () => {
  const section = controlPlaneSection(FOUND);
  expect(section).toContain('| 70 (60, 80) | 100 (100, 100) | 0.70 (0.60 to 0.80) |');
  expect(section).toContain('| latency, median | 200 µs | 100 µs | 2.00 (1.00 to 3.00) |');
});

test('CPU per join is of all processes together', () => {
  expect(controlPlaneSection(FOUND)).toContain('| 4.00 ms | 2.00 ms | 2.00 |');
});

test('memory is compared with a bare socket', () => {
  expect(controlPlaneSection(FOUND)).toContain(
    '| client that has joined | 10.0 KiB | 10.0 | 10.0 KiB | 5.0 |',
  );
});

test('joins that could not be measured are said not to be', () => {
  const section = controlPlaneSection({ ...FOUND, joins: undefined });
  expect(section).toContain('Not measured');
  expect(section).not.toMatch(/NaN|Infinity/);
});
