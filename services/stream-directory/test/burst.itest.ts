import { afterEach, beforeEach, expect, test } from 'vitest';
import { StreamDirectoryClient, StreamDirectoryService } from '@sluice/proto-gen/stream_directory';
import { CLIENT_OPTIONS, callUnary, channelCredentials } from '@sluice/grpc-kit';
import { eventually, startNatsServer, type NatsServer } from '@sluice/testing';
import { compose } from '../src/compose.js';
import { loadConfig } from '../src/config.js';
import { FakeNode } from './fake-node.js';

const NODES = 10;
/** So that what is promised comes to far more than a node's limit. */
const CORES = 1;
const JOINS = 1_000;
const REPORT_INTERVAL_MS = 2_000;
/** What a session really costs: a fifth of what it is promised as. */
const LOAD_PER_SESSION = 0.001;
const DEADLINE_MS = 10_000;

const toStop: (() => unknown)[] = [];
let nats: NatsServer;
let nodes: FakeNode[];
let replicas: StreamDirectoryClient[];

beforeEach(async () => {
  nats = await startNatsServer();
  toStop.push(() => nats.stop());
  nodes = await Promise.all(Array.from({ length: NODES }, (_, index) => startNode(index)));
  replicas = await Promise.all([startReplica(), startReplica()]);
  for (const replica of replicas) {
    await eventually(async () => {
      const listed = await callUnary(replica, StreamDirectoryService.listNodes, {}, DEADLINE_MS);
      return listed.nodes.length === NODES ? undefined : `${listed.nodes.length} nodes`;
    });
  }
});

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

/** Its load is measured every two seconds, at its own time, and told with each heartbeat. */
async function startNode(index: number): Promise<FakeNode> {
  const node = await FakeNode.start(nats.url, `node-${index}`);
  node.cores = CORES;
  node.load = 0;
  node.beat();
  let measuring: NodeJS.Timeout | undefined;
  const measure = () => {
    node.load = node.sessions.size * LOAD_PER_SESSION;
    measuring = setTimeout(measure, REPORT_INTERVAL_MS);
  };
  measuring = setTimeout(measure, (REPORT_INTERVAL_MS / NODES) * index);
  toStop.push(
    () => node.stop(),
    () => clearTimeout(measuring),
  );
  return node;
}

async function startReplica(): Promise<StreamDirectoryClient> {
  const running = await compose(
    loadConfig({
      SLUICE_LOG_LEVEL: 'silent',
      SLUICE_NATS_URL: nats.url,
      SLUICE_CLUSTER_SECRET: 'a secret of the cluster, long enough for it',
    }),
  );
  const credentials = channelCredentials(undefined);
  const client = new StreamDirectoryClient(running.grpcAddress, credentials, CLIENT_OPTIONS);
  toStop.push(
    () => running.lifecycle.stop(),
    () => client.close(),
  );
  return client;
}

async function join(index: number, room: string): Promise<void> {
  const request = {
    room,
    participant: `participant ${index}`,
    region: '',
    zone: '',
    excludeNodeIds: [],
  };
  const replica = replicas[index % replicas.length]!;
  const { placeSession } = StreamDirectoryService;
  const { router } = await callUnary(replica, placeSession, request, DEADLINE_MS);
  const node = nodes.find(({ nodeId }) => nodeId === router?.nodeId)!;
  node.openSession(room, request.participant, router!.routerId);
}

test.each([
  ['each to a room of its own', (index: number) => `room ${index}`],
  ['to rooms of four', (index: number) => `room ${index % (JOINS / 4)}`],
  ['all to one room', () => 'the one room'],
])('a thousand joins within a second, %s, are spread evenly', async (_what, roomOf) => {
  const startedMs = performance.now();
  const joins: Promise<void>[] = [];
  for (let index = 0; index < JOINS; index += 1) {
    // Open loop: a slow answer holds up nobody.
    while (performance.now() - startedMs < (index * 1_000) / JOINS) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    joins.push(join(index, roomOf(index)));
  }
  await Promise.all(joins);

  const sessions = nodes.map((node) => node.sessions.size);
  const even = JOINS / NODES;
  expect(sessions.reduce((sum, count) => sum + count, 0)).toBe(JOINS);
  expect(Math.max(...sessions), sessions.join(' ')).toBeLessThanOrEqual(even * 1.15);
  expect(Math.min(...sessions), sessions.join(' ')).toBeGreaterThanOrEqual(even * 0.85);
});
