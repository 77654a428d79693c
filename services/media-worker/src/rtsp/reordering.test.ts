import { expect, test } from 'vitest';
import { Reordering } from './reordering.js';

function seenIn(timestamps: readonly number[]): boolean {
  const reordering = new Reordering();
  for (const timestamp of timestamps) {
    const packet = Buffer.alloc(20);
    packet.writeUInt32BE(timestamp >>> 0, 4);
    reordering.read(packet);
  }
  return reordering.seen;
}

test.each([
  ['pictures in their order', [0, 0, 3_600, 7_200], false],
  ['a clock that goes round', [2 ** 32 - 1_800, 1_800, 5_400], false],
  ['a clock that is set back', [10_000_000, 3_600, 7_200], false],
  ['B-frames', [0, 10_800, 3_600, 7_200], true],
])('%s', (_case, timestamps, seen) => {
  expect(seenIn(timestamps)).toBe(seen);
});
