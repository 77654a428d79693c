import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { manyWatches, type WatchRequest, type WatchResponse } from './many-watches.js';

/** Requests that a test makes one by one. */
class Requests {
  readonly #waiting: WatchRequest<string>[] = [];
  #over = false;
  #wake: () => void = () => undefined;

  send(request: WatchRequest<string>): void {
    this.#waiting.push(request);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchRequest<string>> {
    for (;;) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function setUp() {
  const requests = new Requests();
  const written: WatchResponse<string>[] = [];
  const over: string[] = [];
  const finish = new Map<string, () => void>();
  const call = manyWatches<string, string>(async (wanted, write, { signal }) => {
    if (wanted === 'nobody') throw new SluiceError('NOT_FOUND', 'no such thing');
    write(`snapshot of ${wanted}`);
    const finished = Promise.withResolvers<undefined>();
    const end = () => finished.resolve(undefined);
    finish.set(wanted, end);
    signal.addEventListener('abort', () => {
      over.push(wanted);
      end();
    });
    await finished.promise;
  });
  const controller = new AbortController();
  const done = call(requests, (response) => written.push(response), controller);
  const wrote = (count: number) =>
    eventually(() => (written.length === count ? undefined : `${written.length} were written`));
  return { requests, written, over, finish, controller, done, wrote };
}

const event = (watchId: number, text: string) => ({ watchId, event: text, ended: undefined });
const ended = (watchId: number, code = '', message = '') => ({
  watchId,
  event: undefined,
  ended: { code, message },
});

test('each watch is told things and ends under its own number', async () => {
  const { requests, written, finish, over, wrote } = setUp();
  requests.send({ watchId: 1, begin: 'anna' });
  requests.send({ watchId: 2, begin: 'ben' });
  requests.send({ watchId: 3, begin: 'nobody' });
  await wrote(3);
  finish.get('anna')?.();
  await wrote(4);
  expect(written).toEqual([
    event(1, 'snapshot of anna'),
    event(2, 'snapshot of ben'),
    ended(3, 'NOT_FOUND', 'no such thing'),
    ended(1),
  ]);
  expect(over).toEqual([]);
});

test('one that is not wanted any more ends without a word, and so do all with their call', async () => {
  const { requests, written, over, done, wrote } = setUp();
  for (const [index, name] of ['anna', 'ben', 'cora'].entries()) {
    requests.send({ watchId: index + 1, begin: name });
  }
  await wrote(3);
  requests.send({ watchId: 2 });
  await eventually(() => (over.length === 1 ? undefined : 'it goes on'));
  requests.end();
  await done;
  expect(over).toEqual(['ben', 'anna', 'cora']);
  expect(written).toHaveLength(3);
});

test('a broken call ends all', async () => {
  const { requests, over, controller, wrote } = setUp();
  requests.send({ watchId: 1, begin: 'anna' });
  await wrote(1);
  controller.abort();
  expect(over).toEqual(['anna']);
});

test('a number is not used twice at a time', async () => {
  const { requests, done } = setUp();
  requests.send({ watchId: 1, begin: 'anna' });
  requests.send({ watchId: 1, begin: 'ben' });
  await expect(done).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
