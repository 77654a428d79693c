import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { KeyedBuckets } from './keyed-buckets.js';

test('one key’s appetite is not another’s, and many keys push out the longest unused', () => {
  const buckets = new KeyedBuckets(new FakeClock(), 1, 1);
  expect([buckets.take('a'), buckets.take('a'), buckets.take('b')]).toEqual([true, false, true]);
  for (let index = 0; index < 9_999; index += 1) buckets.take(`key ${String(index)}`);
  expect(buckets.take('b')).toBe(false);
  expect(buckets.take('a')).toBe(true);
});
