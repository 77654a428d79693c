import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLIENT_OPTIONS,
  callUnary,
  channelCredentials,
  serverCredentials,
  startGrpcServer,
  unary,
  type GrpcServer,
  type MutualTls,
} from '@sluice/grpc-kit';
import { Talk, TalkClient, type Words } from './talk.fixture.js';

let folder: string;
let ours: MutualTls;
let theirs: MutualTls;
let elsewhere: MutualTls;
let server: GrpcServer;
let asked = 0;

function openssl(...parameters: string[]): void {
  execFileSync('openssl', parameters, { cwd: folder, stdio: 'ignore' });
}

/** A certificate authority of its own, and a certificate of it for `name`. */
function makeTls(authority: string, name: string): MutualTls {
  const subject = (commonName: string) => ['-subj', `/CN=${commonName}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const file = (suffix: string) => `${authority}${suffix}`;
  openssl('req', '-x509', ...key, ...subject(authority), '-days', '2',
    '-keyout', file('-ca.key'), '-out', file('-ca.pem')); // prettier-ignore
  openssl('req', ...key, ...subject(name), '-keyout', file('.key'), '-out', file('.csr'));
  writeFileSync(join(folder, file('.ext')), `subjectAltName=${name}`);
  openssl('x509', '-req', '-in', file('.csr'), '-CA', file('-ca.pem'), '-CAkey', file('-ca.key'),
    '-CAcreateserial', '-days', '2', '-extfile', file('.ext'), '-out', file('.pem')); // prettier-ignore
  const read = (suffix: string) => readFileSync(join(folder, file(suffix)));
  return { ca: read('-ca.pem'), certificate: read('.pem'), key: read('.key') };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  ours = makeTls('ours', 'IP:127.0.0.1');
  theirs = makeTls('theirs', 'IP:127.0.0.1');
  elsewhere = makeTls('elsewhere', 'DNS:elsewhere');
  const answer = unary<Words, Words>(
    (request) => {
      asked += 1;
      return Promise.resolve(request);
    },
    () => undefined,
  );
  server = await startGrpcServer('127.0.0.1:0', serverCredentials(ours), [[Talk, { ask: answer }]]);
});

afterAll(async () => {
  await server.stop(0);
  rmSync(folder, { recursive: true });
});

async function askWith(tls: MutualTls | undefined, address = server.address): Promise<Words> {
  const client = new TalkClient(address, channelCredentials(tls), CLIENT_OPTIONS);
  try {
    return await callUnary(client, Talk.ask, { text: 'hello' }, 3_000);
  } finally {
    client.close();
  }
}

test('who has a certificate of our authority is answered', async () => {
  expect(await askWith(ours)).toEqual({ text: 'hello' });
});

test('who has none, another authority’s, or speaks clear text is not', async () => {
  const before = asked;
  const withoutCertificate = { ...ours, certificate: Buffer.alloc(0), key: Buffer.alloc(0) };
  const foreign = { ...theirs, ca: ours.ca };
  for (const tls of [foreign, undefined]) {
    await expect(askWith(tls)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
  await expect(askWith(withoutCertificate)).rejects.toThrow();
  expect(asked).toBe(before);
});

test('a server with another authority’s certificate, or for another name, is not believed', async () => {
  await expect(askWith({ ...ours, ca: theirs.ca })).rejects.toMatchObject({ code: 'UNAVAILABLE' });

  const impostor = await startGrpcServer(
    '127.0.0.1:0',
    serverCredentials({ ...elsewhere, ca: ours.ca }),
    [
      [
        Talk,
        {
          ask: unary<Words, Words>(
            (request) => Promise.resolve(request),
            () => undefined,
          ),
        },
      ],
    ],
  );
  const trusting = { ...ours, ca: elsewhere.ca };
  await expect(askWith(trusting, impostor.address)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await impostor.stop(0);
});
