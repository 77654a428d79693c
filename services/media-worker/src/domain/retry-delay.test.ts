import { expect, test } from 'vitest';
import { retryDelayMs } from './retry-delay.js';

test('waits grow up to half a minute, and are spread by half to both sides', () => {
  const delays = [1, 2, 3, 8, 100].map((failures) => retryDelayMs(failures, () => 0.5));
  expect(delays).toEqual([250, 500, 1_000, 30_000, 30_000]);
  expect(retryDelayMs(1, () => 0)).toBe(125);
  expect(retryDelayMs(100, () => 0.999)).toBeLessThan(45_000);
});
