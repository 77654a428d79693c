import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { FrameBudget } from './frame-budget.js';

const LARGEST_BYTES = 256 * 1024;

function verdictsOf(budget: FrameBudget, frames: number, sizeBytes: number): Map<string, number> {
  const verdicts = new Map<string, number>();
  for (let frame = 0; frame < frames; frame += 1) {
    const verdict = budget.judge(sizeBytes);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  return verdicts;
}

test('many frames are too many, however small', () => {
  const verdicts = verdictsOf(new FrameBudget(new FakeClock()), 401, 1);
  expect(Object.fromEntries(verdicts)).toEqual({ take: 200, warn: 1, drop: 199, end: 1 });
});

test('much is too much in few frames, and less of it goes on', () => {
  const clock = new FakeClock();
  const budget = new FrameBudget(clock);
  expect(verdictsOf(budget, 40, LARGEST_BYTES).get('take')).toBe(20);
  clock.elapse(1_000);
  expect(verdictsOf(budget, 10, LARGEST_BYTES).get('take')).toBe(2);
});
