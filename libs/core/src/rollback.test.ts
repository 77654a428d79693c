import { expect, test } from 'vitest';
import { Rollback } from './rollback.js';

test('undoes in reverse order, waiting for each, unless committed', async () => {
  const done: string[] = [];
  const steps = async (commit: boolean) => {
    await using rollback = new Rollback(() => done.push('trouble'));
    rollback.add(async () => {
      await Promise.resolve();
      done.push('first');
    });
    rollback.add(() => void done.push('second'));
    if (commit) rollback.commit();
  };
  await steps(true);
  expect(done).toEqual([]);
  await steps(false);
  expect(done).toEqual(['second', 'first']);
});

test('a failing undo is reported, stops no other and hides no error', async () => {
  const reported: unknown[] = [];
  const done: string[] = [];
  const original = new Error('original');
  const broken = new Error('undo failed');
  const fail = async () => {
    await using rollback = new Rollback((error) => reported.push(error));
    rollback.add(() => void done.push('first'));
    rollback.add(() => Promise.reject(broken));
    rollback.add(() => {
      throw broken;
    });
    throw original;
  };
  await expect(fail()).rejects.toBe(original);
  expect(reported).toEqual([broken, broken]);
  expect(done).toEqual(['first']);
});

test('what was done after a commit is undone', async () => {
  const done: string[] = [];
  {
    await using rollback = new Rollback(() => undefined);
    rollback.add(() => void done.push('kept'));
    rollback.commit();
    rollback.add(() => void done.push('undone'));
  }
  expect(done).toEqual(['undone']);
});
