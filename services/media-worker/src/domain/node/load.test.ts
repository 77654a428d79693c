import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { loadOf, smoothed, type Usage } from './load.js';

const CAPACITY = { egressBps: 1_000_000, ingressBps: 500_000, consumers: 100 };
const IDLE: Usage = { cpuShare: 0, egressBps: 0, ingressBps: 0, consumers: 0 };

const usages = fc.record({
  cpuShare: fc.double({ min: 0, max: 4, noNaN: true }),
  egressBps: fc.nat(),
  ingressBps: fc.nat(),
  consumers: fc.nat(),
});

describe('loadOf', () => {
  test('an idle node has none', () => {
    const load = loadOf(new Map([['a', IDLE]]), CAPACITY);
    expect(load.node).toBe(0);
    expect(load.routers.get('a')).toBe(0);
  });

  test('the busiest core decides, not the average of all', () => {
    const cores = new Map([
      ['a', { ...IDLE, cpuShare: 0.9 }],
      ['b', IDLE],
    ]);
    expect(loadOf(cores, CAPACITY).node).toBe(0.9);
  });

  test('traffic and consumers of all cores add up against the node’s limits', () => {
    const cores = new Map([
      ['a', { ...IDLE, egressBps: 300_000, consumers: 10 }],
      ['b', { ...IDLE, egressBps: 300_000, consumers: 10 }],
    ]);
    expect(loadOf(cores, CAPACITY).node).toBeCloseTo(0.6);
  });

  test('a core counts against its part of the limits', () => {
    const cores = new Map([
      ['a', { ...IDLE, ingressBps: 200_000 }],
      ['b', IDLE],
    ]);
    expect(loadOf(cores, CAPACITY).routers.get('a')).toBeCloseTo(0.8);
  });

  test('a node without cores has none', () => {
    expect(loadOf(new Map(), CAPACITY).node).toBe(0);
  });

  test('every load is a fraction', () => {
    fc.assert(
      fc.property(fc.array(usages, { maxLength: 8 }), (list) => {
        const load = loadOf(new Map(list.map((usage, index) => [String(index), usage])), CAPACITY);
        for (const value of [load.node, ...load.routers.values()]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('smoothed', () => {
  test('it rises faster than it falls', () => {
    expect(smoothed(0, 1, 1_000)).toBeGreaterThan(1 - smoothed(1, 0, 1_000));
  });

  test('it lies between what was and what is, and nothing moves in no time', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.nat(60_000), (previous, next, elapsedMs) => {
        const value = smoothed(previous, next, elapsedMs);
        expect(value).toBeGreaterThanOrEqual(Math.min(previous, next) - 1e-9);
        expect(value).toBeLessThanOrEqual(Math.max(previous, next) + 1e-9);
        expect(smoothed(previous, next, 0)).toBe(previous);
      }),
    );
  });
});
