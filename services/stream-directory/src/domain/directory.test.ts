import { describe, expect, test } from 'vitest';
import { streamKey } from '@sluice/core';
import type { Relay } from './cluster/facts.js';
import {
  ACluster,
  CAMERA,
  aBeacon,
  aRouter,
  aSession,
  aStream,
  aTruth,
  settled,
} from '../testing/a-cluster.js';

const KEY = streamKey(CAMERA);

const aClaim = (nodeId: string, sessionId = 's1', highestEpoch = 0) => ({
  name: CAMERA,
  origin: aRouter(nodeId),
  sessionId,
  highestEpoch,
});
const nodeIds = ({ directory }: ACluster) =>
  [...directory.view.nodes()].map(({ nodeId }) => nodeId);

const aPlacement = (excludeNodeIds: string[]) => ({
  room: 'x',
  region: '',
  zone: '',
  excludeNodeIds,
});

/** One last time before it falls silent. */
function beatWithBeacon(cluster: ACluster, nodeId: string): void {
  cluster.beaming.add(nodeId);
  cluster.beat(nodeId, { beacons: [aBeacon(nodeId)] });
}

/** A cluster that has been running for a while, with nodes that answer. */
async function aRunningCluster(...nodes: string[]): Promise<ACluster> {
  const cluster = new ACluster();
  for (const nodeId of nodes) {
    cluster.answers.set(nodeId, () => ({ outcome: 'answered', truth: aTruth(nodeId) }));
  }
  await cluster.pass(10_000, ...nodes);
  return cluster;
}

describe('liveness', () => {
  test('a stalled control process keeps its node for as long as its workers answer', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    beatWithBeacon(cluster, 'a');
    await cluster.pass(2_000, 'b');
    expect(() => cluster.directory.placer.place(aPlacement(['b']))).toThrow(/1 stalled/);
    await cluster.pass(12_000, 'b');
    expect(nodeIds(cluster)).toEqual(['a', 'b']);
    await cluster.pass(2_000, 'b');
    expect(cluster.ended).toEqual(['a']);
  });

  test('a node that goes on after a stall is as it was', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const answer = cluster.answers.get('a')!;
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    beatWithBeacon(cluster, 'a');
    await cluster.pass(8_000, 'b');
    cluster.answers.set('a', answer);
    await cluster.pass(1_000, 'a', 'b');
    expect(cluster.ended).toEqual([]);
    expect(cluster.directory.placer.place(aPlacement(['b'])).nodeId).toBe('a');
  });

  test('a node whose control process and workers are both silent is lost within two seconds', async () => {
    const cluster = await aRunningCluster('a', 'b');
    beatWithBeacon(cluster, 'a');
    cluster.clock.elapse(100);
    await settled();
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    cluster.beaming.clear();
    await cluster.pass(1_000, 'b');
    expect(cluster.ended).toEqual([]);
    await cluster.pass(900, 'b');
    expect(cluster.lost).toEqual([{ nodeId: 'a', bootId: 'boot-of-a' }]);
  });

  test('silence of a beacon that never answered is no proof', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    beatWithBeacon(cluster, 'a');
    cluster.beaming.clear();
    await cluster.pass(3_000, 'b');
    expect(cluster.ended).toEqual([]);
  });

  test('workers that outlive their control process do not keep the node', async () => {
    const cluster = await aRunningCluster('a', 'b');
    beatWithBeacon(cluster, 'a');
    cluster.answers.delete('a');
    await cluster.pass(2_000, 'b');
    expect(cluster.ended).toEqual(['a']);
  });

  test('nobody is lost by a replica that hears nothing at all', async () => {
    const cluster = await aRunningCluster('a', 'b');
    for (const nodeId of ['a', 'b']) beatWithBeacon(cluster, nodeId);
    cluster.clock.elapse(100);
    await settled();
    cluster.beaming.clear();
    for (const nodeId of ['a', 'b']) cluster.answers.set(nodeId, () => ({ outcome: 'late' }));
    // Its own cable is out, and NATS has not noticed yet.
    cluster.hearing.catchUp = () => Promise.resolve(false);
    await cluster.pass(10_000);
    expect(cluster.ended).toEqual([]);
  });

  test('a node that dies while NATS is away is lost by the replicas that hear others', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.hearing.connected = false;
    await cluster.pass(5_000);
    cluster.answers.delete('a');
    await cluster.pass(3_000);
    expect(cluster.ended).toEqual(['a']);
    await cluster.pass(60_000);
    expect(cluster.ended).toEqual(['a']);
  });

  test('what another replica lost is lost here as well, unless it is heard', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    cluster.beat('a');
    cluster.directory.hearLost({ nodeId: 'a', bootId: 'boot-of-a' });
    expect(cluster.ended).toEqual([]);
    await cluster.pass(1_300, 'b');
    cluster.directory.hearLost({ nodeId: 'a', bootId: 'another-boot' });
    expect(cluster.ended).toEqual([]);
    cluster.directory.hearLost({ nodeId: 'a', bootId: 'boot-of-a' });
    expect(cluster.ended).toEqual(['a']);
  });

  test('a lost node that beats again is told so before it is let in', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.delete('a');
    await cluster.pass(2_000, 'b');
    cluster.lost.length = 0;
    await cluster.pass(1_000, 'a', 'b');
    expect(cluster.lost).toEqual([{ nodeId: 'a', bootId: 'boot-of-a' }]);
    expect(nodeIds(cluster)).toEqual(['b']);
    const truth = aTruth('a', { sessions: [aSession('s1')] });
    cluster.answers.set('a', () => {
      expect(cluster.lost).toHaveLength(2);
      return { outcome: 'answered', truth };
    });
    await cluster.pass(500, 'a', 'b');
    expect(nodeIds(cluster)).toEqual(['b', 'a']);
    expect((await cluster.directory.rooms.get('kitchen')).sessions).toHaveLength(1);
  });

  test('a node without a beacon that neither beats nor answers is lost in the end', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.set('a', () => ({ outcome: 'late' }));
    await cluster.pass(6_000, 'b');
    expect(cluster.ended).toEqual(['a']);
    expect(nodeIds(cluster)).toEqual(['b']);
  });

  test('a node whose port is closed is lost within two seconds', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.delete('a');
    cluster.beat('a');
    await cluster.pass(1_250, 'b');
    expect(cluster.ended).toEqual([]);
    await cluster.pass(750, 'b');
    expect(cluster.ended).toEqual(['a']);
  });

  test('a refused connection does not outweigh heartbeats', async () => {
    const cluster = await aRunningCluster('a');
    cluster.answers.delete('a');
    cluster.tell('a', { type: 'session kept', session: aSession('s1') });
    cluster.beat('a', { revision: 7 });
    await cluster.pass(10_000, 'a');
    expect(cluster.asked.length).toBeGreaterThan(3);
    expect(cluster.ended).toEqual([]);
  });

  test('nobody is lost while the directory itself stood still', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.answers.clear();
    // As after SIGSTOP: the timers fire late, and heartbeats still wait in the socket.
    Object.assign(cluster.clock, { nowMs: shiftedBy(cluster, 60_000) });
    cluster.clock.elapse(250);
    await settled();
    expect(cluster.ended).toEqual([]);
    await cluster.pass(1_000, 'a', 'b');
    expect(nodeIds(cluster)).toEqual(['a', 'b']);
  });

  test('nobody is lost while NATS is away, nor right after it came back', async () => {
    const cluster = await aRunningCluster('a');
    cluster.answers.clear();
    cluster.hearing.connected = false;
    await cluster.pass(60_000);
    expect(cluster.ended).toEqual([]);
    cluster.hearing.connected = true;
    await cluster.pass(1_000);
    expect(cluster.ended).toEqual([]);
    await cluster.pass(3_000);
    expect(cluster.ended).toEqual(['a']);
  });

  test('ten reasons to read a node’s truth at once are one read', async () => {
    const cluster = await aRunningCluster('a');
    cluster.asked.length = 0;
    cluster.answers.set('a', () => new Promise(() => undefined));
    for (let revision = 5; revision < 15; revision += 1) cluster.beat('a', { revision });
    await settled();
    expect(cluster.asked).toEqual(['a']);
  });

  test('another boot’s answer counts as none', async () => {
    const cluster = await aRunningCluster('a');
    const truth = aTruth('a', { bootId: 'second', sessions: [aSession('s1')] });
    cluster.answers.set('a', () => ({ outcome: 'answered', truth }));
    cluster.beat('a');
    await cluster.pass(2_000);
    expect(cluster.ended).toEqual(['a']);
  });
});

function shiftedBy(cluster: ACluster, ms: number): () => number {
  const { clock } = cluster;
  const nowMs = clock.nowMs.bind(clock);
  return () => nowMs() + ms;
}

describe('stream names', () => {
  test('a name of a node that died is free as soon as somebody asks', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const { registry } = cluster.directory;
    expect(await registry.claim(aClaim('a'))).toBe(1);
    cluster.answers.delete('a');
    cluster.beat('a');
    await cluster.pass(1_000, 'b');
    await expect(registry.claim(aClaim('b', 's2'))).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    cluster.clock.elapse(200);
    expect(await registry.claim(aClaim('b', 's2'))).toBe(2);
  });

  test('the record of a lost node is ended, and restored when the node was not dead', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const { registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a'));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    cluster.answers.delete('a');
    await cluster.pass(5_000, 'b');
    expect(cluster.records.find(KEY)?.record.state).toBe('lost');
    await expect(registry.find(CAMERA)).rejects.toMatchObject({ code: 'NOT_FOUND' });

    const truth = aTruth('a', { revision: 1, streams: [aStream(epoch)] });
    cluster.answers.set('a', () => ({ outcome: 'answered', truth }));
    await cluster.pass(6_000, 'a', 'b');
    expect(cluster.records.find(KEY)?.record).toMatchObject({ state: 'held', epoch });
    expect((await registry.find(CAMERA)).origin).toEqual(aRouter('a'));
    expect(cluster.repairs).toEqual(['lost record ended', 'record restored']);
  });

  test('the record of a node that nobody ever heard of is ended after a while', async () => {
    const cluster = await aRunningCluster('b');
    await cluster.records.write(
      KEY,
      { state: 'held', epoch: 4, origin: aRouter('gone'), sessionId: 's1' },
      0,
    );
    await cluster.pass(4_000, 'b');
    expect(cluster.records.find(KEY)?.record.state).toBe('held');
    await cluster.pass(8_000, 'b');
    expect(cluster.records.find(KEY)?.record.state).toBe('lost');
    expect(await cluster.directory.registry.claim(aClaim('b'))).toBe(5);
  });

  test('a claim whose stream never came is ended', async () => {
    const cluster = await aRunningCluster('a');
    await cluster.directory.registry.claim(aClaim('a'));
    await cluster.pass(9_000, 'a');
    expect(cluster.records.find(KEY)?.record.state).toBe('held');
    await cluster.pass(8_000, 'a');
    expect(cluster.records.find(KEY)?.record.state).toBe('released');
  });

  test('a released name is free at once, and its former origin’s late word is doubted', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const { registry } = cluster.directory;
    const told = (nodeId: string, sessionId: string, epoch: number) =>
      cluster.tell(nodeId, { type: 'stream kept', stream: aStream(epoch, { sessionId }) });
    const first = await registry.claim(aClaim('a', 's1'));
    told('a', 's1', first);
    const former = { name: CAMERA, nodeId: 'a', bootId: 'boot-of-a', epoch: first };
    await registry.release(former);

    const second = await registry.claim(aClaim('b', 's2'));
    expect(second).toBeGreaterThan(first);
    told('b', 's2', second);
    // What the former origin still says, or does again, changes nothing.
    told('a', 's1', first);
    const stale = { code: 'STALE_EPOCH' };
    await expect(registry.release(former)).rejects.toMatchObject(stale);
    const again = { ...aClaim('a', 's1', first), heldEpoch: first };
    await expect(registry.claim(again)).rejects.toMatchObject(stale);
    expect((await registry.find(CAMERA)).origin).toEqual(aRouter('b'));
    // A hand-over may take a moment; then the former origin is asked to make sure.
    expect(cluster.doubted).toEqual([]);
    await cluster.pass(15_000, 'a', 'b');
    expect(new Set(cluster.doubted.map(String))).toEqual(new Set([`a,${KEY}`]));
  });

  test('who tells of a name that was given up is asked at once to make sure', async () => {
    const cluster = await aRunningCluster('a');
    const { registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a'));
    await registry.release({ name: CAMERA, nodeId: 'a', bootId: 'boot-of-a', epoch });
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    expect(cluster.doubted).toEqual([['a', KEY]]);
  });

  test('a published stream’s record stays', async () => {
    const cluster = await aRunningCluster('a');
    const epoch = await cluster.directory.registry.claim(aClaim('a'));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    await cluster.pass(120_000, 'a');
    expect(cluster.records.find(KEY)?.record.state).toBe('held');
    expect(cluster.repairs).toEqual([]);
  });

  test('tombstones go after a minute, and epochs still grow', async () => {
    const cluster = await aRunningCluster('a');
    const { registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a', 's1', 41));
    await registry.release({ name: CAMERA, epoch, nodeId: 'a', bootId: 'boot-of-a' });
    await cluster.pass(30_000, 'a');
    expect(cluster.records.find(KEY)).toBeDefined();
    await cluster.pass(60_000, 'a');
    expect(cluster.records.find(KEY)).toBeUndefined();
    expect(await cluster.records.readEpochFloor()).toBe(epoch);

    // A replica that knows nothing but the bucket.
    const later = await aRunningCluster('a');
    await later.records.raiseEpochFloor(epoch);
    expect(await later.directory.registry.claim(aClaim('a'))).toBe(epoch + 1);
  });

  test('a wiped bucket is filled again with the epochs that were', async () => {
    const cluster = await aRunningCluster('a');
    const { registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a', 's1', 6));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    cluster.records.wipe();
    await expect(registry.claim(aClaim('b', 's2'))).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await cluster.pass(6_000, 'a');
    expect(cluster.records.find(KEY)?.record).toMatchObject({ state: 'held', epoch });
  });

  test('while the bucket is away known streams are found and unknown ones are not denied', async () => {
    const cluster = await aRunningCluster('a');
    const { registry } = cluster.directory;
    await registry.claim(aClaim('a'));
    cluster.records.away = true;
    expect((await registry.find(CAMERA)).origin).toEqual(aRouter('a'));
    await expect(registry.find({ ...CAMERA, room: 'bath' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await cluster.pass(60_000, 'a');
    expect((await registry.find(CAMERA)).origin).toEqual(aRouter('a'));
  });

  test('many claims of one name at once grant it once', async () => {
    const cluster = await aRunningCluster('a');
    const { registry } = cluster.directory;
    const sessions = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const claims = await Promise.allSettled(
      sessions.map((sessionId) => registry.claim(aClaim('a', sessionId))),
    );
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('rooms', () => {
  test('show sessions, streams with the publisher’s name, and claims not published yet', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const { registry, rooms } = cluster.directory;
    cluster.tell('a', { type: 'session kept', session: aSession('s1') });
    const epoch = await registry.claim(aClaim('a'));
    expect((await rooms.get('kitchen')).streams).toEqual([
      { stream: aStream(epoch), username: 'Ann', nodeId: 'a' },
    ]);
    const tracks = [{ trackId: 'audio', kind: 1, paused: false, mimeType: 'audio/opus' }];
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch, { tracks }) });
    cluster.tell('b', { type: 'session kept', session: aSession('s2', { room: 'bath' }) });
    const room = await rooms.get('kitchen');
    expect(room.sessions.map(({ session }) => session.sessionId)).toEqual(['s1']);
    expect(room.streams).toEqual([
      { stream: aStream(epoch, { tracks }), username: 'Ann', nodeId: 'a' },
    ]);
    expect(rooms.streams()).toHaveLength(1);
    expect(await rooms.sessionsOf('connection-of-s2')).toMatchObject([{ node: { nodeId: 'b' } }]);
  });

  test('show a stream that moves once, at its new origin', async () => {
    const cluster = await aRunningCluster('a', 'b');
    cluster.tell('a', { type: 'stream kept', stream: aStream(3) });
    cluster.tell('b', { type: 'stream kept', stream: aStream(4, { routerId: 'b-0' }) });
    expect((await cluster.directory.rooms.get('kitchen')).streams).toMatchObject([
      { nodeId: 'b', stream: { epoch: 4 } },
    ]);
  });

  test('show no stream that was released, though its node has not said so yet', async () => {
    const cluster = await aRunningCluster('a');
    const { registry, rooms } = cluster.directory;
    const epoch = await registry.claim(aClaim('a'));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    await registry.release({ name: CAMERA, epoch, nodeId: 'a', bootId: 'boot-of-a' });
    expect((await rooms.get('kitchen')).streams).toEqual([]);
    await expect(registry.find(CAMERA)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('relay plans', () => {
  const wish = (nodeId: string, core = 0, excludeRouterIds: string[] = []) => ({
    stream: CAMERA,
    to: aRouter(nodeId, core),
    excludeRouterIds,
  });

  test('of two cores that want a stream at once the second pulls from the first', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const { planner, registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a'));
    expect(await planner.plan(wish('b', 0))).toMatchObject({ parent: aRouter('a'), depth: 1 });
    expect(await planner.plan(wish('b', 1))).toMatchObject({
      parent: aRouter('b', 0),
      depth: 2,
      sameNode: true,
    });
    expect(cluster.announced).toEqual([
      { stream: CAMERA, epoch, from: aRouter('a'), to: aRouter('b', 0) },
      { stream: CAMERA, epoch, from: aRouter('b', 0), to: aRouter('b', 1) },
    ]);
  });

  test('another replica’s plan counts as well', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const epoch = await cluster.directory.registry.claim(aClaim('a'));
    const relay = { stream: CAMERA, epoch, from: aRouter('a'), to: aRouter('b', 0) };
    cluster.directory.hearPlanned(relay);
    const plan = await cluster.directory.planner.plan(wish('b', 1));
    expect(plan.parent).toEqual(aRouter('b', 0));
  });

  test('a plan that was not carried out is forgotten', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const epoch = await cluster.directory.registry.claim(aClaim('a'));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    const { planner } = cluster.directory;
    await planner.plan(wish('b', 0));
    await cluster.pass(6_000, 'a', 'b');
    expect((await planner.plan(wish('b', 1))).parent).toEqual(aRouter('a'));
  });

  test('a relay that closed feeds nobody, though it was planned just now', async () => {
    const cluster = await aRunningCluster('a', 'b');
    const epoch = await cluster.directory.registry.claim(aClaim('a'));
    const { planner } = cluster.directory;
    await planner.plan(wish('b', 0));
    const relay = { stream: CAMERA, epoch, from: aRouter('a'), to: aRouter('b', 0) };
    cluster.tell('b', { type: 'relay kept', relay });
    expect((await planner.plan(wish('b', 1))).parent).toEqual(aRouter('b', 0));
    cluster.tell('b', { type: 'relay closed', relay });
    expect((await planner.plan(wish('b', 2))).parent).toEqual(aRouter('a'));
  });

  test('relays of an older epoch are no part of the tree', async () => {
    const cluster = await aRunningCluster('a', 'b', 'c');
    const { planner, registry } = cluster.directory;
    const epoch = await registry.claim(aClaim('a'));
    const relay = { stream: CAMERA, epoch, from: aRouter('a'), to: aRouter('b') };
    cluster.tell('b', { type: 'relay kept', relay });
    await registry.release({ name: CAMERA, epoch, nodeId: 'a', bootId: 'boot-of-a' });
    await registry.claim(aClaim('c', 's2'));
    const plan = await planner.plan(wish('b', 1));
    expect(plan).toMatchObject({ parent: aRouter('c'), epoch: epoch + 1 });
  });

  /** Two replicas planned at the same moment: both brought the stream into node b. */
  async function enteredTwice(): Promise<{ cluster: ACluster; relays: Relay[] }> {
    const cluster = await aRunningCluster('a', 'b');
    const epoch = await cluster.directory.registry.claim(aClaim('a'));
    cluster.tell('a', { type: 'stream kept', stream: aStream(epoch) });
    const relays = [0, 1].map((core) => ({
      stream: CAMERA,
      epoch,
      from: aRouter('a'),
      to: aRouter('b', core),
    }));
    for (const relay of relays) cluster.directory.hearPlanned(relay);
    return { cluster, relays };
  }

  test('that enter a node twice are mended: the one that feeds fewer is planned again', async () => {
    const { cluster, relays } = await enteredTwice();
    await cluster.pass(2_000, 'a', 'b');
    expect(cluster.replanned).toEqual([]);
    for (const relay of relays) cluster.tell('b', { type: 'relay kept', relay });
    const [first, second] = relays as [Relay, Relay];
    const below = { ...second, from: second.to, to: aRouter('b', 2) };
    cluster.tell('b', { type: 'relay kept', relay: below });
    await cluster.pass(1_000, 'a', 'b');
    expect(cluster.replanned).toEqual([first]);

    const plan = await cluster.directory.planner.plan(wish('b', 0));
    expect(plan.parent).toEqual(aRouter('b', 1));
    cluster.tell('b', { type: 'relay kept', relay: { ...first, from: aRouter('b', 1) } });
    cluster.tell('b', { type: 'relay closed', relay: first });
    await cluster.pass(10_000, 'a', 'b');
    expect(cluster.replanned).toHaveLength(1);
  });

  test('that cannot be mended are left alone ever longer', async () => {
    const { cluster, relays } = await enteredTwice();
    for (const relay of relays) cluster.tell('b', { type: 'relay kept', relay });
    await cluster.pass(60_000, 'a', 'b');
    expect(cluster.replanned.length).toBeGreaterThan(2);
    expect(cluster.replanned.length).toBeLessThan(8);
    expect(new Set(cluster.replanned.map(({ to }) => to.routerId))).toEqual(new Set(['b-1']));
  });

  test('for the origin’s own router are refused', async () => {
    const cluster = await aRunningCluster('a');
    await cluster.directory.registry.claim(aClaim('a'));
    await expect(cluster.directory.planner.plan(wish('a', 0))).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
  });

  test('say so when all that could feed it just failed', async () => {
    const cluster = await aRunningCluster('a', 'b');
    await cluster.directory.registry.claim(aClaim('a'));
    await expect(cluster.directory.planner.plan(wish('b', 0, ['a-0']))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
