import { afterEach, expect, test } from 'vitest';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { SluiceError } from '@sluice/core';
import {
  CLIENT_OPTIONS,
  bidiStream,
  channelCredentials,
  manyWatches,
  serverCredentials,
  serverStream,
  startGrpcServer,
  type CallContext,
  type GrpcServer,
} from '@sluice/grpc-kit';
import {
  MediaNodeClient,
  MediaNodeService,
  type SessionEvent,
  type WatchSessionRequest,
} from '@sluice/proto-gen/media_node';
import { eventually } from '@sluice/testing';
import { SessionWatches } from '../src/grpc/session-watches.js';

const toStop: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

/** A node of which only watches are asked; `gone` is a session that it does not have. */
class WatchedNode {
  readonly watched = new Map<string, { end(): void; write(event: SessionEvent): void }>();
  /** Calls that were made, whatever they carried. */
  calls = 0;

  readonly watch = async (
    { sessionId }: WatchSessionRequest,
    write: (event: SessionEvent) => void,
    { signal }: CallContext,
  ): Promise<void> => {
    if (sessionId === 'gone') throw new SluiceError('NOT_FOUND', 'no such session');
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const end = () => {
      this.watched.delete(sessionId);
      resolve(undefined);
    };
    this.watched.set(sessionId, { end, write });
    signal.addEventListener('abort', end);
    write({ event: { $case: 'snapshot', value: { publications: [], subscriptions: [] } } });
    await promise;
  };
}

async function setUp(methodsOf: (node: WatchedNode) => UntypedServiceImplementation) {
  const node = new WatchedNode();
  const methods = methodsOf(node);
  const server: GrpcServer = await startGrpcServer('127.0.0.1:0', serverCredentials(undefined), [
    [MediaNodeService, methods],
  ]);
  const client = new MediaNodeClient(server.address, channelCredentials(undefined), CLIENT_OPTIONS);
  toStop.push(
    () => server.stop(0),
    () => client.close(),
  );
  const watches = new SessionWatches(client, 'gateway');
  const heard: string[] = [];
  const watch = (sessionId: string) =>
    watches.watch(sessionId, {
      onEvent: ({ event }) => heard.push(`${sessionId}: ${event?.$case ?? 'nothing'}`),
      onOver: (error) => {
        const how = error instanceof SluiceError ? error.code : 'ended';
        heard.push(`${sessionId}: ${how}`);
      },
    });
  const hears = (...lines: string[]) =>
    eventually(() => {
      const missing = lines.filter((line) => !heard.includes(line));
      return missing.length === 0 ? undefined : `not heard: ${missing.join(', ')}`;
    });
  return { node, server, heard, watch, hears };
}

const ignore = () => undefined;

/** As nodes are, counting the calls that carry watches. */
const manyAtOnce = (node: WatchedNode): UntypedServiceImplementation => {
  const carry = manyWatches(node.watch);
  return {
    watchSessions: bidiStream<never, never>((...call) => {
      node.calls += 1;
      return carry(...(call as unknown as Parameters<typeof carry>));
    }, ignore),
  };
};

test('all watches share one call, which ends with the last of them', async () => {
  const { node, heard, watch, hears } = await setUp(manyAtOnce);
  const [anna, ben] = [watch('anna'), watch('ben')];
  watch('gone');
  await hears('anna: snapshot', 'ben: snapshot', 'gone: NOT_FOUND');
  expect(node.calls).toBe(1);

  anna.stop();
  await eventually(() => (node.watched.has('anna') ? 'anna is watched still' : undefined));
  node.watched.get('ben')?.write({
    event: { $case: 'move', value: { reason: 'draining', deadlineMs: 1 } },
  });
  await hears('ben: move');
  ben.stop();
  await eventually(() => (node.watched.size === 0 ? undefined : 'ben is watched still'));
  watch('cora');
  await hears('cora: snapshot');
  expect(node.calls).toBe(2);
  // Who stopped heard nothing more.
  expect(heard.filter((line) => /ended|UNAVAILABLE/.test(line))).toEqual([]);
});

test('a watch that its node ends is over; a node that goes is UNAVAILABLE to all', async () => {
  const { node, server, watch, hears } = await setUp(manyAtOnce);
  for (const sessionId of ['anna', 'ben', 'cora']) watch(sessionId);
  await hears('anna: snapshot', 'ben: snapshot', 'cora: snapshot');
  node.watched.get('anna')?.end();
  await hears('anna: ended');
  await server.stop(0);
  await hears('ben: UNAVAILABLE', 'cora: UNAVAILABLE');
});

test('a node that knows only a call for each is asked so from the second time on', async () => {
  const { node, watch, hears } = await setUp(({ watch: one }) => ({
    watchSession: serverStream(one, ignore),
  }));
  watch('anna');
  await eventually(() => {
    if (node.watched.size > 0) return undefined;
    watch('ben');
    return 'nobody is watched';
  });
  await hears('ben: snapshot');
});
