import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { nodeRow, problem, relayRow, streamRow } from '@sluice/protocol';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';

let cluster: FakeCluster;
let folder: string;
let administrator: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-console-'));
  mkdirSync(join(folder, 'console/assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'console/index.html'), '<title>console</title>');
  writeFileSync(join(folder, 'console/.hidden'), 'hidden');
  writeFileSync(join(folder, 'console/assets/app-1a2b.js'), 'export {};');
  cluster = await startFakeCluster({ SLUICE_CONSOLE_FOLDER: join(folder, 'console') });
  administrator = bearer(await tokens.issue({ subject: 'root', admin: true }));
});

afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

function at(path: string, init?: RequestInit, http = cluster.gateway.http): Promise<Response> {
  return fetch(`${http}${path}`, init);
}

function post(body: unknown, headers: Record<string, string> = administrator): Promise<Response> {
  return at('/api/v1/tokens', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Checks that an answer is problem details, and returns them. */
async function problemOf(response: Response) {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
  const details = problem.parse(await response.json());
  expect(details.status).toBe(response.status);
  return details;
}

/** Sends a path as it is, which fetch would tidy up. */
function statusOfRawPath(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(cluster.gateway.http);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('tokens', () => {
  test('an administrator gets what it asks for', async () => {
    const response = await post({
      subject: '42',
      name: 'Ann',
      room: 'blue',
      publish: true,
      subscribe: false,
      host: true,
      ttlSeconds: 60,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const { token } = (await response.json()) as { token: string };
    expect(await tokens.verify(token)).toMatchObject({
      subject: '42',
      name: 'Ann',
      room: 'blue',
      grants: { publish: true, subscribe: false, host: true, admin: false },
    });
  });

  test('all but the subject is optional, and administrators are made on purpose only', async () => {
    const { token } = (await (await post({ subject: 'ann' })).json()) as { token: string };
    expect(await tokens.verify(token)).toMatchObject({ room: '*', grants: { admin: false } });
    const answer = await post({ subject: 'ann', room: '*', admin: true });
    const admin = (await answer.json()) as { token: string };
    expect((await tokens.verify(admin.token)).grants.admin).toBe(true);
  });

  test('nobody else gets any', async () => {
    const guest = bearer(await tokens.issue({ subject: 'ann', host: true }));
    expect(await problemOf(await post({ subject: 'x' }, guest))).toMatchObject({
      status: 403,
      code: 'PERMISSION_DENIED',
    });
    for (const headers of [{}, bearer('nonsense'), { Authorization: 'Basic cm9vdDpyb290' }]) {
      const response = await post({ subject: 'x' }, headers);
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
      expect(await problemOf(response)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
  });

  test.each([
    ['no JSON', '{', 'the body is not JSON'],
    ['no subject', {}, 'malformed: subject'],
    ['a wrong type', { subject: 7 }, 'malformed: subject'],
    ['an unknown field', { subject: 'a', grants: {} }, 'malformed: unknown fields'],
    ['a life too long', { subject: 'a', ttlSeconds: 1e9 }, 'malformed: ttlSeconds'],
    ['a life that is over', { subject: 'a', ttlSeconds: 0 }, 'malformed: ttlSeconds'],
    [
      'several mistakes',
      { subject: '', room: '', publish: 1 },
      'malformed: subject, room, publish',
    ],
    ['an array', [], 'malformed: unknown fields'],
  ])('a body with %s is refused, saying where', async (_case, body, detail) => {
    expect(await problemOf(await post(body))).toMatchObject({
      status: 400,
      code: 'INVALID_ARGUMENT',
      detail,
    });
  });

  test('a body of another type, or too large, is refused', async () => {
    const text = await post('{"subject":"a"}', { ...administrator, 'Content-Type': 'text/plain' });
    expect(await problemOf(text)).toMatchObject({ status: 400 });
    const large = await post({ subject: 'a', name: 'x'.repeat(70_000) });
    expect(await problemOf(large)).toMatchObject({ status: 413, code: 'TOO_LARGE' });
  });
});

describe('what is there', () => {
  test('streams, relays and nodes are listed', async () => {
    const client = await cluster.enter('5', { name: 'Five' });
    client.send({ type: 'publish-offer', roomName: 'listed', offer: 'o' });
    await client.next('publish-answer');
    const list = async (path: string) =>
      (await (await at(`/api/v1/${path}`, { headers: administrator })).json()) as unknown[];

    const streams = (await list('streams')).map((row) => streamRow.parse(row));
    expect(streams).toMatchObject([
      {
        room: 'listed',
        participant: '5',
        purpose: 'm.usermedia',
        node: expect.stringMatching(/^node-[ab]$/) as string,
        tracks: [{ trackId: 'audio', kind: 'audio' }, { trackId: 'video' }],
      },
    ]);
    expect((await list('relays')).map((row) => relayRow.parse(row))).toMatchObject([
      { stream: 'a%2Fb/50%25/m.usermedia', fromNode: 'node-a', toNode: 'node-b', epoch: 3 },
    ]);
    const nodes = (await list('nodes')).map((row) => nodeRow.parse(row));
    expect(nodes.map(({ id }) => id)).toEqual(['node-a', 'node-b']);
    expect(nodes[0]).toMatchObject({ region: 'r1', zone: 'z1', load: 0.25, state: 'serving' });
    await client.leave();
  });

  test('reading needs an administrator unless it was opened', async () => {
    const open = await cluster.addGateway({ SLUICE_API_ANONYMOUS_READ: 'true' });
    for (const path of ['streams', 'relays', 'nodes']) {
      expect((await problemOf(await at(`/api/v1/${path}`))).status).toBe(401);
      expect((await at(`/api/v1/${path}`, {}, open.http)).status).toBe(200);
    }
    const tokenless = await at('/api/v1/tokens', { method: 'POST' }, open.http);
    expect((await problemOf(tokenless)).status).toBe(401);
  });

  test('a directory that cannot answer is a 503 that says when to come again', async () => {
    const away = new SluiceError('UNAVAILABLE', 'the directory is away');
    cluster.directory.failures.set('listNodes', away);
    const response = await at('/api/v1/nodes', { headers: administrator });
    cluster.directory.failures.clear();
    expect(response.headers.get('Retry-After')).toBe('1');
    expect(await problemOf(response)).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
  });

  test('an unknown path is a problem, a wrong method names the right ones', async () => {
    for (const path of ['/api/v1/', '/api/v1/nothing', '/api/v2/nodes', '/%ff', '/..%2f']) {
      const details = await problemOf(await at(path));
      expect([400, 404]).toContain(details.status);
    }
    const response = await at('/api/v1/nodes', { method: 'DELETE', headers: administrator });
    expect(response.headers.get('Allow')).toBe('GET');
    expect((await problemOf(response)).status).toBe(405);
  });

  test('pages of any origin may ask, or only the listed ones', async () => {
    const preflight = { method: 'OPTIONS', headers: { Origin: 'https://app.example' } };
    const anywhere = await at('/api/v1/tokens', preflight);
    expect(anywhere.status).toBe(204);
    expect(anywhere.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(anywhere.headers.get('Access-Control-Allow-Headers')).toContain('Authorization');

    const strict = await cluster.addGateway({ SLUICE_ALLOWED_ORIGINS: 'https://app.example' });
    const listed = await at('/api/v1/tokens', preflight, strict.http);
    expect(listed.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example');
    const foreign = { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } };
    const refused = await at('/api/v1/tokens', foreign, strict.http);
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });

  test('health is always there', async () => {
    const response = await at('/health');
    expect(response.status).toBe(200);
    expect(response.headers.get('X-Powered-By')).toBeNull();
  });

  test('one address cannot ask without end, and another one still can', async () => {
    const proxied = await cluster.addGateway({ SLUICE_TRUST_PROXY: '1' });
    const ask = (address: string) =>
      at('/api/v1/nodes', { headers: { 'X-Forwarded-For': address } }, proxied.http);
    const statuses = await Promise.all(
      Array.from({ length: 400 }, async () => (await ask('203.0.113.7, 192.0.2.1')).status),
    );
    expect(statuses).toContain(429);
    expect((await ask('192.0.2.1, 192.0.2.2')).status).toBe(401);
  });
});

describe('the web console', () => {
  test('its page is fresh each time, its hashed files are kept', async () => {
    const page = await at('/');
    expect(await page.text()).toContain('console');
    expect(page.headers.get('Cache-Control')).toBe('no-cache');
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
    const script = await at('/assets/app-1a2b.js');
    expect(script.headers.get('Cache-Control')).toContain('immutable');
    expect(script.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%5c..%5c..%5csecret.txt',
    '//etc/passwd',
    '/assets/%00',
    '/.hidden',
    '/secret.txt',
  ])('nothing outside its folder is served: %s', async (path) => {
    expect([400, 403, 404]).toContain(await statusOfRawPath(path));
  });
});

describe('draining a node', () => {
  const command = (node: string, what: 'drain' | 'undrain', body?: unknown) =>
    at(`/api/v1/nodes/${node}/${what}`, {
      method: 'POST',
      headers: {
        ...administrator,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test('the node is told, with the deadline and reason given or the usual ones', async () => {
    const given = await command('node-a', 'drain', { deadlineMs: 5_000, reason: 'new kernel' });
    expect(given.status).toBe(202);
    expect(await given.json()).toEqual({ deadlineMs: 5_000 });
    expect(await (await command('node-a', 'drain')).json()).toEqual({ deadlineMs: 60_000 });
    expect((await command('node-a', 'undrain')).status).toBe(204);
    expect(cluster.a.calls.slice(-3)).toEqual([
      'drain new kernel 5000',
      'drain draining 60000',
      'undrain',
    ]);
  });

  test('the list of nodes says how long a drain still has', async () => {
    cluster.directory.drainRemainingMs.set('node-a', 1_500);
    const response = await at('/api/v1/nodes', { headers: administrator });
    const rows = ((await response.json()) as unknown[]).map((row) => nodeRow.parse(row));
    cluster.directory.drainRemainingMs.clear();
    expect(rows).toMatchObject([
      { id: 'node-a', state: 'draining', drainRemainingMs: 1_500 },
      { id: 'node-b', state: 'serving' },
    ]);
    expect(rows[1]).not.toHaveProperty('drainRemainingMs');
  });

  test('only an administrator may, of a node that is there, with a body that is understood', async () => {
    const before = cluster.a.calls.length;
    const path = '/api/v1/nodes/node-a/drain';
    const anybody = bearer(await tokens.issue({ subject: 'ann' }));
    expect((await at(path, { method: 'POST' })).status).toBe(401);
    expect((await at(path, { method: 'POST', headers: anybody })).status).toBe(403);
    expect((await at(path, { headers: administrator })).status).toBe(405);
    const text = { method: 'POST', headers: administrator, body: '{"deadlineMs":1}' };
    for (const response of [
      await command('node-a', 'drain', { deadlineMs: -1 }),
      await command('node-a', 'drain', { deadline: 1 }),
      await command('node-a', 'drain', { reason: '' }),
      await at(path, text),
    ]) {
      expect(response.status).toBe(400);
      expect((await problemOf(response)).code).toBe('INVALID_ARGUMENT');
    }
    for (const what of ['drain', 'undrain'] as const) {
      const unknown = await command('node-z', what);
      expect(unknown.status).toBe(404);
      expect(await problemOf(unknown)).toMatchObject({ detail: 'there is no node node-z' });
    }
    expect(cluster.a.calls).toHaveLength(before);
  });

  test('a node that does not answer is UNAVAILABLE', async () => {
    for (const code of ['UNAVAILABLE', 'DEADLINE_EXCEEDED'] as const) {
      cluster.a.failures.set('undrain', new SluiceError(code, 'not now'));
      const response = await command('node-a', 'undrain');
      expect(response.status).toBe(503);
      expect(await problemOf(response)).toMatchObject({ detail: 'node node-a does not answer' });
    }
    cluster.a.failures.clear();
  });
});
