import { expect, test } from 'vitest';
import { TargetRefusal } from '@sluice/service-kit';
import { closedByServer, failureOf, refusedByServer } from './trunk-failure.js';

test.each([
  [4401, 'UNAUTHENTICATED'],
  [4403, 'PERMISSION_DENIED'],
  [4429, 'RATE_LIMITED'],
  [1013, 'CAPACITY_EXHAUSTED'],
  [1012, 'UNAVAILABLE'],
  [1006, 'UNAVAILABLE'],
  [4999, 'UNAVAILABLE'],
])('close code %i is %s', (code, meant) => {
  expect(closedByServer(code, '').code).toBe(meant);
});

test('of what a server says only so much is shown, and nothing that is not text', () => {
  const { message } = closedByServer(1011, `\u0000\u001b[31m${'x'.repeat(500)}`);
  expect(message).toMatch(/^it ended the connection \(1011\): \[31mx+$/);
  expect(message.length).toBeLessThan(200);
});

test.each([
  [401, 'UNAUTHENTICATED', /token/],
  [403, 'PERMISSION_DENIED', /let us in/],
  [302, 'UNAVAILABLE', /leads elsewhere/],
  [404, 'UNAVAILABLE', /answers 404/],
])('an answer %i is %s', (status, code, text) => {
  expect(refusedByServer(status)).toMatchObject({
    code,
    message: expect.stringMatching(text) as string,
  });
});

test.each([
  [Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'UNAVAILABLE', 'nobody listens there'],
  [
    Object.assign(new Error(), { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' }),
    'TOO_LARGE',
    'it sent a frame beyond the limit',
  ],
  [
    Object.assign(new Error(), { code: 'WS_ERR_INVALID_OPCODE' }),
    'INVALID_ARGUMENT',
    'what it sends is no WebSocket',
  ],
  [
    Object.assign(new Error(), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'UNAVAILABLE',
    'its certificate is not trusted',
  ],
  [new Error('Opening handshake has timed out'), 'DEADLINE_EXCEEDED', 'it does not answer'],
  [
    new TargetRefusal('notAllowed'),
    'UNAVAILABLE',
    'its name leads to an address that is not allowed',
  ],
  [new Error('something else'), 'UNAVAILABLE', 'it cannot be reached'],
])('%s is %s: %s', (error, code, message) => {
  expect(failureOf(error)).toMatchObject({ code, message });
});
