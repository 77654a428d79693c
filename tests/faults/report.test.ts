import { expect, test } from 'vitest';
import type { FaultRecord } from './records.js';
import { faultsPage, quantile } from './report.js';

const HERE = { date: '2026-01-31', cpu: 'some CPU', cores: 2, system: 'some system' };

function record(some: Partial<FaultRecord>): FaultRecord {
  const gapsMs = { alice: 100, ben: 20 };
  return {
    fault: 'node-killed',
    run: 1,
    gapsMs,
    quietGapMs: 30,
    figures: {},
    history: {},
    loadPerCore: 0.5,
    ...some,
  };
}

function rowOf(records: readonly FaultRecord[], fault: RegExp): string {
  return (
    faultsPage(records, HERE)
      .split('\n')
      .find((line) => fault.test(line)) ?? ''
  );
}

test('the worst-off caller counts', () => {
  expect(rowOf([record({})], /a media node killed/)).toContain(
    '| 1 | 100 ms | 100 ms | 100 ms | 30 ms | yes |',
  );
});

test('a gap beyond the promise is said plainly', () => {
  const row = rowOf([record({ gapsMs: { alice: 9_000 } })], /a media node killed/);
  expect(row).toContain('**no**: gap too long');
});

test('what the machine adds by itself is not held against a fault', () => {
  const busy = record({ fault: 'gateway-killed', gapsMs: { alice: 90 }, quietGapMs: 120 });
  expect(rowOf([busy], /one of two gateways/)).toContain('| yes |');
});

test('a run that failed is counted and named, with its first line only', () => {
  const page = faultsPage([record({}), record({ run: 2, failure: 'ghosts\nand more' })], HERE);
  expect(page).toContain('**no**: 1 of 2 runs failed');
  expect(page).toContain('- a media node killed, all its processes, run 2: ghosts\n');
  expect(page).not.toContain('and more');
});

test('a fault that was not done is not said to be survived', () => {
  expect(rowOf([], /NATS killed and back with its data/)).toContain('| not done here |');
});

test('figures are shown with their spread', () => {
  const runs = [10, 20, 30].map((value, run) =>
    record({ run, figures: { 'slowest join in ms': value } }),
  );
  expect(faultsPage(runs, HERE)).toContain('| slowest join | 20 ms | 29 ms | 30 ms |');
});

test('it is said how busy the machine was', () => {
  const page = faultsPage([record({}), record({ loadPerCore: 2.5 })], HERE);
  expect(page).toContain('1.5 in the median run, 2.5 at most');
});

test('quantiles lie between neighbours, and there is one of nothing', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
  expect(quantile([], 0.5)).toBe(0);
});
