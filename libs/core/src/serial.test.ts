import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Serial } from './serial.js';

test('whatever tasks do, they run one after the other in the order of the calls', async () => {
  const aTask = fc.record({ turns: fc.nat(3), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(aTask, { maxLength: 12 }), async (tasks) => {
      const serial = new Serial();
      const started: number[] = [];
      let running = 0;
      const runs = tasks.map(({ turns, fails }, index) =>
        serial.run(async () => {
          started.push(index);
          running += 1;
          expect(running).toBe(1);
          for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
          running -= 1;
          if (fails) throw new Error(`task ${index}`);
          return index;
        }),
      );
      const outcomes = await Promise.allSettled(runs);
      expect(started).toEqual(tasks.map((_task, index) => index));
      expect(outcomes.map(({ status }) => status === 'rejected')).toEqual(
        tasks.map(({ fails }) => fails),
      );
    }),
  );
});

test('a task that throws at once fails its own call only', async () => {
  const serial = new Serial();
  const failure = new Error('no');
  const failing = serial.run(() => {
    throw failure;
  });
  await expect(failing).rejects.toBe(failure);
  await expect(serial.run(() => 7)).resolves.toBe(7);
});

test('it says when it is full, and when it is not any more', async () => {
  const serial = new Serial(2);
  expect(serial.full).toBe(false);
  const runs = [serial.run(() => Promise.resolve()), serial.run(() => Promise.reject(new Error()))];
  expect(serial.full).toBe(true);
  await Promise.allSettled(runs);
  expect(serial.full).toBe(false);
});
