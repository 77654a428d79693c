import { describe, expect, test } from 'vitest';
import { ACluster, aHeartbeat, aSession } from '../../testing/a-cluster.js';

const aRequest = (room: string, excludeNodeIds: string[] = []) => ({
  room,
  region: '',
  zone: '',
  excludeNodeIds,
});

function spreading(...nodes: string[]): ACluster {
  const cluster = new ACluster({
    placement: { policy: 'spread', roomRegions: [], nodeLoadMax: 0.85, silentMs: 2_500 },
  });
  for (const nodeId of nodes) cluster.beat(nodeId);
  return cluster;
}

const placeIn = ({ directory }: ACluster, room: string) =>
  directory.placer.place(aRequest(room)).nodeId;

describe('spread', () => {
  test('each room has its own turn, and so have sessions without a room', () => {
    const cluster = spreading('a', 'b');
    expect(['x', 'x', 'y', 'x', 'y', '', ''].map((room) => placeIn(cluster, room))).toEqual([
      'a',
      'b',
      'a',
      'a',
      'b',
      'a',
      'b',
    ]);
  });

  test('goes on after the node that another replica chose', () => {
    const cluster = spreading('a', 'b', 'c');
    expect(placeIn(cluster, 'x')).toBe('a');
    cluster.tell('a', { type: 'session kept', session: aSession('own', { room: 'x' }) });
    expect(placeIn(cluster, 'x')).toBe('b');
    const session = aSession('theirs', { room: 'x', routerId: 'c-0' });
    cluster.tell('c', { type: 'session kept', session });
    expect(placeIn(cluster, 'x')).toBe('a');
  });

  test('is not set back by the sessions that it placed itself, however late they are heard', () => {
    const cluster = spreading('a', 'b');
    expect(placeIn(cluster, 'x')).toBe('a');
    expect(placeIn(cluster, 'x')).toBe('b');
    cluster.tell('a', { type: 'session kept', session: aSession('first', { room: 'x' }) });
    expect(placeIn(cluster, 'x')).toBe('a');
  });
});

describe('reservations', () => {
  const routers = (load: number) => [{ routerId: 'a-0', load, sessions: 0 }];

  test('fill a node up between two load reports', () => {
    const cluster = new ACluster();
    cluster.directory.hearHeartbeat(aHeartbeat('a', { load: 0.8, routers: routers(0.8) }));
    const places: string[] = [];
    const placeAll = () => {
      for (;;) places.push(placeIn(cluster, 'x'));
    };
    expect(placeAll).toThrow(/no media node can take the session: 1 full/);
    expect(places.length).toBeGreaterThan(0);
    expect(places.length).toBeLessThan(10);
    expect(cluster.rejected).toEqual(['full']);
  });

  test('outlast load reports that may have been measured before, and then fade', () => {
    const cluster = new ACluster();
    const beat = () =>
      cluster.directory.hearHeartbeat(aHeartbeat('a', { load: 0.84, routers: routers(0.1) }));
    beat();
    placeIn(cluster, 'x');
    for (let passedMs = 0; passedMs < 2_000; passedMs += 500) {
      expect(() => placeIn(cluster, 'x')).toThrow(/full/);
      cluster.clock.elapse(500);
      beat();
    }
    cluster.clock.elapse(2_500);
    beat();
    expect(placeIn(cluster, 'x')).toBe('a');
  });

  test('end with sessions that leave, so that where people come and go nobody is kept out', () => {
    const cluster = new ACluster();
    cluster.directory.hearHeartbeat(aHeartbeat('a', { load: 0.8, routers: routers(0.8) }));
    for (let index = 0; index < 100; index += 1) {
      expect(placeIn(cluster, 'x')).toBe('a');
      const session = aSession(`s${index}`, { room: 'x', routerId: 'a-0' });
      cluster.tell('a', { type: 'session kept', session });
      cluster.tell('a', { type: 'session closed', sessionId: session.sessionId });
    }
  });

  test('herd a burst of joins onto no single node', () => {
    const cluster = new ACluster();
    for (const nodeId of ['a', 'b', 'c', 'd']) cluster.beat(nodeId);
    const placed: Record<string, number> = {};
    for (let index = 0; index < 40; index += 1) {
      const nodeId = placeIn(cluster, `room ${index}`);
      placed[nodeId] = (placed[nodeId] ?? 0) + 1;
    }
    expect(Object.values(placed)).toEqual([10, 10, 10, 10]);
  });
});

describe('a room', () => {
  const cores = (count: number) =>
    Array.from({ length: count }, (_, core) => ({ routerId: `a-${core}`, load: 0, sessions: 0 }));
  const placedIn = (cluster: ACluster, room: string) =>
    cluster.directory.placer.place(aRequest(room)).routerId;

  test('stays on a core that has it, until that has so much of it', () => {
    const cluster = new ACluster();
    cluster.beat('a', { load: 0, routers: cores(3) });
    for (let session = 0; session < 15; session += 1) {
      const ref = aSession(`s${session}`, { room: 'x', routerId: 'a-2' });
      cluster.tell('a', { type: 'session kept', session: ref });
      cluster.clock.elapse(2_000);
      cluster.beat('a', { load: 0, routers: cores(3) });
      expect(placedIn(cluster, 'x')).toBe('a-2');
    }
    cluster.clock.elapse(10_000);
    cluster.beat('a', { load: 0, routers: cores(3) });
    const session = aSession('s15', { room: 'x', routerId: 'a-2' });
    cluster.tell('a', { type: 'session kept', session });
    expect(placedIn(cluster, 'x')).not.toBe('a-2');
  });

  test('that everybody joins at once is not held together', () => {
    const cluster = new ACluster();
    cluster.beat('a', { load: 0, routers: cores(3) });
    const used: Record<string, number> = {};
    for (let join = 0; join < 60; join += 1) {
      const routerId = placedIn(cluster, 'x');
      used[routerId] = (used[routerId] ?? 0) + 1;
      cluster.tell('a', {
        type: 'session kept',
        session: aSession(`s${join}`, { room: 'x', routerId }),
      });
    }
    // The cluster's random always draws the first two of those that there are.
    expect(Math.max(...Object.values(used))).toBeLessThan(35);
  });

  test('lives in the regions that the operator allows it', () => {
    const roomRegions = [{ rooms: 'us-*', regions: new Set(['us']) }];
    const cluster = new ACluster({
      placement: { policy: 'balanced', roomRegions, nodeLoadMax: 0.85, silentMs: 2_500 },
    });
    cluster.beat('a', { region: 'eu' });
    expect(() => placeIn(cluster, 'us-kitchen')).toThrow(/1 region/);
    cluster.beat('b', { region: 'us' });
    expect(placeIn(cluster, 'us-kitchen')).toBe('b');
    expect(placeIn(cluster, 'eu-kitchen')).toBe('a');
  });
});

test('a load report that includes new sessions already does not count them twice', () => {
  const cluster = new ACluster();
  const reported = (nodeId: string, load: number) =>
    cluster.beat(nodeId, { load, routers: [{ routerId: `${nodeId}-0`, load, sessions: 0 }] });
  reported('a', 0.1);
  reported('b', 0.1);
  const placed = [0, 1, 2, 3].map((room) => {
    // Only one of them has measured since.
    cluster.clock.elapse(100);
    reported('a', 0.1 + 0.02 * room);
    return placeIn(cluster, `room ${room}`);
  });
  expect(placed.filter((nodeId) => nodeId === 'a')).toHaveLength(2);
});

test('a place names all that is needed to reach it', () => {
  const cluster = spreading('a');
  expect(cluster.directory.placer.place(aRequest('x'))).toEqual({
    nodeId: 'a',
    bootId: 'boot-of-a',
    routerId: 'a-0',
    grpcAddress: 'a:1',
  });
});

test('without any node the cluster has no capacity, and says so', () => {
  const cluster = new ACluster();
  expect(() => placeIn(cluster, 'x')).toThrow('no media node is known');
});
