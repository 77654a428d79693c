import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { steadyFlow } from './first-packets.js';
import { FakeProducer, settled } from '../relays/relay-fakes.fixture.js';

function setUp(...producers: FakeProducer[]) {
  const clock = new FakeClock();
  const state = { steady: false };
  void steadyFlow(
    clock,
    producers.map((producer) => producer.asProducer()),
  ).then(() => (state.steady = true));
  const elapse = async (ms: number) => {
    await settled();
    clock.elapse(ms);
    await settled();
    return state.steady;
  };
  return { elapse };
}

function aSilentProducer(paused = false): FakeProducer {
  const producer = new FakeProducer('video', paused);
  producer.score.length = 0;
  return producer;
}

test('a source that flows is given a moment of rest', async () => {
  const { elapse } = setUp(new FakeProducer());
  expect(await elapse(600)).toBe(false);
  expect(await elapse(50)).toBe(true);
});

test('the slowest of several is waited for', async () => {
  const slow = aSilentProducer();
  const { elapse } = setUp(new FakeProducer(), slow);
  expect(await elapse(900)).toBe(false);
  slow.observer.emit('score', [{ score: 10 }]);
  expect(await elapse(650)).toBe(true);
});

test('one that never sends is not waited for longer than a second', async () => {
  const { elapse } = setUp(aSilentProducer());
  expect(await elapse(999)).toBe(false);
  await elapse(1);
  expect(await elapse(650)).toBe(true);
});

test('one that is muted, or ends, is not waited for', async () => {
  const closing = aSilentProducer();
  const { elapse } = setUp(aSilentProducer(true), closing);
  expect(await elapse(600)).toBe(false);
  closing.close();
  expect(await elapse(650)).toBe(true);
});
