import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VARIABLES, loadConfig } from './config.js';

const GOOD = {
  SLUICE_NATS_URL: 'nats://127.0.0.1:4222',
  SLUICE_CLUSTER_SECRET: 'c'.repeat(32),
  SLUICE_TOKEN_SECRET: 't'.repeat(32),
  SLUICE_DIRECTORY_ADDRESSES: '127.0.0.1:7000, 127.0.0.1:7001',
};

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the least configuration is enough', () => {
  expect(loadConfig(GOOD)).toMatchObject({
    listen: '127.0.0.1:8080',
    directoryTarget: 'ipv4:127.0.0.1:7000,127.0.0.1:7001',
    gatewayId: expect.stringMatching(/^gateway-[0-9a-f]{8}$/) as string,
    allowedOrigins: undefined,
    iceServers: [],
    anonymousRead: false,
    tls: undefined,
  });
});

test('lists, JSON and grants are read', () => {
  const config = loadConfig({
    ...GOOD,
    SLUICE_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
    SLUICE_ICE_SERVERS: '[{"urls":"stun:stun.example:3478"}]',
    SLUICE_TOKEN_DEFAULT_GRANTS: 'publish,subscribe',
  });
  expect(config.allowedOrigins).toEqual(['https://a.example', 'https://b.example']);
  expect(config.iceServers).toEqual([{ urls: 'stun:stun.example:3478' }]);
  expect(config.tokens.defaultGrants).toEqual({ publish: true, subscribe: true });
});

test.each([
  [{ SLUICE_TOKEN_SECRET: '' }, 'SLUICE_TOKEN_SECRET: is required, or SLUICE_TOKEN_JWKS_URL'],
  [{ SLUICE_TOKEN_SECRET: 'short' }, 'SLUICE_TOKEN_SECRET: needs at least 32 characters'],
  [{ SLUICE_TOKEN_JWKS_URL: 'file:///etc/passwd' }, 'SLUICE_TOKEN_JWKS_URL: is malformed'],
  [{ SLUICE_ANONYMOUS_DIALECTS: 'rooms' }, 'SLUICE_ANONYMOUS_DIALECTS.0: must be one of'],
  [{ SLUICE_DIALECTS: 'jabber' }, 'SLUICE_DIALECTS.0: must be one of'],
  [{ SLUICE_TOKEN_DEFAULT_GRANTS: 'admin' }, 'SLUICE_TOKEN_DEFAULT_GRANTS.0: must be one of'],
  [{ SLUICE_ICE_SERVERS: '[{}]' }, 'SLUICE_ICE_SERVERS.0.urls'],
  [{ SLUICE_DIRECTORY_ADDRESSES: 'a:1,b:2' }, 'SLUICE_DIRECTORY_ADDRESSES: must be IP addresses'],
  [{ SLUICE_DIRECTORY_ADDRESSES: '10.0.0.1:7000' }, 'is required beyond loopback'],
])('%j is refused', (wrong, mistake) => {
  expect(() => loadConfig({ ...GOOD, ...wrong })).toThrow(mistake);
});

test('the README’s table has each variable once, in order, with its words', () => {
  const [, section = ''] = /^## Configuration$(.*?)^## /ms.exec(README) ?? [];
  const rows = section.matchAll(/^\| `(SLUICE_[A-Z_]+)` +\| (.*?) +\| (.*?) +\|$/gm);
  const documented = [...rows].map(([, name, , words]) => [name, words]);
  const declared = Object.entries(VARIABLES).map(([name, variable]) => [
    name,
    variable.description,
  ]);
  expect(documented).toEqual(declared);
});

test('all dialects are served and none without a token, unless the operator says otherwise', () => {
  const byDefault = loadConfig(GOOD);
  expect([...byDefault.dialects]).toEqual([
    'rooms',
    'sfu-to-sfu',
    'pion-sfu',
    'umbrella',
    'whip',
    'whep',
  ]);
  expect([...byDefault.anonymousDialects]).toEqual([]);
  const config = loadConfig({
    ...GOOD,
    SLUICE_DIALECTS: 'rooms, umbrella',
    SLUICE_ANONYMOUS_DIALECTS: 'umbrella',
  });
  expect([...config.dialects]).toEqual(['rooms', 'umbrella']);
  expect([...config.anonymousDialects]).toEqual(['umbrella']);
});
