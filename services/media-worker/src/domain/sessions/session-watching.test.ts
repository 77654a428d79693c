import { beforeEach, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import type { SessionEvent } from './session-events.js';
import { SessionWatching, tooLate } from './session-watching.js';

const STREAM = { room: 'r', participant: 'p', purpose: 's' };

let watching: SessionWatching;
let move: SessionEvent | undefined;
let changes: boolean[];

beforeEach(() => {
  move = undefined;
  changes = [];
  watching = new SessionWatching({
    snapshot: () => ({ type: 'snapshot', publications: [], subscriptions: [] }),
    move: () => move,
    repeatOffers: () => watching.tell(offer('again')),
    onChanged: () => changes.push(watching.attached),
  });
});

function offer(sdp: string): SessionEvent {
  return { type: 'subscriptionOffered', subscription: { connection: 'c' }, sdp };
}

function failure(message: string): SessionEvent {
  return { type: 'failed', stream: STREAM, error: new SluiceError('UNAVAILABLE', message) };
}

function attach() {
  const heard: SessionEvent[] = [];
  const attachment = watching.attach((event) => heard.push(event));
  return { ...attachment, heard, types: () => heard.map(({ type }) => type) };
}

test('what nobody was there to hear waits, but for offers, which are said again', () => {
  watching.tell(failure('missed'));
  watching.tell(offer('lost'));
  move = { type: 'move', reason: 'drain', deadlineMs: 1 };
  const first = attach();
  expect(first.types()).toEqual(['snapshot', 'failed', 'move', 'subscriptionOffered']);
  first.detach();
  expect(attach().types()).toEqual(['snapshot', 'move', 'subscriptionOffered']);
});

test('a newer watcher takes the place of an older one, which cannot detach it', async () => {
  const older = attach();
  const newer = attach();
  await older.over;
  older.detach();
  watching.tell(failure('now'));
  expect(older.types()).not.toContain('failed');
  expect(newer.types()).toContain('failed');
  expect(changes).toEqual([true]);
  newer.detach();
  expect(changes).toEqual([true, false]);
});

test('a move is told to who watches, and not kept besides: the next one hears of it anyway', () => {
  move = { type: 'move', reason: 'drain', deadlineMs: 1 };
  watching.tellOfMove();
  const { types } = attach();
  watching.tellOfMove();
  expect(types().filter((type) => type === 'move')).toHaveLength(2);
});

test('the end is told once, and changes nothing more', async () => {
  const watcher = attach();
  const { heard } = watcher;
  watching.end('requested');
  watching.end('again');
  await watcher.over;
  watcher.detach();
  expect(heard.at(-1)).toEqual({ type: 'ended', reason: 'requested' });
  expect(heard.filter(({ type }) => type === 'ended')).toHaveLength(1);
  expect(changes).toEqual([true]);
});

test('what is missed is bounded', () => {
  for (let index = 0; index < 2_000; index += 1) watching.tell(failure(String(index)));
  expect(attach().heard).toHaveLength(1 + 1_024 + 1);
});

test('who comes when the session is over hears just that', async () => {
  const heard: SessionEvent[] = [];
  await tooLate((event) => heard.push(event)).over;
  expect(heard).toEqual([{ type: 'ended', reason: 'the session is over' }]);
});
