import { SluiceError } from '@sluice/core';
import { beforeEach, expect, test } from 'vitest';
import { ACluster, settled } from '../../testing/a-cluster.js';
import { MemoryIngestRecords } from '../../testing/memory-ingest-records.js';
import type { IngestNodes } from './ingest-ports.js';
import { IngestKeeper } from './ingest-keeper.js';
import { Ingests } from './ingests.js';
import type { IngestDefinition, IngestRun } from '../ingest.js';

const DOOR: IngestDefinition = {
  ingestId: 'door',
  stream: { room: 'lobby', participant: 'door', purpose: 'm.usermedia' },
  username: 'Door',
  sealedUrl: 'sealed',
  address: 'rtsp://camera.example:554',
  onDemand: false,
  region: '',
  configured: false,
};

/** Nodes that do as they are told, unless a test says otherwise, and tell of it. */
class Nodes implements IngestNodes {
  readonly started: string[] = [];
  readonly stopped: string[] = [];
  readonly refusing = new Set<string>();
  /** Say yes and do nothing. */
  readonly idle = new Set<string>();

  constructor(private readonly cluster: ACluster) {}

  async startIngest(definition: IngestDefinition, run: IngestRun): Promise<void> {
    await Promise.resolve();
    const { nodeId } = run.router;
    if (this.refusing.has(nodeId)) throw new SluiceError('CAPACITY_EXHAUSTED', 'full');
    this.started.push(`${nodeId} ${run.sessionId}`);
    if (!this.idle.has(nodeId)) this.tell(definition, run);
  }

  async stopIngest({ bootId }: { readonly bootId: string }, sessionId: string): Promise<void> {
    await Promise.resolve();
    this.stopped.push(sessionId);
    this.cluster.tell(bootId.slice('boot-of-'.length), { type: 'ingest stopped', sessionId });
  }

  tell(definition: IngestDefinition, { router, sessionId }: IngestRun): void {
    const { nodeId, routerId } = router;
    const told = { status: 'running', reason: '', bitrateBps: 1 } as const;
    const ingest = { definition, sessionId, routerId, ...told };
    this.cluster.tell(nodeId, { type: 'ingest kept', ingest });
  }
}

let cluster: ACluster;
let records: MemoryIngestRecords;
let nodes: Nodes;
let ingests: Ingests;
let ids = 0;
let troubles: unknown[] = [];

/** One replica; all of a test share what they hear. */
function replica(configured: readonly IngestDefinition[] = []): IngestKeeper {
  const { directory, clock } = cluster;
  const { view, placer } = directory;
  const keeper = new IngestKeeper(
    {
      records,
      nodes,
      view,
      placer,
      clock,
      hearingMs: () => 60_000,
      newId: () => `run-${(ids += 1)}`,
    },
    { configured, sameUrl: (a, b) => a.sealedUrl === b.sealedUrl, lostMs: 5_000 },
    { onAssigned: () => undefined, onTrouble: (error) => troubles.push(error) },
  );
  keeper.start();
  return keeper;
}

beforeEach(() => {
  cluster = new ACluster();
  records = new MemoryIngestRecords();
  nodes = new Nodes(cluster);
  ingests = new Ingests(records, cluster.directory.view);
  [ids, troubles] = [0, []];
  for (const nodeId of ['a', 'b']) cluster.beat(nodeId);
});

const pass = (ms: number, ...beating: string[]) =>
  cluster.pass(ms, ...(beating.length > 0 ? beating : ['a', 'b']));
const running = () => ingests.list().map(({ nodeId, status }) => `${status} on ${nodeId}`);

test('two replicas give an ingest to one node, and let it be', async () => {
  replica();
  replica();
  await ingests.create(DOOR);
  await pass(10_000);
  expect(new Set(nodes.started).size).toBe(1);
  expect(nodes.stopped).toEqual([]);
  expect(running()).toEqual([expect.stringMatching(/^running on [ab]$/)]);
  expect(troubles).toEqual([]);
});

test('a node that is lost leaves its ingests to another', async () => {
  replica();
  await ingests.create(DOOR);
  await pass(2_000);
  const [first = ''] = running();
  const dead = first.slice(-1);
  const alive = dead === 'a' ? 'b' : 'a';
  await pass(4_000, alive);
  expect(running()).toEqual([`running on ${alive}`]);
});

test('a node that drains goes on until the other one has it', async () => {
  replica();
  await ingests.create(DOOR);
  await pass(2_000);
  const draining = running()[0]?.slice(-1) ?? '';
  const [, old = ''] = nodes.started[0]?.split(' ') ?? [];
  cluster.beat(draining, { state: 'draining' });
  const other = draining === 'a' ? 'b' : 'a';
  for (let second = 0; second < 3; second += 1) {
    await pass(1_000, other);
    cluster.beat(draining, { state: 'draining' });
  }
  const { record } = records.find('door') ?? {};
  expect(record).toMatchObject({
    run: { router: { nodeId: other }, replacesSessionId: old },
  });
  expect(nodes.stopped).toEqual([]);
});

test('a node that refuses is not asked again at once, and one that gives up is not trusted', async () => {
  nodes.refusing.add('a');
  nodes.idle.add('b');
  replica();
  await ingests.create(DOOR);
  await pass(9_000);
  expect(new Set(nodes.started.map((line) => line[0]))).toEqual(new Set(['b']));
  expect(new Set(nodes.started).size).toBeGreaterThan(1);
  nodes.idle.delete('b');
  await pass(9_000);
  expect(running()).toEqual(['running on b']);
});

test('what is deleted is stopped, and stays so though a node still tells of it', async () => {
  replica();
  await ingests.create(DOOR);
  await pass(2_000);
  await ingests.delete('door');
  await pass(2_000);
  expect(nodes.stopped).toHaveLength(1);
  const [line = ''] = nodes.started;
  const [nodeId = '', sessionId = ''] = line.split(' ');
  const router = { nodeId, bootId: `boot-of-${nodeId}`, routerId: `${nodeId}-0`, grpcAddress: '' };
  nodes.tell(DOOR, { router, sessionId, replacesSessionId: undefined });
  await pass(2_000);
  expect(nodes.stopped).toHaveLength(2);
  expect(ingests.list()).toEqual([]);
  await expect(ingests.delete('door')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('after the bucket was wiped, the nodes’ own ingests are its content', async () => {
  const keeper = replica();
  await ingests.create(DOOR);
  await pass(2_000);
  const before = records.find('door')?.record;
  records.wipe();
  keeper.unsettle();
  await pass(8_000);
  expect(records.find('door')?.record).toEqual(before);
  expect(nodes.stopped).toEqual([]);
  expect(new Set(nodes.started).size).toBe(1);
});

test('configuration makes, changes and, a minute later, ends its ingests', async () => {
  const configured = { ...DOOR, configured: true };
  const old = replica([configured]);
  await pass(2_000);
  expect(running()).toHaveLength(1);
  await expect(ingests.delete('door')).rejects.toMatchObject({ code: 'INVALID_STATE' });
  old.stop();
  const changed = replica([{ ...configured, sealedUrl: 'another' }]);
  await pass(3_000);
  expect(nodes.stopped).toHaveLength(1);
  expect(new Set(nodes.started).size).toBe(2);
  changed.stop();
  replica();
  await pass(30_000);
  expect(ingests.list()).toHaveLength(1);
  await pass(40_000);
  expect(ingests.list()).toEqual([]);
  expect(nodes.stopped).toHaveLength(2);
});

test('an id and a stream belong to one ingest', async () => {
  await ingests.create(DOOR);
  await expect(ingests.create(DOOR)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(ingests.create({ ...DOOR, ingestId: 'else' })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  records.away = true;
  const another = { ...DOOR, ingestId: 'else', stream: { ...DOOR.stream, participant: 'else' } };
  await expect(ingests.create(another)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('while NATS is away nothing changes, and nothing fails loudly', async () => {
  replica();
  await ingests.create(DOOR);
  await pass(2_000);
  records.away = true;
  await pass(5_000);
  await settled();
  expect(running()).toHaveLength(1);
  expect(troubles).toEqual([]);
});
