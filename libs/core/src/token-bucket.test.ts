import { beforeEach, expect, test } from 'vitest';
import { systemClock } from './clock.js';
import { TokenBucket } from './token-bucket.js';

let nowMs: number;
let bucket: TokenBucket;

beforeEach(() => {
  nowMs = 0;
  bucket = new TokenBucket({ ...systemClock, nowMs: () => nowMs }, 50, 200);
});

function takenOf(tries: number): number {
  return Array.from({ length: tries }, () => bucket.take()).filter(Boolean).length;
}

test('lets a burst through and then a steady rate', () => {
  expect(takenOf(1_000)).toBe(200);
  nowMs += 1_000;
  expect(takenOf(1_000)).toBe(50);
  nowMs += 10;
  expect(takenOf(10)).toBe(0);
  nowMs += 10;
  expect(takenOf(10)).toBe(1);
});

test('saves up no more than its burst', () => {
  takenOf(200);
  nowMs += 3_600_000;
  expect(takenOf(1_000)).toBe(200);
});
