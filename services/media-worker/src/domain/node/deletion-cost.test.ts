import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { DeletionCost } from './deletion-cost.js';

function setUp() {
  const clock = new FakeClock();
  const node = { sessions: 0, draining: false, refuses: false };
  const written: number[] = [];
  const outcomes: string[] = [];
  const cost = new DeletionCost({
    clock,
    sessions: () => node.sessions,
    draining: () => node.draining,
    write: (value) => {
      if (node.refuses) return Promise.reject(new Error('refused'));
      written.push(value);
      return Promise.resolve();
    },
    onWritten: (error) => outcomes.push(error === undefined ? 'ok' : 'failed'),
  });
  const elapse = async (ms: number) => {
    clock.elapse(ms);
    // What was begun then is over.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, node, written, outcomes, cost, elapse };
}

test('it says how many sessions there are: at once, and then what has changed, every ten seconds', async () => {
  const { node, written, elapse } = setUp();
  await elapse(0);
  node.sessions = 3;
  await elapse(9_000);
  node.sessions = 5;
  expect(written).toEqual([0]);
  await elapse(1_000);
  await elapse(60_000);
  expect(written).toEqual([0, 5]);
});

test('a node that drains goes before an empty one, until it is undrained', async () => {
  const { node, written, elapse } = setUp();
  await elapse(0);
  node.sessions = 2;
  node.draining = true;
  await elapse(10_000);
  node.draining = false;
  await elapse(10_000);
  expect(written).toEqual([0, -1, 2]);
});

test('what is refused is tried again, ever more rarely, and then written as it is by then', async () => {
  const { node, written, outcomes, elapse } = setUp();
  node.refuses = true;
  node.sessions = 1;
  await elapse(0);
  expect(outcomes).toEqual(['ok']);
  for (let second = 0; second < 600; second += 10) await elapse(10_000);
  const failures = outcomes.length - 1;
  expect(failures).toBeGreaterThan(2);
  expect(failures).toBeLessThan(8);
  node.refuses = false;
  node.sessions = 7;
  for (let second = 0; second < 300; second += 10) await elapse(10_000);
  expect(written).toEqual([0, 7]);
});

test('it stops', async () => {
  const { node, written, cost, elapse } = setUp();
  await elapse(0);
  cost.stop();
  node.sessions = 1;
  await elapse(60_000);
  expect(written).toEqual([0]);
});
