import { SluiceError } from '@sluice/core';
import { expect, test } from 'vitest';
import { timed } from './timed.js';

class Port {
  readonly #answer = 'found';
  size = 3;

  find(): Promise<string> {
    return Promise.resolve(this.#answer);
  }

  refuse(): Promise<never> {
    return Promise.reject(new SluiceError('NOT_FOUND', 'no such thing'));
  }

  watch(): Iterable<number> {
    return [1, 2];
  }
}

function observedPort() {
  const calls: string[] = [];
  const port = timed(new Port(), (method, outcome, seconds) => {
    calls.push(`${method} ${outcome} ${String(seconds >= 0)}`);
  });
  return { port, calls };
}

test('a call gives what it gave, and is told of with its outcome', async () => {
  const { port, calls } = observedPort();
  expect(await port.find()).toBe('found');
  await expect(port.refuse()).rejects.toThrow('no such thing');
  expect(calls).toEqual(['find OK true', 'refuse NOT_FOUND true']);
});

test('what gives no promise is left alone', () => {
  const { port, calls } = observedPort();
  expect([...port.watch()]).toEqual([1, 2]);
  expect(port.size).toBe(3);
  expect(calls).toEqual([]);
});
