import { expect, test } from 'vitest';
import type { Clock } from '@sluice/core';
import { FakeClock, eventually } from '@sluice/testing';
import { Reregistration } from './reregistration.js';

function setUp() {
  const clock = new FakeClock();
  const state = { heard: true, times: 0 };
  const reregistration = new Reregistration(clock, () => {
    state.times += 1;
    return Promise.resolve(state.heard);
  });
  return { clock, state, reregistration };
}

test('the directory is told from time to time', () => {
  const { clock, state } = setUp();
  clock.elapse(95_000);
  expect(state.times).toBe(3);
});

test('a directory that did not hear is told again soon, until it has', async () => {
  const { clock, state, reregistration } = setUp();
  state.heard = false;
  reregistration.now();
  await eventually(() => {
    clock.elapse(600);
    return state.times >= 3 ? undefined : 'not told again';
  });
  state.heard = true;
  const { times } = state;
  await eventually(() => {
    clock.elapse(600);
    return state.times > times ? undefined : 'not told again';
  });
  const heardAt = state.times;
  await Promise.resolve();
  clock.elapse(5_000);
  expect(state.times).toBe(heardAt);
});

test('a process that stood still tells it at once', () => {
  // A stalled process runs its timers late: the first tick afterwards sees the whole gap.
  let nowMs = 0;
  const ticks: (() => void)[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    after: () => ({ cancel: () => undefined }),
    every: (intervalMs, tick) => {
      if (intervalMs < 30_000) ticks.push(tick);
      return { cancel: () => undefined };
    },
  };
  let times = 0;
  const reregistration = new Reregistration(clock, () => {
    times += 1;
    return Promise.resolve(true);
  });
  const tickAfter = (ms: number) => {
    nowMs += ms;
    for (const tick of ticks) tick();
  };
  tickAfter(1_000);
  expect(times).toBe(0);
  tickAfter(4_000);
  expect(times).toBe(1);
  reregistration.stop();
});

test('it stops', async () => {
  const { clock, state, reregistration } = setUp();
  state.heard = false;
  reregistration.now();
  reregistration.stop();
  await Promise.resolve();
  clock.elapse(600_000);
  expect(state.times).toBe(1);
});
