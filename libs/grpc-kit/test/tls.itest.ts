import { TestAuthority } from '@sluice/testing';
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

const authorities = ['ours', 'theirs', 'elsewhere'].map((name) => new TestAuthority(name));
let ours: MutualTls;
let theirs: MutualTls;
let elsewhere: MutualTls;
let server: GrpcServer;
let asked = 0;

beforeAll(async () => {
  const names = ['IP:127.0.0.1', 'IP:127.0.0.1', 'DNS:elsewhere'];
  [ours, theirs, elsewhere] = authorities.map((authority, index) =>
    authority.issue(names[index] ?? ''),
  ) as [MutualTls, MutualTls, MutualTls];
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
  for (const authority of authorities) authority.remove();
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
