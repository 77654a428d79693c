import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { problem, sessionResponse } from '@sluice/protocol';
import type { TokenRequest } from '@sluice/tokens';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';

let cluster: FakeCluster;

beforeAll(async () => {
  cluster = await startFakeCluster();
});

afterAll(() => cluster.stop());

afterEach(() => {
  for (const node of [cluster.a, cluster.b]) {
    node.calls.length = 0;
    for (const session of [...node.sessions.values()]) node.end(session, 'test over');
  }
});

async function ask(
  method: string,
  path: string,
  who: Partial<TokenRequest> | undefined,
  body?: unknown,
): Promise<Response> {
  const token = who && (await tokens.issue({ subject: 'hanna', room: 'blue', ...who }));
  return fetch(`${cluster.gateway.http}/api/v1/rooms/${path}`, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const HOST = { host: true };
const calls = () => [...cluster.a.calls, ...cluster.b.calls];

const inside = () =>
  [...cluster.a.sessions.values(), ...cluster.b.sessions.values()].map(
    ({ ref }) => ref.participant,
  );

/** Somebody in the room blue who publishes. */
async function enters(subject: string) {
  const client = await cluster.enter(subject);
  client.send({ type: 'join-room', roomName: 'blue' });
  await client.next('room-joined');
  client.send({ type: 'publish-offer', roomName: 'blue', offer: 'v=0' });
  await client.next('publish-answer');
  return client;
}

describe('a host', () => {
  test('mutes what somebody publishes, and no longer', async () => {
    const ann = await enters('ann');
    const path = 'blue/participants/ann/mute';
    expect((await ask('POST', path, HOST, { kind: 'audio' })).status).toBe(204);
    expect((await ask('POST', path, HOST, { muted: false })).status).toBe(204);
    expect(calls()).toEqual(
      expect.arrayContaining(['setMuted m.usermedia 1 true', 'setMuted m.usermedia 0 false']),
    );
    expect((await ask('POST', path, HOST, { purpose: 'screen' })).status).toBe(404);
    await ann.leave();
  });

  test('removes somebody, who is not brought back', async () => {
    const [ann, ben] = [await enters('ann'), await enters('ben')];
    expect((await ask('DELETE', 'blue/participants/ann', HOST)).status).toBe(204);
    expect(await ann.next('error')).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: 'removed by the host',
    });
    expect(await ann.next('room-left')).toMatchObject({ roomName: 'blue' });
    await ben.next('user-left', ({ user }) => user.userId === 'ann');
    expect(cluster.directory.updates).toContain('blue undefined ann');
    expect(ann.count('move')).toBe(0);
    expect((await ask('DELETE', 'blue/participants/nobody', HOST)).status).toBe(404);
    await Promise.all([ann.leave(), ben.leave()]);
  });

  test('removes as whom somebody watches, unless the connection is shown as others too', async () => {
    const has = (connectionId: string, participant: string, present: boolean) => {
      const sessionId = `${connectionId}-${participant}`;
      const routerId = cluster.a.router.routerId;
      const who = { room: 'blue', participant, username: participant, connectionId };
      const ref = { ...who, sessionId, routerId, present, attached: true };
      cluster.a.sessions.set(sessionId, {
        ref,
        replacesSessionId: undefined,
        publications: new Set(),
        subscriptions: new Set(),
        watch: undefined,
      });
      return sessionId;
    };
    has('one', 'ann', true);
    has('one', 'watcher-1', false);
    has('two', 'ben', true);
    const left = [has('two', 'cora', true), has('two', 'watcher-2', false)];
    expect((await ask('DELETE', 'blue/participants/ann', HOST)).status).toBe(204);
    expect((await ask('DELETE', 'blue/participants/ben', HOST)).status).toBe(204);
    expect([...cluster.a.sessions.keys()]).toEqual(left);
    expect(cluster.directory.updates).toContain('blue undefined watcher-1');
    expect(cluster.directory.updates).not.toContain('blue undefined watcher-2');
  });

  test('locks the room, and opens it again', async () => {
    expect((await ask('POST', 'blue/lock', HOST)).status).toBe(204);
    expect((await ask('POST', 'blue/lock', HOST, { locked: false })).status).toBe(204);
    expect(cluster.directory.updates).toEqual(
      expect.arrayContaining(['blue true undefined', 'blue false undefined']),
    );
  });

  test('ends the room for all', async () => {
    const [ann, ben] = [await enters('ann'), await enters('ben')];
    expect((await ask('DELETE', 'blue', HOST)).status).toBe(204);
    await Promise.all([ann.next('room-left'), ben.next('room-left')]);
    expect(cluster.a.sessions.size + cluster.b.sessions.size).toBe(0);
    await Promise.all([ann.leave(), ben.leave()]);
  });

  test.each([
    [
      '/pion',
      'ann',
      JSON.stringify({ event: 'joinRoom', data: { self_id: 'a', room_id: 'blue' } }),
    ],
    ['/wsb?room=blue', 'umbrella-ann', undefined],
  ])(
    'ends what a client of %s has, which is told not to come back by itself',
    async (path, participant, join) => {
      const token = await tokens.issue({ subject: 'ann' });
      for (const [target, reason] of [
        [`blue/participants/${participant}`, 'removed by the host'],
        ['blue', 'the host ended the room'],
      ] as const) {
        const url = new URL(path, cluster.gateway.ws);
        url.searchParams.set('token', token);
        const socket = new WebSocket(url);
        await once(socket, 'open');
        if (join !== undefined) socket.send(join);
        await eventually(() => (inside().includes(participant) ? undefined : 'not inside'));
        const closed = once(socket, 'close') as Promise<[CloseEvent]>;
        expect((await ask('DELETE', target, HOST)).status).toBe(204);
        const [{ code, reason: said }] = await closed;
        expect({ code, said }).toEqual({ code: 4403, said: reason });
      }
    },
  );

  test('of several rooms on one socket of Pion_SFU ends its own', async () => {
    const url = new URL('/pion', cluster.gateway.ws);
    url.searchParams.set('token', await tokens.issue({ subject: 'ann' }));
    const socket = new WebSocket(url);
    const events: string[] = [];
    socket.addEventListener('message', ({ data }) => events.push(String(data)));
    await once(socket, 'open');
    for (const room of ['blue', 'red']) {
      socket.send(JSON.stringify({ event: 'joinRoom', data: { self_id: 'a', room_id: room } }));
    }
    await eventually(() => (inside().length === 2 ? undefined : inside().join()));
    expect((await ask('DELETE', 'blue/participants/ann', HOST)).status).toBe(204);
    await eventually(() =>
      events.join().includes('removed by the host') ? undefined : 'not told',
    );
    expect(events.join()).toContain('PERMISSION_DENIED');
    expect([socket.readyState, inside()]).toEqual([WebSocket.OPEN, ['ann']]);
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  });

  test.each([
    ['without the grant', {}, 403],
    ['of another room', { ...HOST, room: 'red' }, 403],
    ['without a token', undefined, 401],
  ])('%s may nothing', async (_what, who, status) => {
    for (const [method, path] of [
      ['POST', 'blue/participants/ann/mute'],
      ['DELETE', 'blue/participants/ann'],
      ['DELETE', 'blue'],
      ['POST', 'blue/lock'],
    ] as const) {
      const answered = await ask(method, path, who);
      expect(problem.parse(await answered.json())).toMatchObject({ status });
    }
  });
});

describe('a session whose first offer the server makes', () => {
  test('has all streams of the room in one offer, and is completed by who has its name', async () => {
    const [ann, ben] = [await enters('ann'), await enters('ben')];
    const made = await ask('POST', 'blue/sessions', {});
    expect(made.status).toBe(201);
    const { session, offer } = sessionResponse.parse(await made.json());
    expect(offer).toMatch(/^offer of node-[ab] for (ann|ben)$/);
    expect(made.headers.get('Location')).toBe(`/api/v1/rooms/blue/sessions/${session}`);
    expect(calls()).toEqual(
      expect.arrayContaining(['subscribe ann/m.usermedia', 'subscribe ben/m.usermedia']),
    );
    await ben.next('user-joined', ({ user }) => user.userId === 'hanna');
    const path = `blue/sessions/${session}`;
    const answered = await ask('PUT', `${path}/answer`, undefined, { answer: 'an answer' });
    expect(answered.status).toBe(204);
    expect(calls()).toContain('answerSubscription  an answer');
    expect((await ask('DELETE', path, undefined)).status).toBe(204);
    await ben.next('user-left', ({ user }) => user.userId === 'hanna');
    await Promise.all([ann.leave(), ben.leave()]);
  });

  test('has the streams that were named', async () => {
    const [ann, ben] = [await enters('ann'), await enters('ben')];
    await ask('POST', 'blue/sessions', {}, { streams: [{ participant: 'ben' }] });
    expect(calls().filter((call) => call.startsWith('subscribe'))).toEqual([
      'subscribe ben/m.usermedia',
    ]);
    await Promise.all([ann.leave(), ben.leave()]);
  });

  test('is offered to who comes first, too', async () => {
    const made = await ask('POST', 'blue/sessions', {});
    expect(made.status).toBe(201);
    const { session, offer } = sessionResponse.parse(await made.json());
    expect(offer).toMatch(/^offer of node-[ab] for nobody$/);
    expect(inside()).toEqual(['hanna']);
    const path = `blue/sessions/${session}`;
    const answered = await ask('PUT', `${path}/answer`, undefined, { answer: 'an answer' });
    expect(answered.status).toBe(204);
    expect((await ask('DELETE', path, undefined)).status).toBe(204);
  });

  test('is refused where nothing is allowed', async () => {
    const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;
    expect(await statusOf('POST', 'red/sessions', {})).toBe(403);
    expect(await statusOf('POST', 'blue/sessions', { subscribe: false })).toBe(403);
    expect(await statusOf('POST', 'blue/sessions', undefined)).toBe(401);
    expect(await statusOf('POST', 'blue/sessions', {}, { streams: [] })).toBe(400);
    expect(await statusOf('GET', 'blue/sessions', {})).toBe(405);
    const guess = 'blue/sessions/guess';
    expect(await statusOf('PUT', `${guess}/answer`, undefined, { answer: 'x' })).toBe(404);
    expect(await statusOf('DELETE', guess, undefined)).toBe(404);
  });
});
