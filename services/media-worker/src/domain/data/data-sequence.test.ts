import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sequence } from './data-sequence.js';

const message = (count: number) => ({ ppid: 51, payload: Buffer.from(String(count)) });
const said = (messages: readonly { readonly payload: Buffer }[]) =>
  messages.map(({ payload }) => Number(payload.toString()));

test('messages come in order, in whatever order they arrive', () => {
  const shuffled = fc
    .integer({ min: 1, max: 60 })
    .chain((length) => fc.shuffledSubarray([...Array(length).keys()], { minLength: length }));
  fc.assert(
    fc.property(shuffled, (order) => {
      const sequence = new Sequence();
      sequence.take(100, message(100));
      const heard = order.flatMap((index) =>
        said(sequence.take(101 + index, message(101 + index))),
      );
      expect(heard).toEqual(order.map((_, index) => 101 + index));
      expect(sequence.waits).toBe(false);
    }),
  );
});

test('what is missing holds up the rest until it is given up', () => {
  const sequence = new Sequence();
  expect(said(sequence.take(7, message(7)))).toEqual([7]);
  expect(sequence.take(9, message(9))).toEqual([]);
  expect(sequence.take(12, message(12))).toEqual([]);
  expect(sequence.waits).toBe(true);
  expect(said(sequence.skip())).toEqual([9]);
  expect(sequence.waits).toBe(true);
  expect(said(sequence.skip())).toEqual([12]);
  expect([sequence.waits, sequence.skip()]).toEqual([false, []]);
  expect(sequence.take(8, message(8))).toEqual([]);
});

test('no more are held than makes sense', () => {
  const sequence = new Sequence();
  sequence.take(1, message(1));
  for (let count = 3; !sequence.full; count += 1) {
    sequence.take(count, message(count));
    expect(count).toBeLessThan(1_000);
  }
  expect(said(sequence.skip())).toHaveLength(256);
});
