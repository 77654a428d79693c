import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { grantsOf, resumeTokens } from '@sluice/tokens';
import type { FakeNode } from './fake-cluster.fixture.js';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import { CLUSTER_SECRET } from './gateway-process.fixture.js';
import { TestClient } from './test-client.fixture.js';

let cluster: FakeCluster;
const roomName = 'the room';

beforeEach(async () => {
  cluster = await startFakeCluster();
});

afterEach(async () => {
  await cluster.stop();
});

interface Entered {
  readonly client: TestClient;
  readonly resumeToken: string;
  readonly node: FakeNode;
}

/** A client that publishes, through a gateway, and the node where it is at home. */
async function publisher(subject: string, ws = cluster.gateway.ws): Promise<Entered> {
  const client = await TestClient.open(ws);
  client.send({
    type: 'auth',
    token: await tokens.issue({ subject, name: subject.toUpperCase() }),
  });
  const { resumeToken } = await client.next('authenticated');
  client.send({ type: 'join-room', roomName });
  const { node } = await client.next('room-joined');
  client.send({ type: 'publish-offer', roomName, offer: 'o' });
  await client.next('publish-answer');
  return { client, resumeToken, node: cluster.nodeOf(node) };
}

function isWatched(node: FakeNode, participant: string): string | undefined {
  return node.sessionOf(participant).watch ? undefined : `${participant} is not watched`;
}

describe('a gateway that goes', () => {
  test('a killed gateway’s client goes on at another one, and nobody saw it leave', async () => {
    const doomed = await cluster.addGateway();
    const ann = await publisher('ann', doomed.ws);
    const bob = await publisher('bob');
    await bob.client.next('new-publisher');
    ann.client.send({ type: 'subscribe-request', roomName, publisherId: 'bob' });
    await ann.client.next('subscribe-offer');

    await doomed.stop('SIGKILL');
    expect((await ann.client.ended()).code).toBe(1006);
    const resumed = await TestClient.open(cluster.gateway.ws);
    resumed.send({ type: 'resume', resumeToken: ann.resumeToken, id: 'r' });
    expect(await resumed.next('resumed')).toMatchObject({
      id: 'r',
      userId: 'ann',
      username: 'ANN',
      rooms: [
        {
          roomName,
          node: ann.node.nodeId,
          publications: ['m.usermedia'],
          subscriptions: [{ publisherId: 'bob', purpose: 'm.usermedia' }],
          participants: [{ userId: 'bob', username: 'BOB' }],
          publishers: [{ publisherId: 'bob', purpose: 'm.usermedia' }],
        },
      ],
    });
    expect(isWatched(ann.node, 'ann')).toBeUndefined();
    resumed.send({ type: 'publish-offer', roomName, offer: 'after' });
    expect((await resumed.next('publish-answer')).answer).toBe(
      `answer of ${ann.node.nodeId} to after`,
    );
    await resumed.leave();
    expect(await bob.client.next('user-left')).toMatchObject({ userId: 'ann' });
    expect(bob.client.count('user-left')).toBe(1);
  });

  test('one that is told to stop sends its clients away and ends no session', async () => {
    const leaving = await cluster.addGateway();
    const ann = await publisher('ann', leaving.ws);
    const stopped = leaving.stop();
    expect((await ann.client.ended()).code).toBe(1012);
    expect(await stopped).toBe(0);
    await eventually(() => (ann.node.sessionOf('ann').watch ? 'still watched' : undefined));
    expect(ann.node.calls.filter((call) => call.startsWith('closeSession'))).toEqual([]);
    const resumed = await TestClient.open(cluster.gateway.ws);
    resumed.send({ type: 'resume', resumeToken: ann.resumeToken });
    expect((await resumed.next('resumed')).rooms).toHaveLength(1);
    expect(leaving.lines.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
  });

  test('who resumes a connection that is still open takes it over', async () => {
    const ann = await publisher('ann');
    const resumed = await TestClient.open(cluster.gateway.ws);
    resumed.send({ type: 'resume', resumeToken: ann.resumeToken });
    await resumed.next('resumed');
    expect(await ann.client.ended()).toMatchObject({ code: 4409 });
    await eventually(() => isWatched(ann.node, 'ann'));
    resumed.send({ type: 'get-stats', roomName });
    await resumed.next('stats');
  });

  test('a resume token that is nobody’s is refused, one without sessions resumes nothing', async () => {
    const forger = await TestClient.open(cluster.gateway.ws);
    const grants = grantsOf(['publish', 'subscribe', 'host', 'admin']);
    const identity = { subject: 'eve', name: 'Eve', room: '*', grants, expiresAtS: 4e9 };
    const forged = resumeTokens('a secret that this cluster does not have!').seal({
      connectionId: 'c',
      identity,
    });
    forger.send({ type: 'resume', resumeToken: forged });
    expect((await forger.next('error')).message).toMatch(/^Authentication failed: /);
    expect((await forger.ended()).code).toBe(4401);

    const late = await TestClient.open(cluster.gateway.ws);
    const content = { connectionId: 'gone', identity: { ...identity, expiresAtS: 1 } };
    late.send({ type: 'resume', resumeToken: resumeTokens(CLUSTER_SECRET).seal(content) });
    expect((await late.next('resumed')).rooms).toEqual([]);
    late.send({ type: 'join-room', roomName });
    expect(await late.next('error')).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'token expired',
    });
  });

  test('a resume while no directory answers can be tried again', async () => {
    const ann = await publisher('ann');
    ann.client.vanish();
    cluster.directory.failures.set('findSessions', new SluiceError('UNAVAILABLE', 'not now'));
    const early = await TestClient.open(cluster.gateway.ws);
    early.send({ type: 'resume', resumeToken: ann.resumeToken });
    expect(await early.next('error')).toMatchObject({ code: 'UNAVAILABLE' });
    expect((await early.ended()).code).toBe(1013);
    cluster.directory.failures.clear();
    const again = await TestClient.open(cluster.gateway.ws);
    again.send({ type: 'resume', resumeToken: ann.resumeToken });
    expect((await again.next('resumed')).rooms).toHaveLength(1);
  });
});

describe('a node that goes', () => {
  test('a client of a lost node gets another home and is asked to come again', async () => {
    const ann = await publisher('ann');
    const other = ann.node === cluster.a ? cluster.b : cluster.a;
    await ann.node.stop();
    cluster.directory.nodes.splice(cluster.directory.nodes.indexOf(ann.node), 1);
    expect(await ann.client.next('move')).toMatchObject({ roomName, reason: 'node lost' });
    ann.client.send({ type: 'publish-offer', roomName, offer: 'again' });
    expect((await ann.client.next('publish-answer')).answer).toContain(other.nodeId);
    expect(ann.client.count('room-left')).toBe(0);
  });

  test('a session that its node ended is opened again, but not for ever', async () => {
    const ann = await publisher('ann');
    for (let ends = 1; ends <= 4; ends += 1) {
      const node = [cluster.a, cluster.b].find(({ sessions }) => sessions.size > 0)!;
      await eventually(() => isWatched(node, 'ann'));
      node.end(node.sessionOf('ann'), 'worker died');
      if (ends < 4) await ann.client.next('move', ({ reason }) => reason === 'worker died');
    }
    expect(await ann.client.next('room-left')).toMatchObject({ roomName, userId: 'ann' });
    expect(await ann.client.next('error')).toMatchObject({ code: 'UNAVAILABLE', roomName });
    ann.client.send({ type: 'publish-offer', roomName, offer: 'once more' });
    await ann.client.next('publish-answer');
  });

  test('a watch that breaks for a moment is taken up again', async () => {
    const ann = await publisher('ann');
    const session = ann.node.sessionOf('ann');
    session.watch?.end(new SluiceError('UNAVAILABLE', 'for a moment'));
    session.watch = undefined;
    await eventually(() => isWatched(ann.node, 'ann'));
    ann.node.tell('ann', { $case: 'move', value: { reason: 'later', deadlineMs: 1 } });
    expect(await ann.client.next('move')).toMatchObject({ reason: 'later' });
  });

  test('a node that is full or draining is left for another; when none is left, the client hears why', async () => {
    cluster.a.failures.set('openSession', new SluiceError('NODE_DRAINING', 'draining'));
    const ann = await publisher('ann');
    expect(ann.node).toBe(cluster.b);
    cluster.b.failures.set('openSession', new SluiceError('CAPACITY_EXHAUSTED', 'full'));
    const bob = await cluster.enter('bob');
    bob.send({ type: 'join-room', roomName, id: 1 });
    expect(await bob.next('error')).toMatchObject({
      id: 1,
      code: expect.stringMatching(/NODE_DRAINING|CAPACITY_EXHAUSTED/) as string,
    });
    expect(cluster.directory.placements.at(-1)?.toSorted()).toEqual(['node-a', 'node-b']);
    cluster.a.failures.clear();
    bob.send({ type: 'join-room', roomName, id: 2 });
    expect(await bob.next('room-joined')).toMatchObject({ id: 2, node: 'node-a' });
  });
});

describe('facts and directories that go', () => {
  test('a client that says goodbye while it joins leaves no session behind', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const node of [cluster.a, cluster.b]) node.gates.set('openSession', gate);
    const ann = await cluster.enter('ann');
    ann.send({ type: 'join-room', roomName });
    const calls = () => [...cluster.a.calls, ...cluster.b.calls];
    await eventually(() => (calls().includes('openSession ann') ? undefined : 'not opened yet'));
    await ann.leave();
    open();
    await eventually(() => (calls().includes('closeSession left') ? undefined : 'not closed yet'));
    expect(cluster.a.sessions.size + cluster.b.sessions.size).toBe(0);
  });

  test('what no fact told is read from the directory', async () => {
    const ann = await publisher('ann');
    const node = cluster.a;
    // A stream that came, and a session that went, without a fact.
    const session = ann.node.sessionOf('ann');
    const quiet = { ...session.ref, sessionId: 'quiet', participant: 'quiet', username: 'Quiet' };
    node.sessions.set('quiet', {
      ref: quiet,
      replacesSessionId: undefined,
      publications: new Set(['screen']),
      subscriptions: new Set(),
      watch: undefined,
    });
    expect(await ann.client.next('user-joined')).toMatchObject({ user: { userId: 'quiet' } });
    expect(await ann.client.next('new-publisher')).toMatchObject({ publisherId: 'quiet' });
    node.sessions.delete('quiet');
    await eventually(
      () => (ann.client.count('user-left') === 1 ? undefined : 'still there'),
      25_000,
    );
    expect(ann.client.count('publisher-left')).toBe(1);
    expect(ann.client.count('user-joined')).toBe(1);
  });

  test('without NATS the known rooms work, and facts flow again when it is back', async () => {
    const ann = await publisher('ann');
    const stopped = cluster.nats.process;
    stopped.kill('SIGSTOP');
    ann.client.send({ type: 'publish-offer', roomName, offer: 'more', purpose: 'screen' });
    expect((await ann.client.next('publish-answer')).purpose).toBe('screen');
    const bob = await publisher('bob');
    expect(await bob.client.next('new-publisher')).toMatchObject({ publisherId: 'ann' });
    stopped.kill('SIGCONT');
    await cluster.nats.restart();
    await eventually(async () => {
      const metrics = await (await fetch(`${cluster.gateway.admin}/metrics`)).text();
      return metrics.includes('sluice_gateway_nats_connected 1') && cluster.bus.connected
        ? undefined
        : 'not connected';
    });
    const eve = await publisher('eve');
    await ann.client.next('new-publisher', ({ publisherId }) => publisherId === 'eve');
    await Promise.all([ann, bob, eve].map(({ client }) => client.leave()));
  });

  test('without a directory a join fails as UNAVAILABLE and who is in a room stays in it', async () => {
    const ann = await publisher('ann');
    await cluster.directory.stop();
    const bob = await cluster.enter('bob');
    bob.send({ type: 'join-room', roomName, id: 1 });
    expect(await bob.next('error')).toMatchObject({ id: 1, code: 'UNAVAILABLE' });
    ann.client.send({ type: 'publish-offer', roomName, offer: 'more' });
    await ann.client.next('publish-answer');
    expect(ann.client.count('user-left') + ann.client.count('publisher-left')).toBe(0);
    const rows = await fetch(`${cluster.gateway.http}/api/v1/nodes`);
    expect(rows.status).toBe(401);
  });
});
