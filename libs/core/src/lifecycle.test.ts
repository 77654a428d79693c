import { expect, test } from 'vitest';
import { Lifecycle } from './lifecycle.js';

test('stops in the reverse order of the start, each step waiting for the one before', async () => {
  const lifecycle = new Lifecycle();
  const stopped: string[] = [];
  for (const name of ['first', 'second', 'third']) {
    lifecycle.started(name, 1_000, async () => {
      await Promise.resolve();
      stopped.push(name);
    });
  }
  const results = await lifecycle.stop();
  expect(stopped).toEqual(['third', 'second', 'first']);
  expect(results.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok']);
});

test('a step that fails or hangs is named, and stops no other', async () => {
  const lifecycle = new Lifecycle();
  const failure = new Error('no');
  let reached = false;
  lifecycle.started('last', 1_000, () => {
    reached = true;
  });
  lifecycle.started('throws', 1_000, () => {
    throw failure;
  });
  lifecycle.started('rejects', 1_000, () => Promise.reject(failure));
  lifecycle.started('hangs', 10, () => new Promise(() => undefined));
  expect(await lifecycle.stop()).toEqual([
    { name: 'hangs', outcome: 'timeout' },
    { name: 'rejects', outcome: 'failed', error: failure },
    { name: 'throws', outcome: 'failed', error: failure },
    { name: 'last', outcome: 'ok' },
  ]);
  expect(reached).toBe(true);
});

test('however often it is called, it stops once', async () => {
  const lifecycle = new Lifecycle();
  let stops = 0;
  lifecycle.started('only', 1_000, () => void (stops += 1));
  const results = await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  expect(await lifecycle.stop()).toBe(results[0]);
  expect(stops).toBe(1);
});
