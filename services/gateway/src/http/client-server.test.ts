import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { CertificateWatch } from '@sluice/service-kit';
import { FakeClock, TestAuthority, eventually, type IssuedCertificate } from '@sluice/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClientServer, listen } from './client-server.js';

let folder: string;
let authority: TestAuthority;
let clock: FakeClock;
let watch: CertificateWatch;
let server: Server;
let origin: URL;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-client-tls-'));
  authority = new TestAuthority();
  clock = new FakeClock();
  const first = authority.issue('IP:127.0.0.1');
  write(first);
  const files = { ca: undefined, certificate: file('tls.crt'), key: file('tls.key') };
  const configured = { ...first, ca: Buffer.alloc(0), files };
  const ignored = () => undefined;
  watch = new CertificateWatch(configured, clock, { shown: ignored, refused: ignored });
  server = createClientServer(watch, (_request, response) => response.end('served'));
  origin = new URL(await listen(server, '127.0.0.1:0'));
});
afterEach(async () => {
  watch.stop();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  authority.remove();
  rmSync(folder, { recursive: true });
});

const file = (name: string) => join(folder, name);

function write({ certificate, key }: IssuedCertificate): void {
  writeFileSync(file('tls.crt'), certificate);
  writeFileSync(file('tls.key'), key);
}

async function connected(): Promise<TLSSocket> {
  const socket = connect({ host: origin.hostname, port: Number(origin.port), ca: authority.ca });
  await once(socket, 'secureConnect');
  return socket;
}

/** Asks over a connection that is open, which then stays so. */
async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: sluice\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

test('a changed certificate is shown to whoever connects next, and ends no connection', async () => {
  expect(origin.protocol).toBe('https:');
  const before = await connected();
  const serial = before.getPeerCertificate().serialNumber;
  write(authority.issue('IP:127.0.0.1'));

  await eventually(async () => {
    clock.elapse(2_000);
    const socket = await connected();
    const shown = socket.getPeerCertificate().serialNumber;
    socket.destroy();
    return shown === serial ? 'the old certificate is shown' : undefined;
  });

  expect(await ask(before)).toContain('200 OK');
  before.destroy();
});

test('whoever speaks clear text is answered nothing', async () => {
  await expect(fetch(`http://${origin.host}/`)).rejects.toThrow();
});
