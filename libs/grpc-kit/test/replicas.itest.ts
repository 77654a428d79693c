import { ServerCredentials, credentials, type ServiceDefinition } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { freePort } from '@sluice/testing';
import {
  CLIENT_OPTIONS,
  callUnary,
  directoryTarget,
  startGrpcServer,
  unary,
  type GrpcServer,
} from '@sluice/grpc-kit';
import { Talk, TalkClient, type Words } from './talk.fixture.js';

/** The retries are the directory's, so the method must be called like one of its. */
const ask = { ...Talk.ask, path: '/sluice.v1.StreamDirectory/Ask' };
const Directory = { ask } satisfies ServiceDefinition;

interface Replica {
  readonly address: string;
  readonly server: GrpcServer;
  asked: number;
  failure: SluiceError | undefined;
}

let replicas: Replica[];
let client: TalkClient;

async function startReplica(listen = '127.0.0.1:0'): Promise<Replica> {
  const answer = unary<Words, Words>(
    ({ text }) => {
      replica.asked += 1;
      if (replica.failure) return Promise.reject(replica.failure);
      return Promise.resolve({ text });
    },
    () => undefined,
  );
  const server = await startGrpcServer(listen, ServerCredentials.createInsecure(), [
    [Directory, { ask: answer }],
  ]);
  const replica: Replica = { address: server.address, server, asked: 0, failure: undefined };
  return replica;
}

beforeEach(async () => {
  replicas = [await startReplica(), await startReplica(), await startReplica()];
  const target = directoryTarget(replicas.map(({ address }) => address).join(','));
  client = new TalkClient(target, credentials.createInsecure(), CLIENT_OPTIONS);
});

afterEach(async () => {
  client.close();
  await Promise.all(replicas.map(({ server }) => server.stop(0)));
});

const askOnce = () => callUnary(client, ask, { text: 'where' }, 3_000);

async function askUntilAllAreKnown(): Promise<void> {
  for (let tries = 0; replicas.some(({ asked }) => asked === 0); tries += 1) {
    if (tries > 500) throw new Error('a replica is never asked');
    await askOnce();
  }
}

test('all replicas are asked in turn', async () => {
  await askUntilAllAreKnown();
  for (const replica of replicas) replica.asked = 0;
  for (let index = 0; index < 30; index += 1) await askOnce();
  expect(replicas.map(({ asked }) => asked)).toEqual([10, 10, 10]);
});

test('no call fails while replicas die one after the other, but for the last', async () => {
  await askUntilAllAreKnown();
  const [first, second, third] = replicas as [Replica, Replica, Replica];
  await first.server.stop(0);
  await Promise.all(Array.from({ length: 50 }, askOnce));
  await second.server.stop(0);
  await Promise.all(Array.from({ length: 50 }, askOnce));
  await third.server.stop(0);
  await expect(askOnce()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a replica that says that it is unavailable is left for another one', async () => {
  await askUntilAllAreKnown();
  const [first, second] = replicas as [Replica, Replica];
  first.failure = new SluiceError('UNAVAILABLE', 'no NATS');
  second.failure = new SluiceError('UNAVAILABLE', 'no NATS');
  for (let index = 0; index < 10; index += 1) expect(await askOnce()).toEqual({ text: 'where' });
  expect(first.asked + second.asked).toBeGreaterThan(2);
});

test('an answer that another replica would give as well is not asked for again', async () => {
  await askUntilAllAreKnown();
  for (const replica of replicas) {
    replica.asked = 0;
    replica.failure = new SluiceError('NOT_FOUND', 'nobody publishes it');
  }
  await expect(askOnce()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(replicas.reduce((sum, { asked }) => sum + asked, 0)).toBe(1);
});

test('a directory that starts after its callers is found', async () => {
  const address = `127.0.0.1:${String(await freePort())}`;
  const early = new TalkClient(
    directoryTarget(address),
    credentials.createInsecure(),
    CLIENT_OPTIONS,
  );
  await expect(callUnary(early, ask, { text: '' }, 1_000)).rejects.toBeInstanceOf(SluiceError);
  const late = await startReplica(address);
  replicas.push(late);
  const found = async () => {
    for (;;) {
      try {
        return await callUnary(early, ask, { text: 'late' }, 1_000);
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE' });
      }
    }
  };
  expect(await found()).toEqual({ text: 'late' });
  early.close();
});
