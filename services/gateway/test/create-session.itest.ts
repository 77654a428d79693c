import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { problem } from '@sluice/protocol';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';

let open: FakeCluster;
let closed: FakeCluster;
let off: FakeCluster;

beforeAll(async () => {
  [open, closed, off] = await Promise.all([
    startFakeCluster({ SLUICE_ANONYMOUS_DIALECTS: 'sfu-to-sfu' }),
    startFakeCluster(),
    startFakeCluster({ SLUICE_DIALECTS: 'rooms' }),
  ]);
});

afterAll(async () => {
  await Promise.all([open.stop(), closed.stop(), off.stop()]);
});

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
  'access-control-allow-headers':
    'Accept, Content-Type, Content-Length, Accept-Encoding, Authorization,X-CSRF-Token',
  'access-control-expose-headers': 'Authorization',
};

function create(cluster: FakeCluster, body: string, init: RequestInit = {}, query = '') {
  const url = `${cluster.gateway.http}/createSession${query}`;
  return fetch(url, { method: 'POST', body, ...init });
}

async function problemOf(response: Response) {
  expect(Object.fromEntries(response.headers)).toMatchObject(CORS);
  return problem.parse(await response.json());
}

describe('POST /createSession', () => {
  test.each(['application/sdp', 'text/plain', 'application/json', 'application/octet-stream'])(
    'takes an offer of %s and gives the node’s answer',
    async (type) => {
      const response = await create(open, 'v=0 offer', { headers: { 'Content-Type': type } });
      expect(response.status).toBe(200);
      expect(response.headers.get('Content-Type')).toContain('application/sdp');
      expect(Object.fromEntries(response.headers)).toMatchObject(CORS);
      expect(await response.text()).toMatch(/^answer of /);
    },
  );

  test('tells the node who it is and where the token leads', async () => {
    const token = await tokens.issue({ subject: 'anna', room: 'call', publish: true });
    const bearer = { headers: { Authorization: `Bearer ${token}` } };
    expect((await create(closed, 'by header', bearer)).status).toBe(200);
    expect((await create(closed, 'by query', {}, `?access_token=${token}`)).status).toBe(200);
    const calls = [...closed.a.calls, ...closed.b.calls];
    expect(calls).toContain('openDataChannelClient anna in call, valid: by header');
    expect(calls).toContain('openDataChannelClient anna in call, valid: by query');
  });

  test('needs a token unless the operator opened it', async () => {
    const response = await create(closed, 'v=0');
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    const bad = await create(open, 'v=0', { headers: { Authorization: 'Bearer nonsense' } });
    expect(await problemOf(bad)).toMatchObject({ status: 401 });
  });

  test('is bounded and says what is wrong', async () => {
    expect(await problemOf(await create(open, 'x'.repeat(65 * 1_024)))).toMatchObject({
      code: 'TOO_LARGE',
    });
    expect(await problemOf(await create(open, ''))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const got = await fetch(`${open.gateway.http}/createSession`);
    expect(await problemOf(got)).toMatchObject({ status: 405 });
  });

  test('goes to another node when the first is full', async () => {
    open.a.failures.set('openDataChannelClient', new SluiceError('CAPACITY_EXHAUSTED', 'full'));
    try {
      const answers = await Promise.all(
        Array.from({ length: 4 }, async () => (await create(open, 'v=0')).text()),
      );
      expect(new Set(answers)).toEqual(new Set([`answer of ${open.b.nodeId}`]));
    } finally {
      open.a.failures.delete('openDataChannelClient');
    }
  });

  test('lets every page ask beforehand', async () => {
    const response = await fetch(`${open.gateway.http}/createSession`, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject(CORS);
  });

  test('is not there where the dialect is switched off', async () => {
    expect((await create(off, 'v=0')).status).toBe(404);
  });
});
