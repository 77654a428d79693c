import { SluiceError, type ErrorCode } from '@sluice/core';
import { expect, test } from 'vitest';
import { boundedSdp, fromSessionEvent, toProfile, toStreamName } from './session-messages.js';

const REQUEST = {
  sessionId: 's-1',
  routerId: 'r',
  room: 'a room',
  participant: 'anna',
  username: 'Anna',
  connectionId: 'c',
  present: true,
  unattended: false,
  dials: false,
  publicationsMax: 0,
  tellsDemand: false,
};

test('a session without grants may nothing', () => {
  expect(toProfile(REQUEST).grants).toEqual({ publish: false, subscribe: false });
});

function codeOf(task: () => unknown): ErrorCode | undefined {
  try {
    task();
    return undefined;
  } catch (error) {
    return SluiceError.from(error).code;
  }
}

test('what names something is checked', () => {
  expect(codeOf(() => toProfile({ ...REQUEST, sessionId: 'not an id' }))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => toProfile({ ...REQUEST, room: '' }))).toBe('INVALID_ARGUMENT');
  expect(codeOf(() => toStreamName('room', { participant: 'a\u0000b', purpose: 'p' }))).toBe(
    'INVALID_ARGUMENT',
  );
  expect(codeOf(() => toStreamName('room', { participant: 'a', purpose: '\ud800' }))).toBe(
    'INVALID_ARGUMENT',
  );
});

test('what is long is refused', () => {
  expect(codeOf(() => boundedSdp('v'.repeat(300_000)))).toBe('TOO_LARGE');
  expect(codeOf(() => toProfile({ ...REQUEST, username: 'x'.repeat(1_000) }))).toBe('TOO_LARGE');
});

test('every event has its message', () => {
  const subscription = {
    stream: { room: 'r', participant: 'p', purpose: 'c' },
    connection: 'main',
  };
  expect(
    fromSessionEvent({ type: 'snapshot', publications: ['c'], subscriptions: [subscription] }),
  ).toEqual({
    event: {
      $case: 'snapshot',
      value: { publications: [{ purpose: 'c' }], subscriptions: [subscription] },
    },
  });
  const refused = { subscription, trackId: 'video', mimeType: 'video/AV1' };
  expect(fromSessionEvent({ type: 'trackRefused', ...refused })).toEqual({
    event: { $case: 'trackRefused', value: refused },
  });
  expect(fromSessionEvent({ type: 'subscriptionEnded', subscription, reason: 'x' })).toEqual({
    event: { $case: 'subscriptionEnded', value: { subscription, reason: 'x' } },
  });
  expect(fromSessionEvent({ type: 'move', reason: 'draining', deadlineMs: 5 })).toEqual({
    event: { $case: 'move', value: { reason: 'draining', deadlineMs: 5 } },
  });
});
