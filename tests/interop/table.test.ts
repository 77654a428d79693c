import { expect, test } from 'vitest';
import { lostSince, pageOf } from './table.js';

const ROWS = ['publish', 'subscribe'];
const page = (cells: Readonly<Record<string, string>>) =>
  pageOf(ROWS, [{ name: 'Some', version: '1', cells: new Map(Object.entries(cells)) }]);

test('a yes that became a no is lost, with its row and its column', async () => {
  const before = await page({ publish: 'yes', subscribe: 'yes' });
  const after = await page({ publish: 'yes', subscribe: 'no: because' });

  expect(lostSince(before, after)).toEqual(['subscribe: Some']);
  expect(lostSince(after, before)).toEqual([]);
});

test('what this machine cannot try is not lost', async () => {
  const before = await page({ publish: 'yes', subscribe: 'yes' });

  expect(lostSince(before, await page({ publish: 'yes' }))).toEqual([]);
});

test('reasons are told once, under the table', async () => {
  const text = await page({ publish: 'no: because', subscribe: 'no: because' });

  expect(text).toMatch(/publish *\| no \(1\)/);
  expect(text).toMatch(/subscribe *\| no \(1\)/);
  expect(text.match(/because/g)).toHaveLength(1);
});
