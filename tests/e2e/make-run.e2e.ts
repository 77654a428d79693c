import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Ready } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPOSITORY_ROOT, reportOf } from '../cluster-under-test.js';
import { MakeRun } from '../make-run.js';
import { stillRunning } from '../processes.js';
import { RawClient } from '../raw-client.js';

const runs: MakeRun[] = [];
afterAll(() => Promise.all(runs.map((run) => run.stop())));

async function start(environment: Record<string, string> = {}): Promise<[MakeRun, Ready]> {
  const run = new MakeRun(REPOSITORY_ROOT, environment);
  runs.push(run);
  return [run, await run.ready()];
}

describe('a cluster started by make run', () => {
  let run: MakeRun;
  let ready: Ready;
  beforeAll(async () => {
    [run, ready] = await start();
  });

  const askForToken = (body: object, token = ready.token) =>
    fetch(`${ready.api}/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  const tokenFor = async (body: object) =>
    ((await (await askForToken(body)).json()) as { token: string }).token;

  test('says where everything is in one line, in URLs that answer', async () => {
    expect(run.output.filter((line) => line.startsWith('READY '))).toHaveLength(1);
    expect(ready.nodes.map(({ id }) => id)).toEqual(['node-1', 'node-2']);
    const page = await fetch(ready.console);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect((await fetch(ready.health)).status).toBe(200);
    const client = await RawClient.enter(ready.ws, ready.token, 'any room');
    await client.close();
  });

  test('lists its nodes, streams and relays', async () => {
    const { nodes, streams, relays } = reportOf(ready.api);
    const listed = [...(await nodes())].sort((one, other) => one.id.localeCompare(other.id));
    expect(listed).toEqual(
      ['node-1', 'node-2'].map((id): unknown =>
        expect.objectContaining({
          id,
          region: expect.any(String) as string,
          zone: expect.any(String) as string,
          load: expect.any(Number) as number,
          sessions: expect.any(Number) as number,
          state: 'serving',
        }),
      ),
    );
    expect(await streams('empty')).toEqual([]);
    expect(await relays('empty')).toEqual([]);
  });

  test('issues tokens to whoever has an administrator’s, from nothing but a subject', async () => {
    const token = await tokenFor({ subject: '7' });
    const client = await RawClient.enter(ready.ws, token, 'wherever');
    expect((await client.until('authenticated'))['userId']).toBe(7);
    await client.close();
  });

  test('issues tokens as narrow as they are asked for', async () => {
    const asked = { subject: 'ann', name: 'Ann', room: 'hers', publish: false, ttlSeconds: 60 };
    const token = await tokenFor(asked);
    const client = await RawClient.enter(ready.ws, token, 'hers');
    expect((await client.until('authenticated'))['username']).toBe('Ann');
    client.send({ type: 'join-room', roomName: 'another' });
    expect((await client.until('error'))['code']).toBe('PERMISSION_DENIED');
    await client.close();
    expect((await askForToken({ subject: 'bob' }, token)).status).toBe(403);
  });

  test('issues tokens for any room when asked for *', async () => {
    const token = await tokenFor({ subject: 'ann', room: '*' });
    for (const room of ['one', 'two']) {
      const client = await RawClient.enter(ready.ws, token, room);
      await client.close();
    }
  });

  test.each([
    ['no subject', {}],
    ['a subject that is no string', { subject: 7 }],
    ['a life that is no number', { subject: 'ann', ttlSeconds: 'long' }],
  ])('issues no token for %s', async (_, body) => {
    expect((await askForToken(body)).status).toBe(400);
  });

  test('issues no token to somebody without one, or with a foreign one', async () => {
    expect((await askForToken({ subject: 'eve' }, '')).status).toBe(401);
    expect((await askForToken({ subject: 'eve' }, `${ready.token}x`)).status).toBe(401);
  });

  test('stands beside another one, and neither knows of the other', async () => {
    const [, other] = await start({ SLUICE_NODES: '1', SLUICE_WORKERS: '2' });
    const nodeIds = async ({ api }: Ready) => (await reportOf(api).nodes()).map(({ id }) => id);
    expect(await nodeIds(other)).toEqual(['node-1']);
    expect(await nodeIds(ready)).toHaveLength(2);

    const stranger = await RawClient.open(other.ws);
    stranger.send({ type: 'auth', token: ready.token });
    expect(await stranger.untilClosed()).toBe(4401);
  });

  test('ends with all its processes on Ctrl-C', async () => {
    const pids = run.processes(ready);
    expect(pids.length).toBeGreaterThan(7);
    run.pressControlC();
    await run.exited;
    expect(stillRunning(pids)).toBeUndefined();
  });
});

test('make run ends with all its processes on SIGTERM', async () => {
  const [run, ready] = await start();
  const pids = run.processes(ready);
  run.terminate();
  await run.exited;
  await eventually(() => stillRunning(pids));
});

test('make run ends, and says which service died, when one does', async () => {
  const [run, ready] = await start({ SLUICE_NODES: '1' });
  const pids = run.processes(ready);
  process.kill(ready.nodes[0]!.pid, 'SIGKILL');
  expect(await run.exited).not.toBe(0);
  expect(run.output.join('\n')).toMatch(/node-1 died \(SIGKILL\); its log: .*node-1\.log/);
  expect(stillRunning(pids)).toBeUndefined();
});

test('make run leaves nothing behind when it is killed', async () => {
  const [run, ready] = await start();
  const pids = run.processes(ready);
  process.kill(ready.pid, 'SIGKILL');
  await run.exited;
  await eventually(() => stillRunning(pids));
});

test('make run says so when the port it was given is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const run = new MakeRun(REPOSITORY_ROOT, { SLUICE_PORT: String(port) });
    runs.push(run);
    expect(await run.exited).not.toBe(0);
    expect(run.output.join('\n')).toContain(`Port ${port} (SLUICE_PORT) is taken`);
  } finally {
    server.close();
  }
});

test('make run uses the port it was given', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const [run, ready] = await start({ SLUICE_PORT: String(port), SLUICE_NODES: '1' });
  expect(new URL(ready.api).port).toBe(String(port));
  await run.stop();
});
