import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { problem } from '@sluice/protocol';
import type { TokenRequest } from '@sluice/tokens';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import type { GatewayProcess } from './gateway-process.fixture.js';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const ICE_SERVERS = [
  { urls: 'stun:stun.example.net' },
  { urls: ['turn:turn.example.net?transport=udp'], username: 'a"b', credential: 'secret' },
];

let cluster: FakeCluster;
let other: GatewayProcess;

beforeAll(async () => {
  cluster = await startFakeCluster({ SLUICE_ICE_SERVERS: JSON.stringify(ICE_SERVERS) });
  other = await cluster.addGateway({
    SLUICE_ANONYMOUS_DIALECTS: 'whip,whep',
    SLUICE_TRUST_PROXY: '1',
  });
});

afterAll(() => cluster.stop());

afterEach(() => {
  for (const node of [cluster.a, cluster.b]) {
    node.failures.clear();
    for (const session of [...node.sessions.values()]) node.end(session, 'test over');
  }
});

const tokenOf = (subject: string, request: Partial<TokenRequest> = {}) =>
  tokens.issue({ subject, room: 'studio', ...request });

interface Asking {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly type?: string;
  readonly body?: string;
  readonly ifMatch?: string;
  readonly gateway?: GatewayProcess;
  readonly prefix?: string;
}

function ask(path: string, asking: Asking = {}): Promise<Response> {
  const { method = 'POST', token, type, body, ifMatch, gateway = cluster.gateway, prefix } = asking;
  return fetch(`${gateway.http}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(type !== undefined && { 'Content-Type': type }),
      ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
      ...(prefix !== undefined && { 'X-Forwarded-Prefix': prefix }),
    },
    ...(body !== undefined && { body }),
  });
}

const offer = (path: string, token: string | undefined, more: Asking = {}) =>
  ask(path, { token, type: SDP, body: 'an offer', ...more });

async function problemOf(response: Response) {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
  return problem.parse(await response.json());
}

const locationOf = (response: Response) => response.headers.get('Location') ?? '';

describe('a session', () => {
  test('is made by a POST, seen by others, and ended by any gateway', async () => {
    const token = await tokenOf('encoder');
    const watching = await cluster.enter('ann');
    watching.send({ type: 'join-room', roomName: 'studio' });
    await watching.next('room-joined');
    const made = await offer('/whip/studio/encoder', token);
    expect(made.status).toBe(201);
    expect(made.headers.get('Content-Type')).toMatch(/^application\/sdp/);
    const answer = await made.text();
    expect(answer).toMatch(/^answer of node-[ab] to an offer$/);
    expect(made.headers.get('Content-Length')).toBe(String(answer.length));
    expect(made.headers.get('ETag')).toMatch(/^"[^"]*"$/);
    expect(made.headers.get('Accept-Patch')).toBe(FRAGMENT);
    expect(made.headers.get('Link')).toBe(
      '<stun:stun.example.net>; rel="ice-server", ' +
        '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="a\\"b"; ' +
        'credential="secret"; credential-type="password"',
    );
    expect(locationOf(made)).toMatch(/^\/whip-sessions\/[\w.-]+$/);
    await watching.next('new-publisher', ({ publisherId }) => publisherId === 'encoder');
    const ended = await ask(locationOf(made), { method: 'DELETE', token, gateway: other });
    expect(ended.status).toBe(200);
    expect(ended.headers.get('Content-Length')).toBe('0');
    await watching.next('publisher-left', ({ publisherId }) => publisherId === 'encoder');
    await watching.leave();
  });

  test('under a path is where its client finds it, if a trusted proxy says so', async () => {
    const token = await tokenOf('encoder');
    const make = async (gateway: GatewayProcess) =>
      locationOf(await offer('/whip/studio/encoder', token, { gateway, prefix: '/sluice' }));
    expect(await make(other)).toMatch(/^\/sluice\/whip-sessions\/[\w.-]+$/);
    expect(await make(cluster.gateway)).toMatch(/^\/whip-sessions\//);
  });

  test('that plays answers an offer, or offers to who sends none', async () => {
    const token = await tokenOf('viewer');
    const answered = await offer('/whep/studio/encoder/screen', token);
    expect(answered.status).toBe(201);
    expect(answered.headers.get('ETag')).toBe('"first"');
    const offered = await ask('/whep/studio/encoder', { token });
    expect(offered.status).toBe(201);
    expect(await offered.text()).toMatch(/^offer of node-[ab] for encoder$/);
    expect(offered.headers.get('Accept-Patch')).toBe(`${FRAGMENT}, ${SDP}`);
    const taken = await ask(locationOf(offered), {
      method: 'PATCH',
      token,
      type: SDP,
      body: 'an answer',
      gateway: other,
    });
    expect(taken.status).toBe(204);
    expect([...cluster.a.calls, ...cluster.b.calls]).toContain(
      'answerSubscription encoder an answer',
    );
  });

  test('takes trickled candidates and ICE restarts under the conditions of its tag', async () => {
    const token = await tokenOf('viewer');
    const made = await offer('/whep/studio/encoder', token);
    const patch = (body: string, more: Asking = {}) =>
      ask(locationOf(made), { method: 'PATCH', token, type: FRAGMENT, body, ...more });
    expect((await patch('a candidate', { ifMatch: '"first"' })).status).toBe(204);
    expect((await patch('a candidate', { ifMatch: '*', gateway: other })).status).toBe(204);
    const restarted = await patch('restart', { ifMatch: '"*"' });
    expect(restarted.status).toBe(200);
    expect(restarted.headers.get('ETag')).toBe('"second"');
    expect(restarted.headers.get('Content-Type')).toMatch(FRAGMENT);
    expect(await restarted.text()).toBe('a=ice-ufrag:second');
    for (const ifMatch of ['"other"', 'W/"first"', 'first', '"first", "other"']) {
      expect(await problemOf(await patch('x', { ifMatch }))).toMatchObject({ status: 412 });
    }
    expect(await problemOf(await patch('x'))).toMatchObject({ status: 428 });
    const wrong = await patch('{}', { type: 'application/json', ifMatch: '*' });
    expect(wrong.headers.get('Accept-Patch')).toBe(`${FRAGMENT}, ${SDP}`);
    expect(await problemOf(wrong)).toMatchObject({ status: 415 });
    for (const node of [cluster.a, cluster.b]) {
      node.failures.set('updateIce', new SluiceError('INVALID_STATE', 'two PeerConnections'));
    }
    expect(await problemOf(await patch('x', { ifMatch: '*' }))).toMatchObject({ status: 422 });
  });

  test('is nobody else’s', async () => {
    const made = await offer('/whip/studio/encoder', await tokenOf('encoder'));
    const location = locationOf(made);
    const patch = { method: 'PATCH', type: FRAGMENT, body: 'x', ifMatch: '*' };
    const strangers = [
      [await tokenOf('mallory'), 403],
      [await tokenOf('encoder', { room: 'elsewhere' }), 403],
      [await tokenOf('encoder', { publish: false }), 403],
      ['nonsense', 401],
      [undefined, 401],
    ] as const;
    for (const [token, status] of strangers) {
      expect(await problemOf(await ask(location, { ...patch, token }))).toMatchObject({ status });
      const ending = await ask(location, { method: 'DELETE', token });
      expect(await problemOf(ending)).toMatchObject({ status });
    }
    const token = await tokenOf('encoder');
    const [, resource = ''] = /sessions\/(.*)$/.exec(location) ?? [];
    const changed = resource.slice(0, -2) + (resource.endsWith('AA') ? 'BB' : 'AA');
    for (const guess of [
      `/whip-sessions/${changed}`,
      '/whip-sessions/x',
      `/whep-sessions/${resource}`,
    ]) {
      const answered = await ask(guess, { ...patch, token });
      expect(await problemOf(answered)).toMatchObject({ status: 404 });
    }
    expect((await ask(location, { ...patch, token })).status).toBe(204);
  });

  test('is gone with its PeerConnection', async () => {
    const token = await tokenOf('encoder');
    const made = await offer('/whip/studio/encoder', token);
    for (const node of [cluster.a, cluster.b]) {
      for (const session of [...node.sessions.values()]) node.end(session, 'connection over');
    }
    const answered = await ask(locationOf(made), {
      method: 'PATCH',
      token,
      type: FRAGMENT,
      body: 'x',
      ifMatch: '*',
    });
    expect(await problemOf(answered)).toMatchObject({ status: 404 });
  });

  test('needs no token where the dialect is open, and then belongs to who knows its name', async () => {
    const made = await offer('/whip/studio/anybody', undefined, { gateway: other });
    expect(made.status).toBe(201);
    const token = await tokenOf('anybody');
    const taken = await ask(locationOf(made), { method: 'DELETE', token, gateway: other });
    expect(taken.status).toBe(403);
    const ended = await ask(locationOf(made), { method: 'DELETE', gateway: other });
    expect(ended.status).toBe(200);
  });
});

describe('what is refused', () => {
  test.each([
    ['without a token', '/whip/studio/encoder', undefined, 401],
    ['for another room', '/whip/elsewhere/encoder', {}, 403],
    ['as another participant', '/whip/studio/somebody', {}, 403],
    ['without the grant to publish', '/whip/studio/encoder', { publish: false }, 403],
    ['without the grant to subscribe', '/whep/studio/encoder', { subscribe: false }, 403],
    ['with a name that is too long', `/whip/studio/${'x'.repeat(129)}`, {}, 400],
    ['with a name that is no text', '/whip/studio/%00', {}, 400],
    ['with a broken escape', '/whip/studio/%zz', {}, 400],
  ])('a session %s', async (_what, path, request, status) => {
    const token = request && (await tokenOf('encoder', request));
    expect(await problemOf(await offer(path, token))).toMatchObject({ status });
  });

  test('an offer that is none, or too large', async () => {
    const token = await tokenOf('encoder');
    const post = (more: Asking) => ask('/whip/studio/encoder', { token, ...more });
    expect(await problemOf(await post({ type: 'text/plain', body: 'v=0' }))).toMatchObject({
      status: 415,
    });
    expect(await problemOf(await post({}))).toMatchObject({ status: 415 });
    const huge = await post({ type: SDP, body: 'v'.repeat(65 * 1024) });
    expect(await problemOf(huge)).toMatchObject({ status: 413 });
  });

  test('other methods', async () => {
    const token = await tokenOf('encoder');
    for (const path of ['/whip/studio/encoder', '/whep/studio/encoder', '/whip-sessions/x']) {
      for (const method of ['GET', 'PUT']) {
        const response = await ask(path, { method, token });
        expect(await problemOf(response)).toMatchObject({ status: 405 });
        expect(response.headers.get('Allow')).toMatch(/OPTIONS/);
      }
      expect((await ask(path, { method: 'HEAD', token })).status).toBe(405);
    }
  });

  test('a name in use, and a stream that nobody publishes', async () => {
    const token = await tokenOf('encoder');
    for (const node of [cluster.a, cluster.b]) {
      node.failures.set('publish', new SluiceError('ALREADY_EXISTS', 'the name is in use'));
      node.failures.set('subscribeByOffer', new SluiceError('NOT_FOUND', 'no such stream'));
    }
    expect(await problemOf(await offer('/whip/studio/encoder', token))).toMatchObject({
      status: 409,
      code: 'ALREADY_EXISTS',
    });
    const missing = await offer('/whep/studio/encoder', token);
    expect(missing.headers.get('Retry-After')).toBe('2');
    expect(await problemOf(missing)).toMatchObject({ status: 409, code: 'NOT_FOUND' });
    // Nothing is left of either.
    for (const node of [cluster.a, cluster.b]) {
      await expect.poll(() => node.sessions.size).toBe(0);
    }
  });
});

test('a player whose offer takes nothing of the stream is made an offer instead', async () => {
  const token = await tokenOf('player');
  for (const node of [cluster.a, cluster.b]) {
    node.failures.set('subscribeByOffer', new SluiceError('CANNOT_CONSUME', 'no codec in common'));
  }
  const countered = await offer('/whep/studio/encoder', token);
  expect(countered.status).toBe(406);
  expect(countered.headers.get('Content-Type')).toMatch(/^application\/sdp/);
  expect(countered.headers.get('Link')).toContain('rel="ice-server"');
  expect(await countered.text()).toMatch(/^offer of node-[ab] for encoder$/);
  const resource = locationOf(countered);
  const answered = await ask(resource, { method: 'PATCH', token, type: SDP, body: 'an answer' });
  expect(answered.status).toBe(204);
  expect((await ask(resource, { method: 'DELETE', token })).status).toBe(200);
});

test('what a host ends is not there any more, and its client may come again', async () => {
  const token = await tokenOf('encoder');
  const hosts = await tokenOf('hanna', { host: true });
  const made = await offer('/whip/studio/encoder', token);
  const removal = await ask('/api/v1/rooms/studio/participants/encoder', {
    method: 'DELETE',
    token: hosts,
  });
  expect(removal.status).toBe(204);
  const patched = await ask(locationOf(made), {
    method: 'PATCH',
    token,
    type: FRAGMENT,
    ifMatch: '*',
    body: 'a=end-of-candidates',
  });
  expect(await problemOf(patched)).toMatchObject({ status: 404 });
  expect((await offer('/whip/studio/encoder', token)).status).toBe(201);
});

test('pages of any origin may ask beforehand', async () => {
  const endpoint = await ask('/whip/studio/encoder', { method: 'OPTIONS' });
  expect(endpoint.status).toBe(200);
  expect(endpoint.headers.get('Accept-Post')).toBe(SDP);
  expect(endpoint.headers.get('Access-Control-Allow-Origin')).toBe('*');
  expect(endpoint.headers.get('Access-Control-Allow-Methods')).toBe('POST, OPTIONS');
  const resource = await ask('/whep-sessions/x', { method: 'OPTIONS' });
  expect(resource.headers.get('Access-Control-Allow-Methods')).toBe('PATCH, DELETE, OPTIONS');
  expect(resource.headers.get('Access-Control-Allow-Headers')).toContain('If-Match');
  expect(resource.headers.get('Access-Control-Expose-Headers')).toContain('Location');
});

test('whatever comes is answered with a reason, and hurts nobody', async () => {
  const token = await tokenOf('encoder');
  const made = await offer('/whip/studio/encoder', token);
  const random = seeded(7);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const junk = () =>
    String.fromCharCode(...Array.from({ length: 40 }, () => 33 + Math.floor(random() * 90)));
  const paths = [
    () => '/whip/studio/encoder',
    () => '/whep/studio/encoder/screen',
    () => locationOf(made),
    () => `/whip-sessions/${encodeURIComponent(junk())}`,
    () => `/whep/${encodeURIComponent(junk())}/x`,
    () => `/whip/studio/${'%2e'.repeat(1 + Math.floor(random() * 3))}`,
  ];
  for (let round = 0; round < 150; round += 1) {
    const response = await ask(pick(paths)(), {
      method: pick(['POST', 'PATCH', 'PUT']),
      token: pick([token, junk(), `${token}x`, undefined]),
      type: pick([SDP, FRAGMENT, 'text/plain', 'application/sdp; charset=x', ';;']),
      ifMatch: pick(['*', '"first"', junk()]),
      body: pick([junk(), 'v=0', '', 'x'.repeat(70_000)]),
    });
    expect(response.status).toBeLessThan(500);
    if (response.status >= 400) await problemOf(response);
    else await response.arrayBuffer();
  }
  expect((await ask(locationOf(made), { method: 'DELETE', token })).status).toBe(200);
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
