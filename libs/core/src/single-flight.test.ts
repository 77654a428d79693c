import { expect, test } from 'vitest';
import { Resource } from './resource.js';
import { SingleFlight } from './single-flight.js';

class Pipe extends Resource {}

function aFlight() {
  const flight = new SingleFlight<string, Pipe>();
  let opened = 0;
  const open = async () => {
    opened += 1;
    await Promise.resolve();
    return new Pipe();
  };
  return { flight, open, opened: () => opened };
}

test('ten that ask at once get the same one', async () => {
  const { flight, open, opened } = aFlight();
  const pipes = await Promise.all(Array.from({ length: 10 }, () => flight.ensure('x', open)));
  expect(new Set(pipes).size).toBe(1);
  expect(opened()).toBe(1);
  expect(flight.find('x')).toBe(pipes[0]);
  expect([...flight.values()]).toEqual([pipes[0]]);
});

test('each key has its own', async () => {
  const { flight, open } = aFlight();
  const [x, y] = await Promise.all([flight.ensure('x', open), flight.ensure('y', open)]);
  expect(x).not.toBe(y);
});

test('one that is still being opened is not found yet', async () => {
  const { flight, open } = aFlight();
  const opening = flight.ensure('x', open);
  expect(flight.find('x')).toBeUndefined();
  await opening;
  expect(flight.find('x')).toBeDefined();
});

test('after a failure the next call tries again', async () => {
  const { flight, open } = aFlight();
  const failure = new Error('no');
  const refused = Array.from({ length: 3 }, () =>
    flight.ensure('x', () => Promise.reject(failure)),
  );
  for (const attempt of refused) await expect(attempt).rejects.toBe(failure);
  expect(await flight.ensure('x', open)).toBeInstanceOf(Pipe);
});

test('a closed one is never handed out', async () => {
  const { flight, open, opened } = aFlight();
  const first = await flight.ensure('x', open);
  first.close();
  expect(flight.find('x')).toBeUndefined();
  const second = await flight.ensure('x', open);
  expect(second).not.toBe(first);
  expect(opened()).toBe(2);
  first.close();
  expect(flight.find('x')).toBe(second);
});

test('one that was closed before it was handed out is forgotten', async () => {
  const { flight, open } = aFlight();
  const closed = await flight.ensure('x', () => {
    const pipe = new Pipe();
    pipe.close();
    return Promise.resolve(pipe);
  });
  expect(closed.closed).toBe(true);
  expect(flight.find('x')).toBeUndefined();
  expect((await flight.ensure('x', open)).closed).toBe(false);
});
