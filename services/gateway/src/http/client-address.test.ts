import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { clientAddress } from './client-address.js';

function aRequest(forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  // Only what is read of a request.
  return { headers, socket: { remoteAddress: '10.0.0.1' } } as unknown as IncomingMessage;
}

test('without trusted proxies nobody’s word counts', () => {
  expect(clientAddress(aRequest('203.0.113.7'), 0)).toBe('10.0.0.1');
});

test('behind proxies it is the address that the outermost trusted one saw', () => {
  expect(clientAddress(aRequest('made up, 203.0.113.7'), 1)).toBe('203.0.113.7');
  expect(clientAddress(aRequest('made up, 203.0.113.7, 192.0.2.1'), 2)).toBe('203.0.113.7');
});

test('with fewer hops than proxies it is the peer’s', () => {
  expect(clientAddress(aRequest('203.0.113.7'), 2)).toBe('10.0.0.1');
  expect(clientAddress(aRequest(' , '), 1)).toBe('10.0.0.1');
  expect(clientAddress(aRequest(), 1)).toBe('10.0.0.1');
});
