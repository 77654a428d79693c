import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RECONNECT, delayMs } from './backoff.js';

test('the first attempt follows almost at once', () => {
  expect(delayMs(0, RECONNECT, () => 0)).toBe(0);
  expect(delayMs(0, RECONNECT, () => 0.999)).toBeLessThanOrEqual(RECONNECT.firstMs);
});

test('waits double until the longest one', () => {
  const least = [1, 2, 3, 4, 5, 6, 7].map((attempt) => delayMs(attempt, RECONNECT, () => 0));
  expect(least).toEqual([300, 600, 1200, 2400, 4800, 5000, 5000]);
});

test('any attempt waits at least half of its ceiling and never longer than the longest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, drawn) => {
        const waitedMs = delayMs(attempt, RECONNECT, () => drawn);
        expect(waitedMs).toBeGreaterThanOrEqual(RECONNECT.firstMs);
        expect(waitedMs).toBeLessThanOrEqual(RECONNECT.longestMs);
      },
    ),
  );
});
