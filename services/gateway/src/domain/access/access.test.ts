import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { grantsOf, type Identity } from '@sluice/tokens';
import { Access, isAnonymous, type Dialect } from './access.js';

const ann: Identity = {
  subject: 'ann',
  name: 'Ann',
  room: 'blue',
  grants: grantsOf(['publish']),
  expiresAtS: 100,
};

function anAccess(dialects: readonly Dialect[], anonymous: readonly Dialect[] = []): Access {
  let ids = 0;
  return new Access({
    tokens: {
      verify: (token) =>
        token === 'good'
          ? Promise.resolve(ann)
          : Promise.reject(new SluiceError('UNAUTHENTICATED', 'bad signature')),
      issue: () => Promise.reject(new Error('not asked for here')),
    },
    dialects: new Set(dialects),
    anonymousDialects: new Set(anonymous),
    newId: () => String((ids += 1)),
  });
}

test.each([{ authorization: 'Bearer good' }, { authorization: 'bearer good' }, { token: 'good' }])(
  'a token counts as %j',
  async (credentials) => {
    expect(await anAccess(['whip']).identify('whip', credentials)).toBe(ann);
  },
);

test('the header wins over the query', async () => {
  const access = anAccess(['whip']);
  expect(await access.identify('whip', { authorization: 'Bearer good', token: 'bad' })).toBe(ann);
});

test.each([
  {},
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer bad' },
  { authorization: 'Bearer good good' },
  { authorization: 'Basic good' },
  { token: '' },
  { token: 'bad' },
])('a closed dialect takes nobody with %j', async (credentials) => {
  await expect(anAccess(['whip']).identify('whip', credentials)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});

test('an open dialect takes whom nobody knows, each by a name of its own, and grants no more than media', async () => {
  const access = anAccess(['umbrella', 'pion-sfu'], ['umbrella']);
  const one = await access.identify('umbrella', {});
  const two = await access.identify('umbrella', {});
  expect(one.subject).not.toBe(two.subject);
  expect(one).toMatchObject({ room: '*', grants: grantsOf(['publish', 'subscribe']) });
  expect([isAnonymous(one), isAnonymous(ann)]).toEqual([true, false]);
  await expect(access.identify('pion-sfu', {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('a bad token is refused where none would do', async () => {
  const access = anAccess(['umbrella'], ['umbrella']);
  for (const credentials of [{ token: 'bad' }, { token: '' }, { authorization: 'Basic x' }]) {
    await expect(access.identify('umbrella', credentials)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  }
});

test('a dialect that is switched off is there for nobody, even if it was opened', async () => {
  const access = anAccess(['rooms'], ['umbrella']);
  expect([access.isOn('umbrella'), access.isOpen('umbrella')]).toEqual([false, false]);
  for (const credentials of [{}, { token: 'good' }]) {
    await expect(access.identify('umbrella', credentials)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
  }
});
