import { expect, test } from 'vitest';
import { grantsOf, mayEnter, type Identity } from './claims.js';

function identityFor(room: string): Identity {
  const grants = grantsOf([]);
  return { subject: 'ann', name: 'Ann', room, grants, expiresAtS: 0 };
}

test('a token for a room opens that room only, one for * opens all', () => {
  expect(mayEnter(identityFor('blue'), 'blue')).toBe(true);
  expect(mayEnter(identityFor('blue'), 'Blue')).toBe(false);
  expect(mayEnter(identityFor('blue'), '*')).toBe(false);
  expect(mayEnter(identityFor('*'), 'blue')).toBe(true);
  expect(mayEnter(identityFor(''), 'blue')).toBe(false);
});
