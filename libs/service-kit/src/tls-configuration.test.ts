import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcTls, natsAccess, serverTls } from './tls-configuration.js';

let folder: string;
let authority: TestAuthority;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  authority = new TestAuthority();
  const { ca, certificate, key } = authority.issue('DNS:sluice-internal');
  for (const [name, contents] of Object.entries({ ca, certificate, key })) {
    writeFileSync(file(name), contents);
  }
  writeFileSync(file('other-key'), authority.issue('DNS:somebody-else').key);
  writeFileSync(file('nonsense'), 'PEM');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  authority.remove();
});

const file = (name: string) => join(folder, name);
const filesOf = (ca: string, certificate: string, key: string) => ({
  SLUICE_GRPC_INSECURE: false,
  SLUICE_GRPC_TLS_CA_FILE: file(ca),
  SLUICE_GRPC_TLS_CERT_FILE: file(certificate),
  SLUICE_GRPC_TLS_KEY_FILE: file(key),
});

describe('encryption between services', () => {
  test('may be left out on loopback only, unless the operator says so', () => {
    expect(grpcTls({ SLUICE_GRPC_INSECURE: false }, ['127.0.0.1:1', '[::1]:2'])).toBeUndefined();
    expect(grpcTls({ SLUICE_GRPC_INSECURE: true }, ['10.0.0.1:1'])).toBeUndefined();
    expect(() => grpcTls({ SLUICE_GRPC_INSECURE: false }, ['127.0.0.1:1', '10.0.0.1:1'])).toThrow(
      'SLUICE_GRPC_TLS_CA_FILE: is required beyond loopback',
    );
  });

  test('needs all three files, and tells of each that is missing or cannot be read', () => {
    const some = { ...filesOf('ca', 'missing', 'key'), SLUICE_GRPC_TLS_KEY_FILE: undefined };
    expect(() => grpcTls(some, [])).toThrow(
      [
        'invalid configuration:',
        '  SLUICE_GRPC_TLS_KEY_FILE: is required with the other TLS files',
        '  SLUICE_GRPC_TLS_CERT_FILE: cannot be read',
      ].join('\n'),
    );
    const read = grpcTls(filesOf('ca', 'certificate', 'key'), ['10.0.0.1:1']);
    expect(read?.ca.equals(authority.ca)).toBe(true);
    expect(read?.files).toEqual({
      ca: file('ca'),
      certificate: file('certificate'),
      key: file('key'),
    });
  });

  test.each([
    [['nonsense', 'certificate', 'key'], 'SLUICE_GRPC_TLS_CA_FILE: is no PEM certificate'],
    [['ca', 'nonsense', 'key'], 'SLUICE_GRPC_TLS_CERT_FILE: is no PEM certificate'],
    [['ca', 'certificate', 'nonsense'], 'SLUICE_GRPC_TLS_KEY_FILE: is no PEM key'],
    [
      ['ca', 'certificate', 'other-key'],
      'SLUICE_GRPC_TLS_KEY_FILE: does not belong to the certificate',
    ],
  ])('refuses %s', ([ca = '', certificate = '', key = ''], problem) => {
    expect(() => grpcTls(filesOf(ca, certificate, key), [])).toThrow(problem);
  });
});

test('a server has a certificate with its key, or neither', () => {
  const named = (certificate?: string, key?: string) =>
    serverTls(['CERT', certificate], ['KEY', key]);
  expect(named()).toBeUndefined();
  expect(named(file('certificate'), file('key'))?.ca).toHaveLength(0);
  expect(() => named(file('certificate'))).toThrow('KEY: is required with the other TLS files');
  expect(() => named(undefined, file('key'))).toThrow('CERT: is required with the other TLS files');
});

test('NATS is shown a certificate with its key, or neither', () => {
  const url = 'nats://nats:4222';
  expect(natsAccess({ SLUICE_NATS_URL: url }).tls).toBeUndefined();
  const ca = { SLUICE_NATS_URL: url, SLUICE_NATS_TLS_CA_FILE: 'ca' };
  expect(natsAccess(ca).tls).toEqual({ caFile: 'ca' });
  expect(() => natsAccess({ ...ca, SLUICE_NATS_TLS_KEY_FILE: 'key' })).toThrow(
    'SLUICE_NATS_TLS_CERT_FILE: is required',
  );
});
