import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { SUBJECTS } from '@sluice/nats-kit';
import { NodeLost } from '@sluice/proto-gen/facts';
import { eventually } from '@sluice/testing';
import { RETURN_MS } from '../src/domain/rooms/room-view.js';
import { FakeNode } from './fake-cluster.fixture.js';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import { TestClient } from './test-client.fixture.js';

let cluster: FakeCluster;
const roomName = 'the room';
const more: FakeNode[] = [];

beforeEach(async () => {
  cluster = await startFakeCluster();
});

afterEach(async () => {
  await Promise.all(more.splice(0).map((node) => node.stop()));
  await cluster.stop();
});

/** SDP of a PeerConnection, known by `id`. */
const sdp = (id: number, version = 1) =>
  `v=0\r\no=- ${String(id)} ${String(version)} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n`;

interface Entered {
  readonly client: TestClient;
  readonly resumeToken: string;
  readonly node: FakeNode;
}

const nodeOf = (nodeId: string) =>
  more.find((node) => node.nodeId === nodeId) ?? cluster.nodeOf(nodeId);

async function enter(subject: string, ws = cluster.gateway.ws): Promise<Entered> {
  const client = await TestClient.open(ws);
  client.send({ type: 'auth', token: await tokens.issue({ subject }) });
  const { resumeToken } = await client.next('authenticated');
  client.send({ type: 'join-room', roomName });
  const { node } = await client.next('room-joined');
  return { client, resumeToken, node: nodeOf(node) };
}

/** Publishes on a PeerConnection; returns the node that answered. */
async function publish(client: TestClient, id: number): Promise<string> {
  client.send({ type: 'publish-offer', roomName, offer: sdp(id) });
  const { answer } = await client.next('publish-answer');
  return /node-\w/.exec(answer)?.[0] ?? '';
}

/** Subscribes on a PeerConnection; returns the node that offered. */
async function subscribe(client: TestClient, publisherId: string, id: number): Promise<string> {
  client.send({ type: 'subscribe-request', roomName, publisherId, connection: `c${String(id)}` });
  const { offer } = await client.next('subscribe-offer');
  const answer = { type: 'subscribe-answer', roomName, publisherId, answer: sdp(id), id };
  client.send(answer);
  await client.next('done', (done) => done.id === id);
  return /node-\w/.exec(offer)?.[0] ?? '';
}

const draining = (deadlineMs: number) =>
  ({ $case: 'move', value: { reason: 'draining', deadlineMs } }) as const;

const other = (node: FakeNode) => (node === cluster.a ? cluster.b : cluster.a);

/** What somebody was told about who comes and goes. */
const comings = ({ received }: TestClient, who: string) =>
  received
    .filter(({ type }) =>
      ['user-joined', 'user-left', 'new-publisher', 'publisher-left'].includes(type),
    )
    .filter((message) => JSON.stringify(message).includes(`"${who}"`))
    .map(({ type }) => type);

const closing = (node: FakeNode, reason: string) => () =>
  node.calls.includes(`closeSession ${reason}`) ? undefined : `not closed as ${reason}`;

describe('a session whose node drains', () => {
  test('is replaced before it ends: old PeerConnections stay with it, new ones go to the next', async () => {
    const bob = await enter('bob');
    await publish(bob.client, 1);
    const ann = await enter('ann');
    const eve = await enter('eve');
    await publish(ann.client, 10);
    await subscribe(ann.client, 'bob', 11);
    await eve.client.next('new-publisher', ({ publisherId }) => publisherId === 'ann');
    const [from, to] = [ann.node, other(ann.node)];
    const left = from.sessionOf('ann');

    from.tell('ann', draining(30_000));
    const { deadlineMs } = await ann.client.next('move');
    expect(deadlineMs).toBeGreaterThan(20_000);
    expect(cluster.directory.placements.at(-1)).toEqual([from.nodeId]);
    expect(to.sessionOf('ann').replacesSessionId).toBe(left.ref.sessionId);

    expect(await publish(ann.client, 10)).toBe(from.nodeId);
    ann.client.send({ type: 'set-layers', roomName, publisherId: 'bob', spatial: 1 });
    await eventually(() =>
      from.calls.some((call) => call.startsWith('setLayers bob 1')) ? undefined : 'not set',
    );
    expect(await publish(ann.client, 20)).toBe(to.nodeId);
    expect(await subscribe(ann.client, 'bob', 21)).toBe(to.nodeId);
    ann.client.send({
      type: 'subscribe-answer',
      roomName,
      publisherId: 'bob',
      answer: sdp(11, 2),
      id: 'old',
    });
    await ann.client.next('done', ({ id }) => id === 'old');
    expect(from.calls.filter((call) => call.startsWith('answerSubscription'))).toHaveLength(2);
    expect(await publish(ann.client, 10)).toBe(from.nodeId);
    expect(from.sessions.has(left.ref.sessionId)).toBe(true);

    ann.client.send({ type: 'moved', roomName, id: 'moved' });
    await ann.client.next('done', ({ id }) => id === 'moved');
    await eventually(closing(from, 'moved'));
    expect(from.sessions.has(left.ref.sessionId)).toBe(false);
    ann.client.send({
      type: 'subscribe-answer',
      roomName,
      publisherId: 'bob',
      answer: sdp(11, 3),
      id: 'late',
    });
    expect(await ann.client.next('error')).toMatchObject({ id: 'late', code: 'INVALID_STATE' });
    await ann.client.leave();
    await eve.client.next('user-left');
    expect(comings(eve.client, 'ann')).toEqual(['new-publisher', 'publisher-left', 'user-left']);
  });

  test('ends by itself once all that it had is established again', async () => {
    const bob = await enter('bob');
    await publish(bob.client, 1);
    const ann = await enter('ann');
    await publish(ann.client, 10);
    await subscribe(ann.client, 'bob', 11);
    ann.node.tell('ann', draining(60_000));
    await ann.client.next('move');
    await publish(ann.client, 20);
    await subscribe(ann.client, 'bob', 21);
    await eventually(closing(ann.node, 'moved'), 15_000);
    await bob.client.next('new-publisher');
    expect(comings(bob.client, 'ann')).toEqual(['user-joined', 'new-publisher']);
  });

  test('does not end for a `moved` that came too early', async () => {
    const ann = await enter('ann');
    await publish(ann.client, 10);
    ann.node.tell('ann', draining(60_000));
    await ann.client.next('move');
    ann.client.send({ type: 'moved', roomName, id: 1 });
    await ann.client.next('done');
    expect(ann.node.sessionOf('ann').publications).toEqual(new Set(['m.usermedia']));
    await publish(ann.client, 20);
    ann.client.send({ type: 'moved', roomName, id: 2 });
    await eventually(closing(ann.node, 'moved'));
  });

  test('ends at the deadline for a client that knows no move, which stays in the room', async () => {
    const ann = await enter('ann');
    const eve = await enter('eve');
    await publish(ann.client, 10);
    await eve.client.next('new-publisher');
    ann.node.tell('ann', draining(300));
    await eventually(closing(ann.node, 'moved'));
    await eve.client.next('publisher-left', undefined, 2 * RETURN_MS);
    expect(comings(eve.client, 'ann')).toEqual(['new-publisher', 'publisher-left']);
    expect(await publish(ann.client, 10)).toBe(other(ann.node).nodeId);
  });

  test('waits for a place when there is none, and is replaced once', async () => {
    const ann = await enter('ann');
    await publish(ann.client, 10);
    const to = other(ann.node);
    const full = new SluiceError('CAPACITY_EXHAUSTED', 'full');
    to.failures.set('openSession', full);
    ann.node.failures.set('openSession', full);
    ann.node.tell('ann', draining(20_000));
    ann.node.tell('ann', draining(30_000));
    await eventually(() =>
      to.calls.filter((call) => call === 'openSession ann').length > 1 ? undefined : 'not tried',
    );
    expect(await publish(ann.client, 10)).toBe(ann.node.nodeId);
    expect(ann.client.count('move') + ann.client.count('error')).toBe(0);
    to.failures.clear();
    await ann.client.next('move');
    expect(to.sessions.size).toBe(1);
    expect(ann.client.count('move')).toBe(1);
  });

  test('whose successor drains as well is followed from node to node', async () => {
    const c = await FakeNode.start('node-c', cluster.bus);
    more.push(c);
    cluster.directory.nodes.push(c);
    const eve = await enter('eve');
    const ann = await enter('ann');
    await publish(ann.client, 10);
    await eve.client.next('new-publisher');
    const serving = new Set([cluster.a, cluster.b, c]);
    const homes = [ann.node];
    for (let move = 1; move <= 2; move += 1) {
      const home = homes.at(-1)!;
      serving.delete(home);
      home.failures.set('openSession', new SluiceError('NODE_DRAINING', 'draining'));
      home.tell('ann', draining(30_000));
      await eventually(() => (ann.client.count('move') === move ? undefined : 'not moved'));
      homes.push(
        [...serving].find(({ sessions }) =>
          [...sessions.values()].some(({ ref }) => ref.participant === 'ann'),
        )!,
      );
    }
    expect(new Set(homes).size).toBe(3);
    // Nothing was published on the second node: the first still holds what the third takes over.
    const [first, , third] = homes;
    expect(third!.sessionOf('ann').replacesSessionId).toBe(first!.sessionOf('ann').ref.sessionId);
    expect(await publish(ann.client, 30)).toBe(third!.nodeId);
    ann.client.send({ type: 'moved', roomName });
    await Promise.all(homes.slice(0, 2).map((home) => eventually(closing(home, 'moved'))));
    expect(comings(eve.client, 'ann')).toEqual(['user-joined', 'new-publisher']);
  });
});

describe('a session whose node is lost', () => {
  const lose = (node: FakeNode) => {
    const { nodeId, bootId } = node.router;
    cluster.bus.publish(SUBJECTS.lost(nodeId), NodeLost.encode({ nodeId, bootId }).finish());
  };

  test('is replaced while it still answers its gateway, and its speakers fall silent', async () => {
    const ann = await enter('ann');
    const eve = await enter('eve');
    await publish(ann.client, 10);
    const speakers = [{ participant: 'ann', volume: -20 }];
    ann.node.publishFact(roomName, {
      $case: 'speakersChanged',
      value: { room: roomName, speakers },
    });
    await eve.client.next('active-speakers', (message) => message.speakers.length === 1);
    const { bootId } = ann.node.router;
    ann.node.router = { ...ann.node.router, bootId: 'an earlier boot' };
    lose(ann.node);
    ann.node.router = { ...ann.node.router, bootId };
    lose(ann.node);
    expect(await ann.client.next('move')).toMatchObject({ reason: 'node lost' });
    await eve.client.next('active-speakers', (message) => message.speakers.length === 0);
    expect(await publish(ann.client, 20)).toBe(other(ann.node).nodeId);
    expect(ann.client.count('move')).toBe(1);
  });

  test('nobody sees a participant leave whose node died without a word', async () => {
    const doomed = await enter('ann');
    await publish(doomed.client, 10);
    const survivor = other(doomed.node);
    doomed.node.failures.set('openSession', new SluiceError('UNAVAILABLE', 'not here'));
    const eve = await enter('eve');
    expect(eve.node).toBe(survivor);
    await eve.client.next('new-publisher');
    await doomed.node.stop();
    cluster.directory.nodes.splice(cluster.directory.nodes.indexOf(doomed.node), 1);
    expect(await doomed.client.next('move')).toMatchObject({ reason: 'node lost', deadlineMs: 0 });
    expect(await publish(doomed.client, 20)).toBe(survivor.nodeId);
    // The next readings of the room have the new session and stream only.
    const bob = await enter('bob');
    await eve.client.next('user-joined', ({ user }) => user.userId === 'bob');
    // Told with the room, or right after it.
    expect(JSON.stringify(bob.client.received)).toContain('"publisherId":"ann"');
    await doomed.client.leave();
    await eve.client.next('user-left');
    expect(comings(eve.client, 'ann')).toEqual(['new-publisher', 'publisher-left', 'user-left']);
  });
});

describe('a connection that is resumed while it moves', () => {
  test('goes on moving at another gateway', async () => {
    const second = await cluster.addGateway();
    const bob = await enter('bob');
    await publish(bob.client, 1);
    const ann = await enter('ann');
    await publish(ann.client, 10);
    await subscribe(ann.client, 'bob', 11);
    const to = other(ann.node);
    ann.node.tell('ann', draining(30_000));
    await ann.client.next('move');
    await publish(ann.client, 20);
    ann.client.vanish();

    const resumed = await TestClient.open(second.ws);
    resumed.send({ type: 'resume', resumeToken: ann.resumeToken });
    const { rooms } = await resumed.next('resumed');
    expect(rooms).toHaveLength(1);
    expect(rooms[0]).toMatchObject({
      publications: ['m.usermedia'],
      subscriptions: [{ publisherId: 'bob' }],
    });
    // The node that drains says so again to whoever watches.
    ann.node.tell('ann', draining(20_000));
    await resumed.next('move');
    expect(cluster.a.sessions.size + cluster.b.sessions.size).toBe(3);
    expect(await subscribe(resumed, 'bob', 31)).toBe(to.nodeId);
    resumed.send({ type: 'moved', roomName });
    await eventually(closing(ann.node, 'moved'));
    expect(comings(bob.client, 'ann')).toEqual(['user-joined', 'new-publisher']);
  });
});
