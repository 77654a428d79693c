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

/** A stalled process runs its timers late: the first tick afterwards sees the whole gap. */
function setUpStalling(heard: boolean) {
  let nowMs = 0;
  let times = 0;
  const ticks: (() => void)[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    after: () => ({ cancel: () => undefined }),
    every: (intervalMs, tick) => {
      if (intervalMs < 30_000) ticks.push(tick);
      return { cancel: () => undefined };
    },
  };
  const reregistration = new Reregistration(clock, () => {
    times += 1;
    return Promise.resolve(heard);
  });
  return {
    reregistration,
    times: () => times,
    pass: (ms: number) => (nowMs += ms),
    tick: () => {
      for (const tick of ticks) tick();
    },
  };
}

test('a process that stood still tells it at once, and doubts what it has until it is heard', async () => {
  const { reregistration, times, pass, tick } = setUpStalling(true);
  pass(1_000);
  tick();
  expect(times()).toBe(0);
  expect(reregistration.doubtful).toBe(false);
  pass(4_000);
  // Also where somebody asks before any timer has run.
  expect(reregistration.doubtful).toBe(true);
  tick();
  expect(times()).toBe(1);
  expect(reregistration.doubtful).toBe(true);
  await Promise.resolve();
  expect(reregistration.doubtful).toBe(false);
  reregistration.stop();
});

test('doubts end after a while when nobody hears', async () => {
  const { reregistration, pass, tick } = setUpStalling(false);
  pass(4_000);
  tick();
  for (let second = 1; second <= 5; second += 1) {
    await Promise.resolve();
    expect(reregistration.doubtful).toBe(true);
    pass(1_000);
    tick();
  }
  expect(reregistration.doubtful).toBe(false);
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
