import { expect, test } from 'vitest';
import { GRANTS, grantsOf, type Grants, type Identity } from '@sluice/tokens';
import { requireFresh, requireGrant, requireRoom } from './permissions.js';

function anIdentity(grants: Partial<Grants>, room = '*'): Identity {
  return {
    subject: 'ann',
    name: 'Ann',
    room,
    grants: { ...grantsOf([]), ...grants },
    expiresAtS: 100,
  };
}

const denied = expect.objectContaining({ code: 'PERMISSION_DENIED' }) as Error;

test('a grant allows what it names, and an administrator everything', () => {
  for (const held of GRANTS) {
    for (const needed of GRANTS) {
      const check = () => requireGrant(anIdentity({ [held]: true }), needed);
      if (held === needed || held === 'admin') expect(check).not.toThrow();
      else expect(check).toThrow(denied);
    }
  }
});

test('a token for a room is for no other one, unless it is an administrator’s', () => {
  expect(() => requireRoom(anIdentity({}, 'blue'), 'blue')).not.toThrow();
  expect(() => requireRoom(anIdentity({}, 'blue'), 'green')).toThrow(denied);
  expect(() => requireRoom(anIdentity({}), 'green')).not.toThrow();
  expect(() => requireRoom(anIdentity({ admin: true }, 'blue'), 'green')).not.toThrow();
});

test('nothing begins from the second on in which a token expires', () => {
  expect(() => requireFresh(anIdentity({}), 99.9)).not.toThrow();
  expect(() => requireFresh(anIdentity({}), 100)).toThrow('token expired');
});
