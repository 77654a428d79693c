import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import { TestClient } from './test-client.fixture.js';

let cluster: FakeCluster;

beforeAll(async () => {
  cluster = await startFakeCluster();
});

afterAll(async () => {
  await cluster.stop();
});

afterEach(() => {
  for (const node of [cluster.a, cluster.b]) {
    node.failures.clear();
    node.gates.clear();
    node.calls.length = 0;
  }
  cluster.directory.failures.clear();
});

const CANDIDATE = 'candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host generation 0';
let rooms = 0;
/** A room that no other test is in. */
function newRoom(): string {
  rooms += 1;
  return `room ${String(rooms)}`;
}

describe('the README client', () => {
  test('publishes without waiting and without joining, and hears of others', async () => {
    const roomName = newRoom();
    const token = await tokens.issue({ subject: '7', name: 'Seven' });
    const first = await TestClient.open(cluster.gateway.ws);
    first.send({ type: 'auth', token });
    first.send({ type: 'publish-offer', roomName, offer: 'o1' });
    first.send({ type: 'publish-ice-candidate', roomName, candidate: CANDIDATE });
    expect((await first.next('publish-answer')).answer).toMatch(/^answer of node-[ab] to o1$/);
    expect(await first.next('publish-ice-candidate')).toEqual({
      type: 'publish-ice-candidate',
      roomName,
      candidate: CANDIDATE,
    });
    expect(first.received[0]).toMatchObject({
      type: 'authenticated',
      userId: 7,
      user_id: 7,
      username: 'Seven',
      iceServers: [],
    });

    const second = await cluster.enter('8');
    second.send({ type: 'publish-offer', roomName, offer: 'o2' });
    expect(await second.next('new-publisher')).toMatchObject({
      roomName,
      publisherId: 7,
      username: 'Seven',
      purpose: 'm.usermedia',
      tracks: [{ trackId: 'audio' }, { trackId: 'video' }],
    });
    expect(await first.next('new-publisher')).toMatchObject({ roomName, publisherId: 8 });

    second.send({ type: 'subscribe-request', roomName, publisherId: 7 });
    const { offer, publisherId } = await second.next('subscribe-offer');
    expect(publisherId).toBe(7);
    second.send({ type: 'subscribe-answer', roomName, publisherId: 7, answer: 'yes' });
    const node = offer.includes('node-a') ? cluster.a : cluster.b;
    await eventually(() =>
      node.calls.includes('answerSubscription 7 yes') ? undefined : 'not answered yet',
    );
    await second.leave();
    expect(await first.next('publisher-left')).toMatchObject({ publisherId: 8, roomName });
    expect(await first.next('user-left')).toMatchObject({ userId: 8, roomName });
    await first.leave();
    expect(first.count('error') + second.count('error')).toBe(0);
    expect(first.count('new-publisher')).toBe(1);
    expect(first.count('room-joined')).toBe(0);
  });

  test('may send any object with a token, and be told why it is not let in', async () => {
    const client = await TestClient.open(cluster.gateway.ws);
    client.send({ token: await tokens.issue({ subject: 'ann' }) });
    expect((await client.next('authenticated')).userId).toBe('ann');
    client.send({ type: 'auth', token: 'x', id: 3 });
    expect(await client.next('error')).toEqual({
      type: 'error',
      id: 3,
      code: 'INVALID_STATE',
      message: 'Authentication already completed',
    });
    await client.leave();

    const stranger = await TestClient.open(cluster.gateway.ws);
    stranger.send({ type: 'auth', token: 'hello' });
    expect((await stranger.next('error')).message).toMatch(/^Authentication failed: ./);
    expect((await stranger.ended()).code).toBe(4401);
  });
});

describe('joining and leaving', () => {
  test('who joins is told who is there, and everybody else that it came', async () => {
    const roomName = newRoom();
    const ann = await cluster.enter('ann', { name: 'Ann' });
    ann.send({ type: 'join-room', roomName, password: 'ignored', id: 1 });
    expect(await ann.next('room-joined')).toMatchObject({
      id: 1,
      roomName,
      userId: 'ann',
      participants: [],
      publishers: [],
      node: expect.stringMatching(/^node-[ab]$/) as string,
    });
    ann.send({ type: 'publish-offer', roomName, offer: 'o', purpose: 'screen', id: 2 });
    expect(await ann.next('publish-answer')).toMatchObject({ purpose: 'screen', id: 2 });

    const bob = await cluster.enter('bob', { name: 'Bob' });
    bob.send({ type: 'join-room', roomName });
    const joined = await bob.next('room-joined');
    expect(joined.participants).toEqual([{ userId: 'ann', username: 'Ann' }]);
    expect(joined.publishers).toMatchObject([
      { publisherId: 'ann', username: 'Ann', purpose: 'screen' },
    ]);
    expect(await bob.next('new-publisher')).toMatchObject({ publisherId: 'ann' });
    expect(await ann.next('user-joined')).toMatchObject({
      roomName,
      user: { userId: 'bob', username: 'Bob' },
    });

    ann.send({ type: 'unpublish', roomName, purpose: 'screen', id: 'u' });
    expect(await ann.next('done')).toEqual({ type: 'done', id: 'u', request: 'unpublish' });
    expect(await bob.next('publisher-left')).toMatchObject({ purpose: 'screen' });

    bob.send({ type: 'leave-room', roomName, id: 9 });
    expect(await bob.next('room-left')).toMatchObject({ id: 9, roomName, userId: 'bob' });
    expect(await ann.next('user-left')).toMatchObject({ userId: 'bob' });
    bob.send({ type: 'leave-room', roomName });
    expect(await bob.next('error')).toMatchObject({ message: 'You are not in this room' });
    await Promise.all([ann.leave(), bob.leave()]);
  });

  test('joining twice is answered twice and seen once', async () => {
    const roomName = newRoom();
    const ann = await cluster.enter('ann');
    ann.send({ type: 'join-room', roomName });
    await ann.next('room-joined');
    const bob = await cluster.enter('bob');
    bob.send({ type: 'join-room', roomName, id: 1 });
    bob.send({ type: 'join-room', roomName, id: 2 });
    await bob.next('room-joined', ({ id }) => id === 2);
    await ann.next('user-joined');
    await bob.leave();
    await ann.next('user-left');
    expect(ann.count('user-joined')).toBe(1);
    await ann.leave();
  });

  test('a participant’s rooms are independent of each other', async () => {
    const [one, two] = [newRoom(), newRoom()];
    const ann = await cluster.enter('ann');
    for (const roomName of [one, two]) ann.send({ type: 'publish-offer', roomName, offer: 'o' });
    await ann.next('publish-answer', ({ roomName }) => roomName === one);
    await ann.next('publish-answer', ({ roomName }) => roomName === two);
    ann.send({ type: 'leave-room', roomName: one });
    await ann.next('room-left');
    ann.send({ type: 'publish-offer', roomName: two, offer: 'again' });
    expect((await ann.next('publish-answer')).answer).toContain('again');
    await ann.leave();
  });

  test('a goodbye leaves at once, a vanished client does not', async () => {
    const roomName = newRoom();
    const ann = await cluster.enter('ann');
    ann.send({ type: 'join-room', roomName });
    await ann.next('room-joined');
    const [bob, eve] = [await cluster.enter('bob'), await cluster.enter('eve')];
    for (const client of [bob, eve]) {
      client.send({ type: 'join-room', roomName });
      await client.next('room-joined');
      await ann.next('user-joined');
    }
    eve.vanish();
    await bob.leave();
    expect(await ann.next('user-left')).toMatchObject({ userId: 'bob' });
    const session = [cluster.a, cluster.b]
      .flatMap((node) => [...node.sessions.values()])
      .find(({ ref }) => ref.participant === 'eve' && ref.room === roomName)!;
    await eventually(() => (session.watch ? 'still watched' : undefined));
    expect(ann.count('user-left')).toBe(1);
    cluster.nodeOf(session.ref.routerId.replace('-router', '')).end(session, 'grace time over');
    expect(await ann.next('user-left')).toMatchObject({ userId: 'eve' });
    await ann.leave();
  });
});

describe('subscriptions', () => {
  async function twoInARoom(): Promise<{ roomName: string; ann: TestClient; bob: TestClient }> {
    const roomName = newRoom();
    const [ann, bob] = [await cluster.enter('ann'), await cluster.enter('bob')];
    ann.send({ type: 'publish-offer', roomName, offer: 'o' });
    await ann.next('publish-answer');
    bob.send({ type: 'join-room', roomName });
    await bob.next('new-publisher');
    return { roomName, ann, bob };
  }

  test('layers, ICE restarts, candidates, stats and the end of one reach its node', async () => {
    const { roomName, ann, bob } = await twoInARoom();
    const about = { roomName, publisherId: 'ann' };
    bob.send({ type: 'subscribe-request', ...about, connection: 'all', id: 1 });
    expect(await bob.next('subscribe-offer')).toMatchObject({ connection: 'all', id: 1 });
    bob.send({ type: 'set-layers', ...about, spatial: 2, paused: true, id: 2 });
    await bob.next('done', ({ id }) => id === 2);
    bob.send({ type: 'restart-ice', ...about, id: 3 });
    expect(await bob.next('subscribe-offer', ({ id }) => id === 3)).toMatchObject({
      offer: 'restarted offer',
      connection: 'all',
    });
    bob.send({ type: 'subscribe-ice-candidate', ...about, candidate: CANDIDATE, id: 4 });
    expect(await bob.next('subscribe-ice-candidate')).toMatchObject({ candidate: CANDIDATE });
    bob.send({ type: 'get-stats', roomName, id: 5 });
    expect(await bob.next('stats')).toMatchObject({
      id: 5,
      node: expect.stringMatching(/^node-/) as string,
      subscriptions: [
        {
          publisherId: 'ann',
          purpose: 'm.usermedia',
          path: ['origin', expect.stringMatching(/^node-/) as string],
          tracks: [
            { trackId: 'video', kind: 'video', bitrateBps: 500_000, spatial: 1, loss: 0.25 },
          ],
        },
      ],
    });
    bob.send({ type: 'unsubscribe', ...about, id: 6 });
    await bob.next('done', ({ id }) => id === 6);
    ann.send({ type: 'restart-ice', roomName, id: 7 });
    await ann.next('done', ({ id }) => id === 7);
    const calls = [...cluster.a.calls, ...cluster.b.calls];
    expect(calls).toEqual(
      expect.arrayContaining([
        'setLayers ann 2 undefined true',
        'restartIce subscription',
        'restartIce publicationPurpose',
        `addIceCandidate ${CANDIDATE}`,
        'unsubscribe ann/m.usermedia',
      ]),
    );
    await Promise.all([ann.leave(), bob.leave()]);
  });

  test('errors keep the words by which clients of the original know them', async () => {
    const { roomName, ann, bob } = await twoInARoom();
    const notFound = new SluiceError('NOT_FOUND', 'stream x does not exist');
    for (const node of [cluster.a, cluster.b]) node.failures.set('subscribe', notFound);
    bob.send({ type: 'subscribe-request', roomName, publisherId: 99, id: 'x' });
    expect(await bob.next('error')).toEqual({
      type: 'error',
      id: 'x',
      code: 'NOT_FOUND',
      message: `SFU subscribe request error: Publisher 99 not found in room ${roomName}`,
      roomName,
      publisherId: 99,
      purpose: 'm.usermedia',
    });
    bob.send({ type: 'publish-ice-candidate', roomName, candidate: CANDIDATE });
    expect((await bob.next('error')).message).toMatch(/^Publisher transport not found /);
    bob.send({ type: 'subscribe-request', roomName: 'elsewhere', publisherId: 1 });
    expect((await bob.next('error')).message).toBe('You are not in this room');
    const refused = new SluiceError('INVALID_ARGUMENT', 'no fingerprint');
    for (const node of [cluster.a, cluster.b]) node.failures.set('publish', refused);
    bob.send({ type: 'publish-offer', roomName, offer: 'v=0' });
    expect(await bob.next('error')).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'SFU publish offer error: no fingerprint',
    });
    await Promise.all([ann.leave(), bob.leave()]);
  });

  test('what the session says reaches its client', async () => {
    const { roomName, ann, bob } = await twoInARoom();
    bob.send({ type: 'subscribe-request', roomName, publisherId: 'ann' });
    const { offer } = await bob.next('subscribe-offer');
    const node = cluster.nodeOf(offer.includes('node-a') ? 'node-a' : 'node-b');
    const subscription = {
      stream: { room: roomName, participant: 'ann', purpose: 'm.usermedia' },
      connection: '',
    };
    node.tell('bob', { $case: 'subscriptionOffered', value: { subscription, sdp: 'more' } });
    expect(await bob.next('subscribe-offer')).toEqual({
      type: 'subscribe-offer',
      roomName,
      publisherId: 'ann',
      purpose: 'm.usermedia',
      offer: 'more',
    });
    const refused = { subscription, trackId: 'video', mimeType: 'video/AV1' };
    node.tell('bob', { $case: 'trackRefused', value: refused });
    expect(await bob.next('error')).toMatchObject({
      code: 'CANNOT_CONSUME',
      message: 'the track video is not sent: the answer declines video/AV1',
      publisherId: 'ann',
      trackId: 'video',
      roomName,
    });
    node.tell('bob', { $case: 'move', value: { reason: 'draining', deadlineMs: 5_000 } });
    const { reason, deadlineMs } = await bob.next('move');
    expect(reason).toBe('draining');
    expect(deadlineMs).toBeGreaterThan(0);
    expect(deadlineMs).toBeLessThanOrEqual(5_000);
    ann.send({ type: 'publish-offer', roomName, offer: 'v=0', purpose: 'screen' });
    await bob.next('new-publisher');
    const ended = { subscription, reason: 'worker lost' };
    node.tell('bob', { $case: 'subscriptionEnded', value: ended });
    // Who has it again need not hear that it had ended.
    node.tell('bob', { $case: 'subscriptionOffered', value: { subscription, sdp: 'again' } });
    const screen = { ...subscription, stream: { ...subscription.stream, purpose: 'screen' } };
    const failed = { subscription: screen, reason: 'relay failed' };
    node.tell('bob', { $case: 'subscriptionEnded', value: failed });
    expect(await bob.next('error')).toMatchObject({
      message: 'subscription ended: relay failed',
      publisherId: 'ann',
      purpose: 'screen',
      roomName,
    });
    const speakers = [
      { participant: 'ann', volume: -20 },
      { participant: '12', volume: -50 },
    ];
    node.publishFact(roomName, { $case: 'speakersChanged', value: { room: roomName, speakers } });
    expect(await bob.next('active-speakers')).toEqual({
      type: 'active-speakers',
      roomName,
      speakers: [
        { userId: 'ann', volume: -20 },
        { userId: 12, volume: -50 },
      ],
    });
    await Promise.all([ann.leave(), bob.leave()]);
  });

  test('a slow subscription holds up neither the others nor later requests', async () => {
    const { roomName, ann, bob } = await twoInARoom();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const node of [cluster.a, cluster.b]) node.gates.set('subscribe', gate);
    bob.send({ type: 'subscribe-request', roomName, publisherId: 'ann', id: 'slow' });
    bob.send({
      type: 'subscribe-answer',
      roomName,
      publisherId: 'ann',
      answer: 'after',
      id: 'next',
    });
    bob.send({ type: 'publish-offer', roomName, offer: 'mine', id: 'other' });
    expect((await bob.next('publish-answer')).id).toBe('other');
    expect(bob.count('done')).toBe(0);
    open();
    await bob.next('subscribe-offer');
    await bob.next('done', ({ id }) => id === 'next');
    await Promise.all([ann.leave(), bob.leave()]);
  });
});

describe('messages between peers', () => {
  test('reach their target on another gateway, with who sent them, and nobody else', async () => {
    const roomName = newRoom();
    const other = await cluster.addGateway();
    const ann = await cluster.enter('5', { name: 'Ann' });
    const bob = await TestClient.enter(other.ws, await tokens.issue({ subject: 'bob' }));
    const eve = await cluster.enter('eve');
    for (const client of [ann, bob, eve]) {
      client.send({ type: 'join-room', roomName });
      await client.next('room-joined');
    }
    await ann.next('user-joined', ({ user }) => user.userId === 'bob');
    ann.send({ type: 'offer', roomName, sdp: 'v=0 mine', targetUserId: 'bob', id: 1 });
    await ann.next('done');
    expect(await bob.next('offer')).toEqual({
      type: 'offer',
      roomName,
      fromUserId: 5,
      username: 'Ann',
      sdp: 'v=0 mine',
    });
    bob.send({ type: 'answer', roomName, sdp: 'v=0 yours', targetUserId: 5 });
    expect(await ann.next('answer')).toMatchObject({ fromUserId: 'bob', sdp: 'v=0 yours' });
    const candidate = { candidate: CANDIDATE, sdpMid: '0', sdpMLineIndex: 0 };
    bob.send({ type: 'ice-candidate', roomName, candidate, sdpMid: '0', targetUserId: '5' });
    expect(await ann.next('ice-candidate')).toMatchObject({ candidate, sdpMid: '0' });
    ann.send({ type: 'offer', roomName, sdp: 'x', targetUserId: 'nobody' });
    expect(await ann.next('error')).toMatchObject({ code: 'NOT_FOUND' });
    expect(eve.count('offer') + eve.count('answer')).toBe(0);
    await Promise.all([ann.leave(), bob.leave(), eve.leave()]);
  });
});

describe('what a token allows', () => {
  test('other rooms, publishing and subscribing without a grant are refused', async () => {
    const roomName = newRoom();
    const guest = { room: roomName, publish: false, subscribe: false };
    const client = await cluster.enter('ann', guest);
    client.send({ type: 'join-room', roomName: 'elsewhere', id: 1 });
    expect(await client.next('error')).toMatchObject({ id: 1, code: 'PERMISSION_DENIED' });
    client.send({ type: 'publish-offer', roomName, offer: 'o', id: 2 });
    expect(await client.next('error')).toMatchObject({ id: 2, code: 'PERMISSION_DENIED' });
    client.send({ type: 'join-room', roomName });
    await client.next('room-joined');
    client.send({ type: 'subscribe-request', roomName, publisherId: 'bob', id: 3 });
    expect(await client.next('error')).toMatchObject({ id: 3, code: 'PERMISSION_DENIED' });
    expect([...cluster.a.calls, ...cluster.b.calls].join()).not.toContain('subscribe');
    await client.leave();
  });

  test('an administrator may do everything everywhere', async () => {
    const roomName = newRoom();
    const admin = { room: 'none', publish: false, subscribe: false, admin: true };
    const client = await cluster.enter('root', admin);
    client.send({ type: 'publish-offer', roomName, offer: 'o' });
    await client.next('publish-answer');
    await client.leave();
  });
});
