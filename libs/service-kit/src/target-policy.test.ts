import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { TargetPolicy, guardedLookup, isNetwork } from './target-policy.js';

const REFUSED = [
  '0.0.0.0',
  '127.0.0.1',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.1.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:10.0.0.1',
  '::ffff:a00:1',
  '0:0:0:0:0:ffff:7f00:1',
  '64:ff9b::7f00:1',
  'fd00::1',
  'fe80::1',
  'ff02::1',
  'not an address',
];

test.each(REFUSED)('%s is not connected to', (address) => {
  expect(new TargetPolicy([]).isAllowed(address)).toBe(false);
});

test.each(['8.8.8.8', '2606:4700::1111'])('%s is', (address) => {
  expect(new TargetPolicy([]).isAllowed(address)).toBe(true);
});

test('networks that the operator names are connected to, and no others', () => {
  const policy = new TargetPolicy(['10.0.0.0/8', 'fd00::/8']);
  const addresses = ['10.1.2.3', 'fd00::1', '192.168.1.1', '169.254.169.254', '::ffff:10.1.2.3'];
  expect(addresses.map((address) => policy.isAllowed(address))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('a name is looked up once, and refused when any of its addresses is', async () => {
  const answers = [['8.8.8.8'], ['127.0.0.1']];
  const policy = new TargetPolicy([], () => Promise.resolve(answers.shift() ?? []));
  expect(await policy.resolve('camera.example')).toEqual(['8.8.8.8']);
  await expect(policy.resolve('camera.example')).rejects.toMatchObject({ kind: 'notAllowed' });
  await expect(policy.resolve('camera.example')).rejects.toMatchObject({ kind: 'notFound' });
  const mixed = new TargetPolicy([], () => Promise.resolve(['8.8.8.8', '10.0.0.1']));
  await expect(mixed.resolve('camera.example')).rejects.toMatchObject({ kind: 'notAllowed' });
});

test('a connection by name goes where it was looked up, or nowhere', async () => {
  const answers = [['8.8.8.8', '2606:4700::1111'], ['8.8.8.8'], ['8.8.8.8', '169.254.169.254'], []];
  const lookup = guardedLookup([], () => Promise.resolve(answers.shift() ?? []));
  const find = (all: boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<string | LookupAddress[]>();
    lookup('server.example', { all }, (error, found) => (error ? reject(error) : resolve(found)));
    return promise;
  };
  expect(await find(true)).toEqual([
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
  expect(await find(false)).toBe('8.8.8.8');
  await expect(find(true)).rejects.toMatchObject({ kind: 'notAllowed' });
  await expect(find(true)).rejects.toMatchObject({ kind: 'notFound' });
});

test.each([
  ['10.0.0.0/8', true],
  ['::/0', true],
  ['10.0.0.0', false],
  ['10.0.0.0/33', false],
  ['example/8', false],
])('whether %s is a network: %s', (text, is) => {
  expect(isNetwork(text)).toBe(is);
});
