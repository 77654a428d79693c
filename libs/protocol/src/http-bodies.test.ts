import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStreamPath, streamPath } from './http-bodies.js';

test('a stream’s path is its parts, with only what would be mistaken encoded', () => {
  expect(streamPath({ room: 'blue', participant: 'Ann Lee', purpose: 'm.usermedia' })).toBe(
    'blue/Ann Lee/m.usermedia',
  );
  expect(streamPath({ room: 'a/b', participant: '50%', purpose: '%2F' })).toBe('a%2Fb/50%25/%252F');
});

test('every stream’s path leads back to it, and to it alone', () => {
  const part = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.string({ minLength: 1, unit: fc.constantFrom('/', '%', '2', 'F', '5', 'a') }),
  );
  fc.assert(
    fc.property(part, part, part, (room, participant, purpose) => {
      const stream = { room, participant, purpose };
      expect(parseStreamPath(streamPath(stream))).toEqual(stream);
    }),
  );
});

test('what is no path is none', () => {
  for (const path of ['', 'a', 'a/b', 'a/b/', '/a/b', 'a/b/c/d']) {
    expect(parseStreamPath(path)).toBeUndefined();
  }
});
