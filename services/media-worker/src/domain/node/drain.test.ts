import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { DRAINED, Drain, movesPerTick, type DrainedSession } from './drain.js';

class FakeSession implements DrainedSession {
  moving = false;
  movedAtMs: number | undefined;
  remainingMs: () => number = () => -1;
  ended: string | undefined;

  constructor(private readonly clock: FakeClock) {}

  move(_reason: string, remainingMs: () => number): void {
    this.moving = true;
    this.movedAtMs = this.clock.nowMs();
    this.remainingMs = remainingMs;
  }

  stay(): void {
    this.moving = false;
  }

  close(reason: string): void {
    this.ended = reason;
  }
}

function setUp(count: number, deadlineMs: number) {
  const clock = new FakeClock();
  const all = Array.from({ length: count }, () => new FakeSession(clock));
  const state = { settled: true, over: false };
  const drain = new Drain({
    clock,
    sessions: () => all.filter(({ ended }) => ended === undefined),
    settled: () => state.settled,
    reason: 'draining',
    deadlineMs,
  });
  void drain.over.then(() => (state.over = true));
  const isOver = async () => {
    await Promise.resolve();
    return state.over;
  };
  return { clock, all, drain, state, isOver };
}

describe('a drain', () => {
  test('asks all within half of its deadline, and not all at once', () => {
    const { clock, all } = setUp(1_000, 20_000);
    const asked = () => all.filter(({ moving }) => moving).length;
    expect(asked()).toBeGreaterThan(0);
    expect(asked()).toBeLessThan(50);
    clock.elapse(1_000);
    expect(asked()).toBeGreaterThan(150);
    expect(asked()).toBeLessThan(300);
    clock.elapse(9_000);
    expect(asked()).toBe(1_000);
  });

  test('tells each how much time there is left, also later', () => {
    const { clock, all } = setUp(1, 10_000);
    expect(all[0]?.remainingMs()).toBe(10_000);
    clock.elapse(4_000);
    expect(all[0]?.remainingMs()).toBe(6_000);
  });

  test('ends who is left at the deadline, and is over then', async () => {
    const { clock, all, isOver } = setUp(3, 1_000);
    clock.elapse(999);
    expect(await isOver()).toBe(false);
    clock.elapse(1);
    expect(await isOver()).toBe(true);
    expect(all.map(({ ended }) => ended)).toEqual([DRAINED, DRAINED, DRAINED]);
  });

  test('is over as soon as nobody is left and nobody needs what they left', async () => {
    const { all, drain, state, isOver } = setUp(2, 60_000);
    state.settled = false;
    for (const session of all) session.close('moved');
    drain.look();
    expect(await isOver()).toBe(false);
    state.settled = true;
    drain.look();
    expect(await isOver()).toBe(true);
  });

  test('of an empty node is over at once', async () => {
    expect(await setUp(0, 60_000).isOver()).toBe(true);
  });

  test('that is cancelled asks nobody else, ends nobody, and who was asked may stay', () => {
    const { clock, all, drain } = setUp(1_000, 20_000);
    drain.cancel();
    clock.elapse(60_000);
    expect(all.some(({ moving, ended }) => moving || ended !== undefined)).toBe(false);
  });

  test('takes another deadline, for those who were asked already as well', () => {
    const { clock, all, drain } = setUp(2, 1_000);
    clock.elapse(500);
    drain.renew(5_000, 'draining');
    expect(all[0]?.remainingMs()).toBe(5_000);
    expect(all[0]?.movedAtMs).toBe(0);
    clock.elapse(4_999);
    expect(all[0]?.ended).toBeUndefined();
    clock.elapse(1);
    expect(all[0]?.ended).toBe(DRAINED);
  });

  test('with no time at all ends everybody at once', () => {
    const { clock, all } = setUp(500, 0);
    clock.elapse(0);
    expect(all.every(({ ended, moving }) => moving && ended === DRAINED)).toBe(true);
  });

  test('however many there are, all are asked in time', () => {
    const counts = fc.integer({ min: 1, max: 20_000 });
    const windows = fc.integer({ min: 0, max: 60_000 });
    fc.assert(
      fc.property(counts, windows, (count, windowMs) => {
        let left = count;
        for (let nowMs = 0; nowMs <= windowMs; nowMs += 20) {
          const asked = movesPerTick(left, windowMs - nowMs);
          expect(asked).toBeLessThanOrEqual(left);
          left -= asked;
          if (left === 0) return;
        }
        expect(left).toBe(0);
      }),
    );
  });
});
