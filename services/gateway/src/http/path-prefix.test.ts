import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { pathPrefix } from './path-prefix.js';

const saying = (prefix: string) =>
  ({ headers: { 'x-forwarded-prefix': prefix } }) as unknown as IncomingMessage;

test('without trusted proxies, or without a word of theirs, there is none', () => {
  expect(pathPrefix(saying('/sluice'), 0)).toBe('');
  expect(pathPrefix({ headers: {} } as unknown as IncomingMessage, 1)).toBe('');
});

test('each proxy that takes a part off appends it', () => {
  expect(pathPrefix(saying('/sluice'), 1)).toBe('/sluice');
  expect(pathPrefix(saying('/media/eu/'), 1)).toBe('/media/eu');
  expect(pathPrefix(saying('/outer, /inner'), 2)).toBe('/outer/inner');
  expect(pathPrefix(saying('/written-by-anybody, /sluice'), 1)).toBe('/sluice');
});

test.each(['//evil.example', 'https://evil.example', '/a b', '/', '/x?y', `/${'x'.repeat(65)}`])(
  '%s is no path that a proxy serves things under',
  (prefix) => expect(pathPrefix(saying(prefix), 1)).toBe(''),
);
