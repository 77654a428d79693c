import { expect, test } from 'vitest';
import { History, type Grant, type Look } from './history.js';

const NAME = { room: 'kitchen', participant: 'ann', purpose: 'camera' };

const grant = (epoch: number, origin: string, atMs: number): Grant => ({
  name: NAME,
  epoch,
  origin,
  askedAtMs: atMs,
  grantedAtMs: atMs + 10,
});
const look = (epoch: number, atMs: number): Look => ({
  name: NAME,
  epoch,
  askedAtMs: atMs,
  answeredAtMs: atMs + 10,
});

function historyOf(grants: Grant[], looks: Look[] = []): History {
  const history = new History();
  for (const one of grants) history.granted(one);
  for (const one of looks) history.looked(one);
  return history;
}

test('a history in which epochs grow and streams are found has nothing wrong', () => {
  const history = historyOf([grant(1, 'a', 0), grant(2, 'b', 100)], [look(1, 50), look(2, 150)]);
  expect(history.violations()).toEqual([]);
});

test('two origins of one epoch are noticed', () => {
  const concurrent = [grant(1, 'a', 0), grant(1, 'b', 5)];
  expect(historyOf(concurrent).violations()).toEqual([
    'kitchen / ann / camera @1 has two origins: a and b',
  ]);
});

test('an epoch that shrinks is noticed, and the same one told again to its origin is not', () => {
  expect(historyOf([grant(2, 'a', 0), grant(1, 'b', 100)]).violations()).toHaveLength(1);
  expect(historyOf([grant(2, 'a', 0), grant(2, 'a', 100)]).violations()).toEqual([]);
});

test('a stream that is there and is not found is noticed', () => {
  expect(historyOf([grant(1, 'a', 0)], [look(0, 50)]).violations()).toHaveLength(1);
  expect(historyOf([grant(1, 'a', 100)], [look(0, 50)]).violations()).toEqual([]);
});

test('one that has ended, or that was disturbed just then, need not be found', () => {
  const now = performance.now();
  const ended = historyOf([grant(1, 'a', now - 1_000)], [look(0, now + 1_000)]);
  ended.ended(NAME, 1, 'released');
  expect(ended.violations()).toEqual([]);
  const disturbed = historyOf([grant(1, 'a boot', now - 1_000)], [look(0, now + 1_000)]);
  disturbed.disturbed('b', 'cut')();
  expect(disturbed.violations()).toHaveLength(1);
  disturbed.disturbed('a', 'cut')();
  expect(disturbed.violations()).toEqual([]);
});
