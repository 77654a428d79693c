import { expect, test } from 'vitest';
import { readClaims } from './tokens.js';

const base64Url = (text: string) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const tokenWith = (claims: object) =>
  ['{}', JSON.stringify(claims), 'signature'].map(base64Url).join('.');

test('the claims of a participant are read', () => {
  const token = tokenWith({ sub: 'alice', name: 'Älice ✓', room: 'demo', publish: true, exp: 2 });
  expect(readClaims(token)).toEqual({
    subject: 'alice',
    name: 'Älice ✓',
    room: 'demo',
    admin: false,
    publish: true,
    ingest: false,
    expiresAtMs: 2_000,
  });
});

test('a token for any room names none', () => {
  expect(readClaims(tokenWith({ sub: 1, room: '*', admin: true }))).toMatchObject({
    subject: '1',
    room: undefined,
    admin: true,
  });
});

test('only the boolean true makes an administrator', () => {
  expect(readClaims(tokenWith({ sub: 'a', admin: 'true' }))?.admin).toBe(false);
});

test.each(['', 'a.b.c', 'no token', `x.${base64Url('7')}.y`])(
  'what is no token has no claims: %j',
  (text) => {
    expect(readClaims(text)).toBeUndefined();
  },
);
