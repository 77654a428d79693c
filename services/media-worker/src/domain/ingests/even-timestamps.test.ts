import { beforeEach, expect, test } from 'vitest';
import { EvenTimestamps } from './even-timestamps.js';

const RATE = 90_000;
/** Of 25 frames a second. */
const FRAME = 3_600;
const FRAME_MS = 40;

let timestamps: EvenTimestamps;
let nowMs: number;
beforeEach(() => {
  timestamps = new EvenTimestamps(RATE);
  nowMs = 1_000;
});

/** What becomes of each of these, that come one frame after the other. */
function passed(...given: number[]): number[] {
  return given.map((timestamp) => timestamps.next(timestamp, (nowMs += FRAME_MS)));
}

test('what is even stays as it is, over the end of 32 bits too', () => {
  const given = [2 ** 32 - 2 * FRAME, 2 ** 32 - FRAME, 0, FRAME];
  expect(passed(...given)).toEqual(given);
});

test('packets of one frame, and frames out of order, keep theirs', () => {
  const given = [5, 5, 5 + 3 * FRAME, 5 + FRAME, 5 + 2 * FRAME, 5 + 4 * FRAME];
  expect(passed(...given)).toEqual(given);
});

test.each([
  ['back to the beginning', 0],
  ['ahead by a minute', 61 * RATE],
])('a jump %s is taken for the next frame', (_where, to) => {
  const start = RATE;
  expect(passed(start, start + FRAME, to, to + FRAME, to + 2 * FRAME)).toEqual(
    [0, 1, 2, 3, 4].map((frames) => start + frames * FRAME),
  );
});

test('after a jump that came with its predecessor, time goes on', () => {
  passed(0, FRAME);
  expect(timestamps.next(90 * RATE, nowMs)).toBe(2 * FRAME);
});

test('one that stood still, or was silent, keeps its own', () => {
  passed(0);
  nowMs += 10_000;
  // What it sends at once had waited for the network.
  expect(passed(FRAME)).toEqual([FRAME]);
  nowMs += 10_000;
  expect(passed(FRAME + 10 * RATE)).toEqual([FRAME + 10 * RATE]);
});
