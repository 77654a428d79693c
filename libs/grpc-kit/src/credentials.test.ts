import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { channelCredentials, serverCredentials, type MutualTls } from './credentials.js';
import { startGrpcServer, type GrpcServer } from './server.js';

const DEADLINE_MS = 5_000;

let folder: string;
let named: MutualTls;
let server: GrpcServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-mtls-'));
  named = certificateFor('sluice-internal');
  server = await startGrpcServer('127.0.0.1:0', serverCredentials(named), []);
});

afterAll(async () => {
  await server.stop(100);
  rmSync(folder, { recursive: true });
});

describe('mutual TLS between services that a certificate cannot name by address', () => {
  test('connects when the certificate carries the name that all share', async () => {
    await expect(connect({ ...named, serverName: 'sluice-internal' })).resolves.toBe('connected');
  });

  test('refuses a certificate of the same authority with another name', async () => {
    await expect(connect({ ...named, serverName: 'somebody-else' })).resolves.toBe('refused');
  });

  test('wants the dialled address in the certificate when no name was given', async () => {
    await expect(connect(named)).resolves.toBe('refused');
  });

  test('refuses a certificate of another authority, whatever its name', async () => {
    const foreign = certificateFor('sluice-internal');
    await expect(connect({ ...foreign, serverName: 'sluice-internal' })).resolves.toBe('refused');
  });
});

async function connect(tls: MutualTls): Promise<'connected' | 'refused'> {
  const client = new Client(server.address, channelCredentials(tls));
  const outcome = new Promise<'connected' | 'refused'>((resolve) => {
    const channel = client.getChannel();
    const look = () => {
      // 2 is READY and 3 TRANSIENT_FAILURE of a channel's connectivity.
      const state = channel.getConnectivityState(true) as number;
      if (state === 2) resolve('connected');
      else if (state === 3) resolve('refused');
      else channel.watchConnectivityState(state, Date.now() + DEADLINE_MS, look);
    };
    look();
  });
  try {
    return await outcome;
  } finally {
    client.close();
  }
}

/** A certificate with `name` in it, signed by an authority of its own. */
function certificateFor(name: string): MutualTls {
  const at = mkdtempSync(join(folder, 'authority-'));
  const file = (leaf: string) => join(at, leaf);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-keyout', file('ca.key'), '-out', file('ca'));
  openssl('req', ...key, '-subj', '/CN=node', '-keyout', file('key'), '-out', file('request'));
  writeFileSync(file('extensions'), `subjectAltName=DNS:${name}\n`);
  openssl(
    ...['x509', '-req', '-in', file('request'), '-CA', file('ca'), '-CAkey', file('ca.key')],
    ...['-CAcreateserial', '-extfile', file('extensions'), '-out', file('certificate')],
  );
  const read = (leaf: string) => readFileSync(file(leaf));
  return { ca: read('ca'), certificate: read('certificate'), key: read('key') };
}
