import { describe, expect, test } from 'vitest';
import { TokenBucket } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { KeyedBuckets } from './keyed-buckets.js';

function takenOf(bucket: TokenBucket, tries: number): number {
  return Array.from({ length: tries }, () => bucket.take()).filter(Boolean).length;
}

describe('a token bucket', () => {
  test('lets a burst through and then a steady rate', () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, 50, 200);
    expect(takenOf(bucket, 1_000)).toBe(200);
    clock.elapse(1_000);
    expect(takenOf(bucket, 1_000)).toBe(50);
    clock.elapse(10);
    expect(takenOf(bucket, 10)).toBe(0);
    clock.elapse(10);
    expect(takenOf(bucket, 10)).toBe(1);
  });

  test('saves up no more than its burst', () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, 50, 200);
    takenOf(bucket, 200);
    clock.elapse(3_600_000);
    expect(takenOf(bucket, 1_000)).toBe(200);
  });
});

describe('buckets by key', () => {
  test('one key’s appetite is not another’s, and many keys push out the longest unused', () => {
    const buckets = new KeyedBuckets(new FakeClock(), 1, 1);
    expect([buckets.take('a'), buckets.take('a'), buckets.take('b')]).toEqual([true, false, true]);
    for (let index = 0; index < 9_999; index += 1) buckets.take(`key ${String(index)}`);
    expect(buckets.take('b')).toBe(false);
    expect(buckets.take('a')).toBe(true);
  });
});
