import { expect, test } from 'vitest';
import { highestRate } from './highest-rate.js';

const SEARCH = { from: 10, max: 1_000, factor: 2, halvings: 5 };

async function search(limit: number) {
  const tried: number[] = [];
  const found = await highestRate((rate) => {
    tried.push(rate);
    return Promise.resolve(rate <= limit);
  }, SEARCH);
  return { found, tried };
}

test('what is found is sustained, and little more is not', async () => {
  const { found, tried } = await search(123);
  expect(found).toBeLessThanOrEqual(123);
  expect(found).toBeGreaterThan(123 / 1.03);
  expect(tried).toHaveLength(10);
});

test('nothing is sustained: 0, after one try', async () => {
  expect(await search(5)).toEqual({ found: 0, tried: [10] });
});

test('the search ends at its bound', async () => {
  const { found, tried } = await search(Infinity);
  expect(found).toBe(640);
  expect(Math.max(...tried)).toBeLessThanOrEqual(SEARCH.max);
});
