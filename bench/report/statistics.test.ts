import { expect, test } from 'vitest';
import { median, p95, quantile } from './statistics.js';

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});

test('the 95th percentile of twenty values is close to the second largest', () => {
  const values = Array.from({ length: 20 }, (_, index) => index + 1);
  expect(p95(values)).toBeCloseTo(19.05);
});

test('the ends are the smallest and the largest, and the values stay in their order', () => {
  const values = [3, 1, 2];
  expect([quantile(values, 0), quantile(values, 1)]).toEqual([1, 3]);
  expect(values).toEqual([3, 1, 2]);
});
