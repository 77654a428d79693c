import { writeFileSync, mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  StreamDirectoryClient,
  StreamDirectoryService,
  type RoomStream,
} from '@sluice/proto-gen/stream_directory';
import { SluiceError, streamKey, type StreamName } from '@sluice/core';
import { CLIENT_OPTIONS, callUnary, channelCredentials, directoryTarget } from '@sluice/grpc-kit';
import {
  eventually,
  freePort,
  seededRandom,
  startNatsServer,
  type NatsServer,
} from '@sluice/testing';
import { DirectoryReplica } from './directory-replica.js';
import { HistoryNode } from './history-node.js';
import { History } from './history.js';

const SEED = Number(process.env['SLUICE_HISTORY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = Number(process.env['SLUICE_HISTORY_STEPS'] ?? 400);
const STEP_MS = 40;
const STEPS_PER_FAULT = 25;
const DEADLINE_MS = 3_000;
/** A claim whose answer got lost is given up by the directory's audit. */
const SETTLE_MAX_MS = 30_000;

const NAMES: StreamName[] = Array.from({ length: 8 }, (_, index) => ({
  room: `room ${index % 3}`,
  participant: `participant ${index}`,
  purpose: 'camera',
}));

const random = seededRandom(SEED);
const history = new History();
const toStop: (() => unknown)[] = [];
let nats: NatsServer;
let replicas: DirectoryReplica[];
let clients: StreamDirectoryClient[];
let nodes: HistoryNode[];

const below = (limit: number) => Math.floor(random() * limit);
const oneOf = <T>(all: readonly T[]): T => all[below(all.length)]!;
const passed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  nats = await startNatsServer();
  toStop.push(() => nats.stop());
  replicas = await Promise.all([startReplica(), startReplica()]);
  const addresses = replicas.map(({ grpcAddress }) => grpcAddress);
  clients = addresses.map(openClient);
  const directory = openClient(addresses.join());
  nodes = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (nodeId) => {
      const listen = `127.0.0.1:${await freePort()}`;
      const node = await HistoryNode.start(nodeId, listen, nats.url, directory, history);
      toStop.push(() => node.stop());
      return node;
    }),
  );
  for (const client of clients) await eventually(() => knowsAllNodes(client));
});

afterAll(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

async function startReplica(): Promise<DirectoryReplica> {
  const replica = new DirectoryReplica(`127.0.0.1:${await freePort()}`, nats.url);
  toStop.push(() => replica.kill());
  await replica.start();
  return replica;
}

function openClient(addresses: string): StreamDirectoryClient {
  const credentials = channelCredentials(undefined);
  const client = new StreamDirectoryClient(directoryTarget(addresses), credentials, CLIENT_OPTIONS);
  toStop.push(() => client.close());
  return client;
}

async function knowsAllNodes(client: StreamDirectoryClient): Promise<string | undefined> {
  const listed = await callUnary(client, StreamDirectoryService.listNodes, {}, DEADLINE_MS);
  return listed.nodes.length === nodes.length ? undefined : `${listed.nodes.length} nodes`;
}

/** One thing that somebody wants, done whenever the directory has time for it. */
function operate(): Promise<void> {
  const name = oneOf(NAMES);
  const draw = random();
  const node = oneOf(nodes.filter(({ reachable }) => reachable));
  if (draw < 0.4) return look(name, oneOf(clients));
  if (draw < 0.7) return node.publish(name);
  const holder = nodes.find(({ streams }) => streams.has(streamKey(name)));
  if (!holder) return node.publish(name);
  if (draw < 0.85) return holder.unpublish(name);
  const { sessionId } = holder.streams.get(streamKey(name))!;
  return node.publish(name, { node: holder, sessionId });
}

async function look(name: StreamName, client: StreamDirectoryClient): Promise<void> {
  const askedAtMs = performance.now();
  const { findStream } = StreamDirectoryService;
  const told = (epoch: number) =>
    history.looked({ name, epoch, askedAtMs, answeredAtMs: performance.now() });
  try {
    told((await callUnary(client, findStream, { name }, DEADLINE_MS)).epoch);
  } catch (error) {
    const { code } = SluiceError.from(error);
    if (code === 'NOT_FOUND') told(0);
    else history.note(`look: ${code}`);
  }
}

/** Each takes a while, and heals what it did. */
const FAULTS: Record<string, () => Promise<void>> = {
  'a directory replica is killed': async () => {
    const replica = oneOf(replicas);
    await replica.kill();
    await passed(below(1_500));
    await replica.start();
  },
  'a directory replica stands still': async () => {
    const replica = oneOf(replicas);
    replica.signal('SIGSTOP');
    await passed(below(3_000));
    replica.signal('SIGCONT');
  },
  'NATS is killed': async () => {
    nats.process.kill('SIGKILL');
    await passed(below(2_000));
    await nats.restart();
  },
  'NATS is wiped': async () => {
    const recovered = history.disturbed(undefined, 'wipe');
    await nats.restart({ wipe: true });
    recovered();
  },
  'NATS stands still': async () => {
    nats.process.kill('SIGSTOP');
    await passed(below(3_000));
    nats.process.kill('SIGCONT');
  },
  'a node is heard no more': async () => {
    const node = oneOf(nodes);
    node.setDeaf(true);
    await passed(1_000 + below(3_000));
    node.setDeaf(false);
  },
  'a node is cut off': async () => {
    const node = oneOf(nodes);
    const recovered = history.disturbed(node.nodeId, 'cut');
    await node.cutOff();
    await passed(below(5_000));
    await node.reconnect();
    recovered();
  },
  'a node dies': async () => {
    const node = oneOf(nodes);
    await node.restart();
  },
};

function runFault(): Promise<void> {
  const [what, run] = oneOf(Object.entries(FAULTS));
  history.note(what);
  return run();
}

/** Until the directory, all of it, tells what the nodes have and nothing else. */
async function settled(): Promise<string | undefined> {
  const held = nodes.flatMap(({ nodeId, streams }) =>
    [...streams].map(([key, { epoch }]) => `${key} @${epoch} ${nodeId}`),
  );
  const expected = held.sort().join('\n');
  for (const [index, client] of clients.entries()) {
    const { listStreams } = StreamDirectoryService;
    const { streams } = await callUnary(client, listStreams, {}, DEADLINE_MS);
    const told = streams.map(described).sort().join('\n');
    if (told !== expected) return `replica ${index} tells\n${told}\nbut nodes have\n${expected}`;
  }
  const keys = held.map((one) => one.split(' ')[0]);
  return new Set(keys).size === keys.length ? undefined : `two origins hold one name: ${expected}`;
}

const described = ({ stream, nodeId }: RoomStream) =>
  `${streamKey(stream!.name!)} @${stream!.epoch} ${nodeId}`;

test(
  `through random operations and faults names keep one origin each (seed ${SEED})`,
  async () => {
    const running: Promise<void>[] = [];
    let fault: Promise<void> | undefined;
    for (let step = 0; step < STEPS; step += 1) {
      running.push(operate());
      // One at a time: what is promised is promised for any one fault.
      if (step % STEPS_PER_FAULT === 0) fault ??= runFault().finally(() => (fault = undefined));
      await passed(below(2 * STEP_MS));
    }
    await fault;
    await Promise.all(running);
    try {
      await eventually(settled, SETTLE_MAX_MS);
      expect(history.violations()).toEqual([]);
      expect(history.counts['granted']).toBeGreaterThan(STEPS / 20);
      expect(history.counts['found']).toBeGreaterThan(STEPS / 20);
    } finally {
      writeLog();
    }
  },
  STEPS * STEP_MS * 4 + SETTLE_MAX_MS + 60_000,
);

function writeLog(): void {
  const folder = new URL('../../test-results/history/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const counts = JSON.stringify(history.counts, null, 2);
  writeFileSync(new URL(`seed-${SEED}.log`, folder), [...history.log, counts, ''].join('\n'));
}
