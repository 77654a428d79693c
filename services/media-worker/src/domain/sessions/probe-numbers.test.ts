import { expect, test } from 'vitest';
import { probesLeft } from './probe-numbers.js';

const at = (atMs: number, probeBytes: number, otherBytes: number) => ({
  atMs,
  probeBytes,
  otherBytes,
});

test('probes have left when so much more went on the wire than before', () => {
  const before = at(0, 100, 1_000);
  const start = at(250, 100, 1_500);
  expect(probesLeft(before, start, at(500, 4_100, 6_100))).toBe(true);
  expect(probesLeft(before, start, at(500, 4_100, 2_000))).toBe(false);
});

test('what else a full connection sends is not taken for probes', () => {
  const before = at(0, 0, 0);
  const start = at(250, 0, 6_000);
  expect(probesLeft(before, start, at(500, 4_000, 12_100))).toBe(false);
  expect(probesLeft(before, start, at(500, 4_000, 16_000))).toBe(true);
  // The second window was twice as long.
  expect(probesLeft(before, start, at(750, 4_000, 18_100))).toBe(false);
});

test('where none were made none were lost', () => {
  expect(probesLeft(at(0, 50, 0), at(250, 50, 500), at(500, 50, 500))).toBe(true);
});
