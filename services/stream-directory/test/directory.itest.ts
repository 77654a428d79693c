import { createWorker } from 'mediasoup';
import type { Worker } from 'mediasoup/types';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NodeState } from '@sluice/proto-gen/common';
import { Heartbeat, type Beacon } from '@sluice/proto-gen/facts';
import {
  StreamDirectoryClient,
  StreamDirectoryService,
  type ClaimStreamRequest,
  type GetRoomResponse,
} from '@sluice/proto-gen/stream_directory';
import { streamKey, type SluiceError, type StreamName } from '@sluice/core';
import { CLIENT_OPTIONS, callUnary, channelCredentials } from '@sluice/grpc-kit';
import { eventually, startNatsServer, type NatsServer } from '@sluice/testing';
import { Bus, KvBucket, BUCKETS, SUBJECTS } from '@sluice/nats-kit';
import { relayTickets } from '@sluice/tokens';
import { compose, type RunningDirectory } from '../src/compose.js';
import { loadConfig } from '../src/config.js';
import { RecordCopy } from '../src/nats/stream-records.js';
import { FakeNode } from './fake-node.js';

const SECRET = 'a secret of the cluster, long enough for it';
const CAMERA: StreamName = { room: 'kitchen', participant: 'ann', purpose: 'm.usermedia' };
const DEADLINE_MS = 10_000;

let nats: NatsServer;
const toStop: (() => unknown)[] = [];

interface Replica {
  readonly running: RunningDirectory;
  readonly client: StreamDirectoryClient;
}

async function startReplica(environment: Record<string, string> = {}): Promise<Replica> {
  const running = await compose(
    loadConfig({
      SLUICE_LOG_LEVEL: 'silent',
      SLUICE_NATS_URL: nats.url,
      SLUICE_CLUSTER_SECRET: SECRET,
      SLUICE_NODE_LOST_MS: '2500',
      ...environment,
    }),
  );
  // A plain channel: retries would hide what the directory answers.
  const client = new StreamDirectoryClient(running.grpcAddress, channelCredentials(undefined), {
    ...CLIENT_OPTIONS,
    'grpc.enable_retries': 0,
  });
  toStop.push(
    () => running.lifecycle.stop(),
    () => client.close(),
  );
  return { running, client };
}

async function startNode(nodeId: string, listen?: string): Promise<FakeNode> {
  const node = await FakeNode.start(nats.url, nodeId, listen);
  toStop.push(() => node.stop());
  return node;
}

const claim = ({ client }: Replica, request: Partial<ClaimStreamRequest> & { node: FakeNode }) =>
  callUnary(
    client,
    StreamDirectoryService.claimStream,
    { name: CAMERA, origin: request.node.router(), sessionId: 's1', highestEpoch: 0, ...request },
    DEADLINE_MS,
  );
const release = ({ client }: Replica, node: FakeNode, epoch: number) =>
  callUnary(
    client,
    StreamDirectoryService.releaseStream,
    { name: CAMERA, epoch, nodeId: node.nodeId, bootId: node.bootId },
    DEADLINE_MS,
  );
const find = ({ client }: Replica, name = CAMERA) =>
  callUnary(client, StreamDirectoryService.findStream, { name }, DEADLINE_MS);
const room = ({ client }: Replica, name = CAMERA.room): Promise<GetRoomResponse> =>
  callUnary(client, StreamDirectoryService.getRoom, { room: name }, DEADLINE_MS);
const place = ({ client }: Replica, roomName: string, excludeNodeIds: string[] = []) =>
  callUnary(
    client,
    StreamDirectoryService.placeSession,
    { room: roomName, participant: 'ann', region: '', zone: '', excludeNodeIds },
    DEADLINE_MS,
  );
const enter = ({ client }: Replica, roomName: string, participant: string) =>
  callUnary(
    client,
    StreamDirectoryService.placeSession,
    { room: roomName, participant, region: '', zone: '', excludeNodeIds: [] },
    DEADLINE_MS,
  );
const update = ({ client }: Replica, roomName: string, locked: boolean) =>
  callUnary(client, StreamDirectoryService.updateRoom, { room: roomName, locked }, DEADLINE_MS);
const listNodes = ({ client }: Replica) =>
  callUnary(client, StreamDirectoryService.listNodes, {}, DEADLINE_MS);
const plan = ({ client }: Replica, to: FakeNode, router = 0) =>
  callUnary(
    client,
    StreamDirectoryService.planRelay,
    { stream: CAMERA, to: to.router(router), excludeRouterIds: [] },
    DEADLINE_MS,
  );

/** Until the replica has heard of all of `nodes`, and its bucket is open. */
async function ready(replica: Replica, ...nodes: FakeNode[]): Promise<void> {
  await eventually(async () => {
    const known = (await listNodes(replica)).nodes.map(({ bootId }) => bootId);
    const missing = nodes.filter(({ bootId }) => !known.includes(bootId));
    return missing.length > 0 ? `${missing.length} nodes are not known` : undefined;
  });
  await eventually(async () => {
    const code = await codeOf(find(replica, { ...CAMERA, purpose: 'nobody has it' }));
    return code === 'NOT_FOUND' ? undefined : `the bucket is not open: ${code}`;
  });
}

/** What the bucket itself has for the camera, asked until it has something. */
async function storedEpoch(): Promise<number> {
  const bus = Bus.open({ url: nats.url, name: 'test' });
  const copy = new RecordCopy();
  const options = { name: BUCKETS.streams, replicas: 1, timeoutMs: 2_000 };
  const bucket = KvBucket.open(bus, options, copy);
  try {
    await eventually(() => (copy.find(streamKey(CAMERA)) ? undefined : 'no record'));
    return copy.find(streamKey(CAMERA))!.record.epoch;
  } finally {
    bucket.close();
    await bus.close();
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error: unknown) => (error as SluiceError).code,
  );
}

beforeEach(async () => {
  nats = await startNatsServer();
  toStop.push(() => nats.stop());
});

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

describe('a replica that has just started', () => {
  test('answers once it has heard of everybody, and not that nobody is there', async () => {
    const node = await startNode('node-a');
    const first = await startReplica();
    await ready(first, node);

    const answers = await Promise.all([place(first, 'kitchen'), listNodes(first)]);
    const second = await startReplica();
    const [{ router }, { nodes }] = await Promise.all([
      place(second, 'kitchen'),
      listNodes(second),
    ]);

    expect(router?.nodeId).toBe(answers[0].router?.nodeId);
    expect(nodes.map(({ bootId }) => bootId)).toEqual([node.bootId]);
  });

  test('says so while it has not reached NATS', async () => {
    await nats.stop();
    const replica = await startReplica();
    expect(await codeOf(place(replica, 'kitchen'))).toBe('UNAVAILABLE');
  });
});

describe('stream names', () => {
  test('only one of two concurrent claims through two replicas wins', async () => {
    const [one, two] = [await startReplica(), await startReplica()];
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(one, a, b);
    await ready(two, a, b);

    const claims = await Promise.allSettled([
      claim(one, { node: a, sessionId: 'of-a' }),
      claim(two, { node: b, sessionId: 'of-b' }),
    ]);

    expect(claims.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const aWon = claims[0].status === 'fulfilled';
    const holder = aWon ? a : b;
    const refused = claims.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({
      code: 'ALREADY_EXISTS',
      details: {
        nodeId: holder.nodeId,
        bootId: holder.bootId,
        sessionId: aWon ? 'of-a' : 'of-b',
        epoch: 1,
        grpcAddress: holder.grpcAddress,
      },
    });
    for (const replica of [one, two]) {
      expect(await find(replica)).toMatchObject({ origin: holder.router(), epoch: 1 });
    }
  });

  test('a claim through one replica is in the other one’s answers at once', async () => {
    const [one, two] = [await startReplica(), await startReplica()];
    const node = await startNode('node-a');
    await ready(one, node);
    await ready(two, node);
    for (let turn = 0; turn < 50; turn += 1) {
      const name = { ...CAMERA, purpose: `camera ${turn}` };
      await claim(one, { node, name });
      node.publish(name, turn + 1, 's1');
      expect((await find(two, name)).origin).toEqual(node.router());
      const { streams } = await room(two);
      expect(streams.map(({ stream }) => stream?.name)).toContainEqual(name);
    }
  });

  test('a release with an old epoch leaves the new origin in place', async () => {
    const replica = await startReplica();
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, a, b);
    const first = await claim(replica, { node: a });
    await release(replica, a, first.epoch);
    expect(await codeOf(find(replica))).toBe('NOT_FOUND');
    const second = await claim(replica, { node: b });

    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await codeOf(release(replica, a, first.epoch))).toBe('STALE_EPOCH');
    expect((await find(replica)).origin).toEqual(b.router());
  });

  test('the same session claiming again keeps its epoch', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    const first = await claim(replica, { node });
    expect(await claim(replica, { node })).toEqual(first);
    expect(await codeOf(claim(replica, { node, sessionId: 'another' }))).toBe('ALREADY_EXISTS');
  });

  test('names of any characters are one name each', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    const rooms = ['a.b', 'a', '*', '>', 'ü/ /💧', 'x'.repeat(128), '漢'.repeat(128)];
    const names = rooms.map((name) => ({ room: name, participant: name, purpose: name }));
    await Promise.all(names.map((name) => claim(replica, { node, name })));
    for (const name of names) expect((await find(replica, name)).origin).toEqual(node.router());
    expect(await codeOf(claim(replica, { node, name: { ...CAMERA, room: '' } }))).toBe(
      'INVALID_ARGUMENT',
    );
  });
});

describe('without NATS', () => {
  test('a replica starts without it, and is ready once it was there', async () => {
    const url = new URL(nats.url);
    await nats.stop();
    const { running } = await startReplica();
    const readiness = async () => (await fetch(`${running.adminUrl}/readyz`)).status;
    expect(await readiness()).toBe(503);
    expect((await fetch(`${running.adminUrl}/livez`)).status).toBe(200);
    await nats.restart();
    expect(nats.url).toBe(url.href.replace(/\/$/, ''));
    await eventually(async () => ((await readiness()) === 200 ? undefined : 'not ready'));
    await nats.stop();
    await eventually(async () => {
      const metrics = await (await fetch(`${running.adminUrl}/metrics`)).text();
      return metrics.includes('sluice_directory_nats_connected 0') ? undefined : 'still connected';
    });
    expect(await readiness()).toBe(200);
  });

  test('known streams are still found, and claims fail soon and clearly', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    const { epoch } = await claim(replica, { node });
    node.openSession(CAMERA.room, CAMERA.participant);
    node.publish(CAMERA, epoch, 's1');
    await eventually(async () =>
      (await room(replica)).sessions.length === 1 ? undefined : 'none',
    );

    await nats.stop();

    await eventually(async () => {
      const code = await codeOf(claim(replica, { node, name: { ...CAMERA, room: 'new' } }));
      return code === 'UNAVAILABLE' ? undefined : code;
    });
    expect((await find(replica)).origin).toEqual(node.router());
    expect((await room(replica)).streams).toHaveLength(1);
    expect((await place(replica, 'kitchen')).router?.nodeId).toBe('node-a');
    expect((await plan(replica, node, 1)).parent).toEqual(node.router());
    // What the node does meanwhile is read from the node itself.
    node.openSession(CAMERA.room, 'bob');
    await eventually(async () => ((await room(replica)).sessions.length === 2 ? undefined : 'one'));
  });

  test('after it was wiped everything is registered again by itself, with its epochs', async () => {
    const [one, two] = [await startReplica(), await startReplica()];
    const node = await startNode('node-a');
    await ready(one, node);
    await ready(two, node);
    await claim(one, { node, name: { ...CAMERA, room: 'other' } });
    const { epoch } = await claim(one, { node });
    node.publish(CAMERA, epoch, 's1');
    await eventually(async () => ((await room(two)).streams.length === 1 ? undefined : 'none'));

    await nats.restart({ wipe: true });

    // Even a replica that starts only now lets nobody else have the name.
    const late = await startReplica();
    const other = await startNode('node-b');
    await eventually(async () => {
      const code = await codeOf(claim(late, { node: other, sessionId: 'thief' }));
      return code === 'ALREADY_EXISTS' ? undefined : code;
    });
    expect(await codeOf(claim(one, { node: other, sessionId: 'thief' }))).toBe('ALREADY_EXISTS');
    expect(await storedEpoch()).toBe(epoch);
    for (const replica of [one, two, late]) {
      expect(await find(replica)).toMatchObject({ origin: node.router(), epoch });
    }
    const again = await claim(one, { node, heldEpoch: epoch, highestEpoch: epoch });
    expect(again.epoch).toBe(epoch);
    const next = await claim(two, { node, name: { ...CAMERA, purpose: 'screen' } });
    expect(next.epoch).toBeGreaterThan(epoch);
  });
});

describe('nodes', () => {
  test('a node’s new boot replaces everything of its old one', async () => {
    const replica = await startReplica();
    const [old, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, old, b);
    const { epoch } = await claim(replica, { node: old });
    old.openSession(CAMERA.room, CAMERA.participant);
    old.publish(CAMERA, epoch, 's1');
    await eventually(async () =>
      (await room(replica)).sessions.length === 1 ? undefined : 'none',
    );

    await old.stop();
    const young = await startNode('node-a', old.grpcAddress);
    await ready(replica, young);

    expect(await room(replica)).toEqual({ sessions: [], streams: [] });
    expect(await codeOf(find(replica))).toBe('NOT_FOUND');
    expect((await claim(replica, { node: b, sessionId: 's2' })).epoch).toBeGreaterThan(epoch);
  });

  test('facts that were lost are read from the node', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    node.openSession('kitchen', 'ann');
    await eventually(async () =>
      (await room(replica)).sessions.length === 1 ? undefined : 'none',
    );
    expect(node.stateReads).toBe(0);

    node.mute = true;
    node.openSession('kitchen', 'bob');
    node.mute = false;
    node.openSession('kitchen', 'cid');

    await eventually(async () =>
      (await room(replica)).sessions.length === 3 ? undefined : 'less',
    );
    expect(node.stateReads).toBeGreaterThan(0);
  });

  test('a replica that starts late learns everything from the nodes', async () => {
    const node = await startNode('node-a');
    node.openSession('kitchen', 'ann');
    node.openSession('kitchen', 'bob');
    const replica = await startReplica();
    await eventually(async () =>
      (await room(replica)).sessions.length === 2 ? undefined : 'less',
    );
    const { client } = replica;
    const found = await callUnary(
      client,
      StreamDirectoryService.findSessions,
      { connectionId: 'connection-of-bob' },
      DEADLINE_MS,
    );
    expect(found.sessions).toMatchObject([
      { session: { participant: 'bob' }, router: node.router() },
    ]);
  });

  test('a node that was killed is gone with its streams, and its names are free', async () => {
    const replica = await startReplica({ SLUICE_NODE_LOST_MS: '60000' });
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, a, b);
    const { epoch } = await claim(replica, { node: a });
    a.publish(CAMERA, epoch, 's1');
    await eventually(async () => ((await room(replica)).streams.length === 1 ? undefined : 'none'));

    await a.stop();

    // Long before the time given to a node that merely says nothing: its port is closed.
    await eventually(async () => {
      const { nodes } = await listNodes(replica);
      return nodes.length === 1 ? undefined : `${nodes.length} nodes`;
    });
    expect((await room(replica)).streams).toEqual([]);
    expect((await claim(replica, { node: b, sessionId: 's2' })).epoch).toBeGreaterThan(epoch);
  });

  test('a node that stands still is given longer than one whose port is closed', async () => {
    const replica = await startReplica({ SLUICE_NODE_LOST_MS: '6000' });
    const [still, dead] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, still, dead);
    still.hangs = true;
    still.fallSilent();
    await dead.stop();
    const gone: string[] = [];
    for (const count of [1, 2]) {
      await eventually(async () => {
        const left = (await listNodes(replica)).nodes.map(({ nodeId }) => nodeId);
        const missing = ['node-a', 'node-b'].filter((nodeId) => !left.includes(nodeId));
        if (missing.length < count) return `${left.join()} left`;
        gone.push(missing.join());
        return undefined;
      });
    }
    expect(gone).toEqual(['node-b', 'node-a,node-b']);
  });

  test('a node whose heartbeats are lost lives as long as it answers', async () => {
    const replica = await startReplica();
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, a, b);
    const { epoch } = await claim(replica, { node: a });
    a.publish(CAMERA, epoch, 's1');
    a.fallSilent();
    const readsWhileSilent = 4;
    await eventually(() => (a.stateReads >= readsWhileSilent ? undefined : 'not asked enough'));
    expect((await listNodes(replica)).nodes.map(({ nodeId }) => nodeId).sort()).toEqual([
      'node-a',
      'node-b',
    ]);
    expect((await find(replica)).origin).toEqual(a.router());
  });
});

describe('a node that stands still', () => {
  let worker: Worker;
  let still: FakeNode;
  let replica: Replica;

  beforeEach(async () => {
    worker = await createWorker({ logLevel: 'none' });
    toStop.push(() => worker.close());
    replica = await startReplica({ SLUICE_NODE_LOST_MS: '60000' });
    still = await startNode('node-a');
    still.beacon = await aBeacon(worker);
    still.beat();
    await ready(replica, still, await startNode('node-b'));
    const { epoch } = await claim(replica, { node: still });
    still.publish(CAMERA, epoch, 's1');
    await eventually(async () => ((await room(replica)).streams.length === 1 ? undefined : 'none'));
  });

  const silenceMs = async () =>
    (await listNodes(replica)).nodes.find(({ nodeId }) => nodeId === 'node-a')?.silenceMs ?? -1;
  const stalled = () =>
    eventually(async () => {
      const refusal = place(replica, 'kitchen', ['node-b']);
      const message = await refusal.then(
        () => 'placed',
        (error: unknown) => (error as SluiceError).message,
      );
      return message.includes('1 stalled') ? undefined : message;
    });

  test('takes nothing new and keeps what it has while its workers forward', async () => {
    still.hangs = true;
    still.fallSilent();
    await stalled();
    await eventually(async () => ((await silenceMs()) >= 3_000 ? undefined : 'not silent enough'));
    expect((await find(replica)).origin).toEqual(still.router());
    still.hangs = false;
    still.resume();
    await eventually(async () => {
      const code = await codeOf(place(replica, 'kitchen', ['node-b']));
      return code === 'OK' ? undefined : code;
    });
    expect(still.lostHeard).toBe(0);
  });

  test('is lost as soon as its workers stand still as well, and let in when it returns', async () => {
    const { epoch } = await find(replica);
    still.hangs = true;
    still.fallSilent();
    await stalled();
    process.kill(worker.pid, 'SIGSTOP');
    try {
      await eventually(async () => ((await silenceMs()) < 0 ? undefined : 'not lost'));
      expect(still.lostHeard).toBe(1);
      expect(await codeOf(find(replica))).toBe('NOT_FOUND');
    } finally {
      process.kill(worker.pid, 'SIGCONT');
    }

    still.hangs = false;
    still.resume();
    await eventually(async () => {
      const found = await find(replica);
      return found.epoch === epoch ? undefined : `epoch ${found.epoch}`;
    });
    expect(still.lostHeard).toBeGreaterThan(1);
    expect(await storedEpoch()).toBe(epoch);
  });
});

describe('a session that takes over from another', () => {
  test('gets its streams though the other lives, whose later word is of an old epoch', async () => {
    const [one, two] = [await startReplica(), await startReplica()];
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(one, a, b);
    await ready(two, a, b);
    const { epoch } = await claim(one, { node: a, sessionId: 'old' });
    a.publish(CAMERA, epoch, 'old');

    const stranger = claim(two, { node: b, sessionId: 'x', replacesSessionId: 'another' });
    expect(await codeOf(stranger)).toBe('ALREADY_EXISTS');
    const moved = await claim(two, { node: b, sessionId: 'new', replacesSessionId: 'old' });
    expect(moved.epoch).toBeGreaterThan(epoch);
    b.publish(CAMERA, moved.epoch, 'new');

    expect(await codeOf(release(one, a, epoch))).toBe('STALE_EPOCH');
    expect(await codeOf(claim(one, { node: a, sessionId: 'old' }))).toBe('ALREADY_EXISTS');
    for (const replica of [one, two]) {
      await eventually(async () => {
        const found = await find(replica);
        return found.epoch === moved.epoch ? undefined : `epoch ${found.epoch}`;
      });
      expect((await plan(replica, a, 1)).parent).toEqual(b.router());
    }
    a.endStream(CAMERA);
    await eventually(async () => {
      const { streams } = await room(one);
      return streams.map(({ nodeId }) => nodeId).join() === 'node-b' ? undefined : 'not at b';
    });
  });
});

async function aBeacon(worker: Worker): Promise<Beacon> {
  const router = await worker.createRouter();
  const listenInfos = [{ protocol: 'udp' as const, ip: '127.0.0.1' }];
  const { iceCandidates, iceParameters } = await router.createWebRtcTransport({ listenInfos });
  const { address, port } = iceCandidates[0]!;
  const { usernameFragment, password } = iceParameters;
  return { ip: address, port, iceUsernameFragment: usernameFragment, icePassword: password };
}

describe('what comes in over NATS', () => {
  test('malformed messages and a node that speaks for another change nothing', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    node.openSession('kitchen', 'ann');
    await eventually(async () =>
      (await room(replica)).sessions.length === 1 ? undefined : 'none',
    );

    const bus = Bus.open({ url: nats.url, name: 'stranger' });
    toStop.push(() => bus.close());
    await bus.flush();
    const heartbeat = (over: Partial<Heartbeat>) => {
      const { nodeId, grpcAddress } = node;
      const beat = Heartbeat.fromPartial({ nodeId, bootId: 'forged', grpcAddress, ...over });
      return Heartbeat.encode(beat).finish();
    };
    const bad: [string, Uint8Array][] = [
      [SUBJECTS.heartbeat('node-a'), new Uint8Array([255, 255, 255, 255])],
      [SUBJECTS.heartbeat('node-a'), new Uint8Array(70_000)],
      [SUBJECTS.heartbeat('node-a'), heartbeat({ region: 'x'.repeat(1_000) })],
      [SUBJECTS.heartbeat('node-b'), heartbeat({})],
      [SUBJECTS.roomFact('kitchen', 'node-a'), new Uint8Array([34, 200])],
      [SUBJECTS.plannedRelays, new Uint8Array([1, 2, 3])],
    ];
    for (const [subject, payload] of bad) bus.publish(subject, payload);
    await bus.flush();

    await eventually(async () => {
      const metrics = await (await fetch(`${replica.running.adminUrl}/metrics`)).text();
      const counted = /^sluice_directory_malformed_messages_total (\d+)$/m.exec(metrics)?.[1];
      return counted === `${bad.length}` ? undefined : `${counted} counted`;
    });
    expect((await listNodes(replica)).nodes.map(({ bootId }) => bootId)).toEqual([node.bootId]);
    expect((await room(replica)).sessions).toHaveLength(1);
  });

  test('a draining node takes nothing new, and keeps what it has', async () => {
    const replica = await startReplica();
    const node = await startNode('node-a');
    await ready(replica, node);
    expect(await codeOf(place(replica, 'kitchen'))).toBe('OK');
    node.openSession('kitchen', 'ann');
    node.state = NodeState.NODE_STATE_DRAINING;
    node.beat();
    await eventually(async () => {
      const code = await codeOf(place(replica, 'kitchen'));
      return code === 'CAPACITY_EXHAUSTED' ? undefined : code;
    });
    expect((await room(replica)).sessions).toHaveLength(1);
  });
});

describe('placing and relaying', () => {
  test('what one replica planned the other one counts', async () => {
    const [one, two] = [await startReplica(), await startReplica()];
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(one, a, b);
    await ready(two, a, b);
    await claim(one, { node: a });
    expect((await plan(one, b, 0)).parent).toEqual(a.router());
    await eventually(async () => {
      const { parent } = await plan(two, b, 1);
      return parent?.nodeId === 'node-b' ? undefined : 'it would cross again';
    });
  });

  test('two replicas in turn spread a room’s sessions over the nodes', async () => {
    const environment = { SLUICE_PLACEMENT: 'spread' };
    const replicas = [await startReplica(environment), await startReplica(environment)];
    const nodes = [await startNode('node-a'), await startNode('node-b')];
    for (const replica of replicas) await ready(replica, ...nodes);
    const homes: string[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      const { router } = await place(replicas[turn % 2]!, 'kitchen');
      const home = nodes.find(({ nodeId }) => nodeId === router?.nodeId)!;
      homes.push(home.nodeId);
      home.openSession('kitchen', `participant ${turn}`, router!.routerId);
      // A gateway's next join comes after this one's facts.
      for (const replica of replicas) {
        await eventually(async () => {
          const { sessions } = await room(replica);
          return sessions.length === turn + 1 ? undefined : 'not heard';
        });
      }
    }
    expect(homes).toEqual(['node-a', 'node-b', 'node-a', 'node-b', 'node-a', 'node-b']);
  });

  test('spread puts each new session of a room on another node', async () => {
    const replica = await startReplica({ SLUICE_PLACEMENT: 'spread' });
    const nodes = [await startNode('node-a'), await startNode('node-b'), await startNode('node-c')];
    await ready(replica, ...nodes);
    const homes: (string | undefined)[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      homes.push((await place(replica, 'kitchen')).router?.nodeId);
    }
    expect(new Set(homes.slice(0, 3)).size).toBe(3);
    expect(homes.slice(3)).toEqual(homes.slice(0, 3));
    const excluded = await place(replica, 'kitchen', ['node-a', 'node-b']);
    expect(excluded.router?.nodeId).toBe('node-c');
    expect(await codeOf(place(replica, 'kitchen', ['node-a', 'node-b', 'node-c']))).toBe(
      'CAPACITY_EXHAUSTED',
    );
  });

  test('a stream crosses to a node once, and from there to its other cores', async () => {
    const replica = await startReplica();
    const [a, b] = [await startNode('node-a'), await startNode('node-b')];
    await ready(replica, a, b);
    expect(await codeOf(plan(replica, b))).toBe('NOT_FOUND');
    const { epoch } = await claim(replica, { node: a });

    const crossing = await plan(replica, b);
    expect(crossing).toMatchObject({ parent: a.router(), epoch, depth: 1, sameNode: false });
    expect(relayTickets(SECRET).open(crossing.ticket)).toMatchObject({
      epoch,
      parentRouterId: a.router().routerId,
      pullerNodeId: 'node-b',
      pullerBootId: b.bootId,
      pullerRouterId: b.router().routerId,
    });
    const inside = await plan(replica, b, 1);
    expect(inside).toMatchObject({ parent: b.router(), depth: 2, sameNode: true });

    b.openRelay({ stream: CAMERA, epoch, from: a.router(), to: b.router() });
    const { client } = replica;
    await eventually(async () => {
      const { relays } = await callUnary(
        client,
        StreamDirectoryService.listRelays,
        {},
        DEADLINE_MS,
      );
      return relays.length === 1 ? undefined : `${relays.length} relays`;
    });
    expect(await plan(replica, b, 1)).toMatchObject({ parent: b.router(), depth: 2 });
  });
});

describe('the doors of rooms', () => {
  async function replicas(environment: Record<string, string>) {
    const [one, other] = [await startReplica(environment), await startReplica(environment)];
    const node = await startNode('node-1');
    for (const replica of [one, other]) {
      await ready(replica, node);
      await eventually(async () => {
        const code = await codeOf(update(replica, 'nobody’s', false));
        return code === 'OK' ? undefined : `the bucket of rooms is not open: ${code}`;
      });
    }
    return { one, other, node };
  }

  async function hears(replica: Replica, sessions: number): Promise<void> {
    await eventually(async () => {
      const heard = (await room(replica, 'kitchen')).sessions.length;
      return heard === sessions ? undefined : `${heard} sessions`;
    });
  }

  test('of a room of two let in two of those who come at once, and the next after them', async () => {
    const { one, other, node } = await replicas({ SLUICE_ROOM_PARTICIPANTS_MAX: '2' });
    const comers = ['ann', 'ben', 'cora', 'dora'];
    const outcomes = await Promise.allSettled(
      comers.map((who, index) => enter(index % 2 === 0 ? one : other, 'kitchen', who)),
    );
    const inside = comers.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    expect(inside).toHaveLength(2);
    const sessions = inside.map((who) => node.openSession('kitchen', who));
    // Who was never seen there is waited for, whatever is heard of the end.
    for (const replica of [one, other]) await hears(replica, 2);
    const next = comers.find((who) => !inside.includes(who))!;
    await expect(enter(other, 'kitchen', next)).rejects.toMatchObject({
      code: 'CAPACITY_EXHAUSTED',
      message: 'the room is full',
    });
    await enter(one, 'kitchen', inside[0]!);
    node.closeSession(sessions[1]!);
    await hears(other, 1);
    await enter(other, 'kitchen', next);
  });

  test('are locked for strangers through any replica', async () => {
    const { one, other, node } = await replicas({});
    node.openSession('kitchen', 'ann');
    await eventually(async () =>
      (await room(one, 'kitchen')).sessions.length === 1 ? undefined : 'not there',
    );
    await update(one, 'kitchen', true);
    const refused = () =>
      enter(other, 'kitchen', 'ben').then(
        () => 'let in',
        (error: unknown) =>
          (error as SluiceError).message === 'the room is locked' ? undefined : String(error),
      );
    await eventually(refused);
    await enter(other, 'kitchen', 'ann');
    await enter(other, 'hall', 'ben');
    await update(one, 'kitchen', false);
    await enter(other, 'kitchen', 'ben');
  });
});
