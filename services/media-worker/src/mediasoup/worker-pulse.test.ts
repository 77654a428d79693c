import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { WorkerPulse } from './worker-pulse.js';

function setUp() {
  const clock = new FakeClock();
  const state = { answers: true, kills: 0, told: 0 };
  const worker = {
    cpuTimeMs: () => (state.answers ? Promise.resolve(1) : new Promise<number>(() => undefined)),
    kill: () => (state.kills += 1),
  };
  new WorkerPulse(worker, clock, () => (state.told += 1));
  const elapse = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.elapse(1_000);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
  };
  return { state, elapse };
}

test('a worker that answers is left alone', async () => {
  const { state, elapse } = setUp();
  await elapse(60);
  expect(state.kills).toBe(0);
});

test('one that answers nothing any more is killed, once', async () => {
  const { state, elapse } = setUp();
  await elapse(3);
  state.answers = false;
  await elapse(4);
  expect(state.kills).toBe(0);
  await elapse(10);
  expect(state).toMatchObject({ kills: 1, told: 1 });
});
