import { FakeClock } from '@sluice/testing';
import { beforeEach, expect, test } from 'vitest';
import { aCopy, settled } from '../relays/relay-fakes.fixture.js';
import type { StreamCopy } from '../streams/stream-copy.js';
import { findAgain } from './find-again.js';
import type { Subscription } from './subscription.js';

const DELAYS_MS = [0, 100, 300];

let clock: FakeClock;
let subscription: { closed: boolean; flowing: boolean; dry: () => Promise<void> };
let tries: number;

beforeEach(() => {
  clock = new FakeClock();
  subscription = { closed: false, flowing: false, dry: () => Promise.resolve() };
  tries = 0;
});

/** Looks for a stream that `found` gives at the try of that number, from 1. */
function look(found: (attempt: number) => StreamCopy | undefined) {
  return findAgain(subscription as unknown as Subscription, {
    clock,
    delaysMs: DELAYS_MS,
    ensure: () => {
      tries += 1;
      const copy = found(tries);
      return copy ? Promise.resolve(copy) : Promise.reject(new Error('not there'));
    },
  });
}

async function elapse(...timesMs: readonly number[]): Promise<void> {
  for (const timeMs of timesMs) {
    clock.elapse(timeMs);
    await settled();
  }
}

test('what is not there yet is looked for again, each time later', async () => {
  const copy = aCopy();
  const looking = look((attempt) => (attempt === 3 ? copy : undefined));
  await elapse(0, 99);
  expect(tries).toBe(1);
  await elapse(1, 299);
  expect(tries).toBe(2);
  await elapse(1);
  expect(await looking).toBe(copy);
});

test('it is given up after the last try, and at once when nobody wants it any more', async () => {
  const looking = look(() => undefined);
  await elapse(0, 100, 300);
  expect([await looking, tries]).toEqual([undefined, 3]);
  const again = look(() => undefined);
  await elapse(0);
  subscription.closed = true;
  await elapse(100);
  expect([await again, tries]).toEqual([undefined, 4]);
});

test('what was lost again before the client needed it is looked for once more', async () => {
  const dry = Promise.withResolvers<undefined>();
  Object.assign(subscription, { flowing: true, dry: () => dry.promise });
  const [lost, kept] = [aCopy(), aCopy()];
  const looking = look((attempt) => (attempt === 1 ? lost : kept));
  await elapse(0);
  expect(lost.wanted).toBe(true);
  lost.close('relay lost');
  dry.resolve(undefined);
  await settled();
  await elapse(100);
  expect(await looking).toBe(kept);
  expect(kept.watched).toBe(false);
});
