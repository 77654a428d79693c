import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { eventually } from '@sluice/testing';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { hearAudio, seeVideo } from '../browser/playback.js';
import { RtspCamera, type CameraWanted } from '../rtsp-camera.js';
import { Scene } from '../scene.js';

const WIDTH = 320;
const PASSWORD = 's3cret-of-the-camera';
const LATE_MS = 30_000;
const CONFIGURED = 'configured';

interface Row {
  readonly id: string;
  readonly node: string;
  readonly state: string;
  readonly reason: string;
  readonly bitrateBps: number;
  readonly [field: string]: unknown;
}

const scene = Scene.ofThisFile('ingests', {
  nodes: 2,
  directories: 2,
  overrides: {
    node: { SLUICE_INGEST_ALLOWED_NETWORKS: '127.0.0.0/8', SLUICE_LOG_LEVEL: 'debug' },
    directory: {
      SLUICE_INGESTS: JSON.stringify([
        // Nobody is there.
        { id: CONFIGURED, url: `rtsp://ada:${PASSWORD}@127.0.0.1:9/stream`, room: 'configured' },
      ]),
    },
  },
});

const cameras: RtspCamera[] = [];
const killed = new Set<string>();
let token = '';

beforeAll(async () => {
  token = await scene.cluster.token({ subject: 'operator', ingest: true });
});

afterEach(async () => {
  await scene.everybodyLeaves();
  await everyNodeServes();
  for (const { id } of (await ingests()).filter((row) => row.id !== CONFIGURED)) {
    await call('DELETE', `/ingests/${id}`);
  }
  await Promise.all(cameras.splice(0).map((camera) => camera.kill()));
});

async function aCamera(wanted: CameraWanted = {}): Promise<RtspCamera> {
  const camera = await RtspCamera.start(wanted);
  cameras.push(camera);
  return camera;
}

async function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${scene.cluster.api}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function ingests(): Promise<Row[]> {
  return (await (await call('GET', '/ingests')).json()) as Row[];
}

async function pull(id: string, url: string, more: object = {}): Promise<void> {
  const response = await call('POST', '/ingests', { id, url, room: `room-of-${id}`, ...more });
  expect(response.status).toBe(201);
}

/** Whatever a test left: the next one would find no place on them. */
async function everyNodeServes(): Promise<void> {
  for (const node of killed) await scene.cluster.restart(node);
  killed.clear();
  for (const node of ['node-1', 'node-2']) await steer(node, 'undrain');
}

async function steer(node: string, path: string, body?: object): Promise<Response> {
  const administrator = await scene.cluster.token({ subject: 'root', admin: true });
  return fetch(`${scene.cluster.api}/nodes/${node}/${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${administrator}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** Waits until the ingest is as `like` says. */
async function becomes(id: string, like: Partial<Row>, timeoutMs = LATE_MS): Promise<Row> {
  let row: Row | undefined;
  await eventually(async () => {
    row = (await ingests()).find((ingest) => ingest.id === id);
    const is = Object.entries(like).every(([field, value]) => row?.[field] === value);
    return is ? undefined : `${id} is ${JSON.stringify(row)}`;
  }, timeoutMs);
  return row!;
}

const otherThan = (node: string) => (node === 'node-1' ? 'node-2' : 'node-1');

test('a browser on another node sees and hears a camera, and nobody its password', async () => {
  const camera = await aCamera({ audio: 'pcma', user: 'ada', password: PASSWORD });
  await pull('door', camera.url, { name: 'Front door' });
  const { node } = await becomes('door', { state: 'running' });
  const { participant } = await scene.enter('room-of-door', 'viewer', otherThan(node));
  await participant.until('new-publisher', { publisherId: 'door', username: 'Front door' });
  await participant.subscribe({ room: 'room-of-door', publisher: 'door' });
  await seeVideo(participant, { publisher: 'door' }, WIDTH);
  await hearAudio(participant, { publisher: 'door' });

  await eventually(async () => {
    const row = (await ingests()).find(({ id }) => id === 'door');
    return (row?.bitrateBps ?? 0) > 5_000 ? undefined : `it pulls ${row?.bitrateBps} bit/s`;
  });
  const services = scene.cluster.services();
  const metrics = await Promise.all(
    services.flatMap(({ addresses: { admin } }) =>
      admin === undefined ? [] : [fetch(`${admin}/metrics`).then((answer) => answer.text())],
    ),
  );
  const logs = services.map(({ name }) => scene.cluster.logOf(name));
  const answers = [...metrics, ...logs, JSON.stringify(await ingests())];
  expect(metrics.join('')).toContain('sluice_media_ingests{status="running"} 1');
  for (const text of answers) expect(text).not.toContain(PASSWORD);
});

test('a camera on the list of servers of Umbrella is an ingest like any other', async () => {
  const camera = await aCamera({ user: 'ada', password: PASSWORD });
  const administrator = await scene.cluster.token({ subject: 'root', admin: true });
  const list = async (servers?: readonly string[]) => {
    const text = (value: string) => [0x0a, value.length, ...Buffer.from(value)];
    const response = await fetch(`${scene.cluster.origin}/servers`, {
      method: servers ? 'POST' : 'GET',
      headers: {
        'Content-Type': 'application/x-protobuf',
        Authorization: `Bearer ${administrator}`,
      },
      ...(servers && { body: Buffer.from(servers.flatMap(text)) }),
    });
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer()).toString('utf8');
  };
  await list([camera.url]);
  const row = (await ingests()).find(({ id }) => id.startsWith('umbrella-'))!;
  await becomes(row.id, { state: 'running', room: 'umbrella' });
  const publisher = String(row['participant']);
  const { participant } = await scene.enter('umbrella', 'viewer');
  await participant.subscribe({ room: 'umbrella', publisher });
  await seeVideo(participant, { publisher }, WIDTH);

  const shown = await list();
  expect(shown).toContain(`#${row.id}`);
  expect(shown).not.toContain(PASSWORD);
  // What was read, sent back, is the same camera.
  await list([shown.slice(2)]);
  expect((await ingests()).filter(({ id }) => id !== CONFIGURED)).toMatchObject([
    { id: row.id, state: 'running' },
  ]);
  expect(await list([])).toBe('');
});

test('a camera that dies and comes back is seen again', async () => {
  const camera = await aCamera({ profile: 'high' });
  await pull('yard', camera.url);
  const { node } = await becomes('yard', { state: 'running' });
  const room = 'room-of-yard';
  const { participant } = await scene.enter(room, 'viewer', otherThan(node));
  await participant.subscribe({ room, publisher: 'yard' });
  await seeVideo(participant, { publisher: 'yard' }, WIDTH);

  await camera.kill();
  await becomes('yard', { state: 'failed', reason: 'it cannot be reached' });
  await participant.until('publisher-left', { publisherId: 'yard' });
  await participant.unsubscribe({ room, publisher: 'yard' });
  cameras.push(await camera.again());
  await becomes('yard', { state: 'running' });
  await eventually(async () => {
    const frames = await participant.frames('new-publisher');
    return frames.length >= 2 ? undefined : 'nobody said that it is back';
  });
  await participant.subscribe({ room, publisher: 'yard' });
  await seeVideo(participant, { publisher: 'yard' }, WIDTH);
});

test('a node that dies leaves its camera to another, and one that drains hands it over', async () => {
  const camera = await aCamera({ audio: 'aac', profile: 'main' });
  await pull('hall', camera.url);
  const { node } = await becomes('hall', { state: 'running' });
  killed.add(node);
  await scene.cluster.kill(node, 'SIGKILL');
  await becomes('hall', { state: 'running', node: otherThan(node) });
  await scene.cluster.restart(node);
  killed.delete(node);

  const room = 'room-of-hall';
  const { participant } = await scene.enter(room, 'viewer', node);
  await participant.subscribe({ room, publisher: 'hall' });
  await seeVideo(participant, { publisher: 'hall' }, WIDTH);
  const drain = await steer(otherThan(node), 'drain', { deadlineMs: 60_000 });
  expect(drain.status).toBe(202);
  await becomes('hall', { state: 'running', node });
  await seeVideo(participant, { publisher: 'hall' }, WIDTH);
  await hearAudio(participant, { publisher: 'hall' });
  expect(await participant.frames('publisher-left')).toEqual([]);
});

test('a camera on demand is pulled while somebody watches', async () => {
  const camera = await aCamera();
  await pull('attic', camera.url, { onDemand: true });
  const { node } = await becomes('attic', { state: 'resting' });
  const room = 'room-of-attic';
  const { participant } = await scene.enter(room, 'viewer', otherThan(node));
  await participant.subscribe({ room, publisher: 'attic' });
  await seeVideo(participant, { publisher: 'attic' }, WIDTH);
  await becomes('attic', { state: 'running' });
  await participant.unsubscribe({ room, publisher: 'attic' });
  await becomes('attic', { state: 'resting' });
});

test('B-frames are told of', async () => {
  const camera = await aCamera({ bframes: 2, profile: 'main' });
  await pull('roof', camera.url);
  const { reason } = await eventuallySaid('roof');
  expect(reason).toContain('B-frames');
});

async function eventuallySaid(id: string): Promise<Row> {
  await eventually(async () => {
    const row = (await ingests()).find((ingest) => ingest.id === id);
    return row?.state === 'running' && row.reason !== '' ? undefined : JSON.stringify(row);
  }, LATE_MS);
  return becomes(id, { state: 'running' });
}

test('what cannot be pulled says why', async () => {
  const camera = await aCamera({ user: 'ada', password: PASSWORD });
  const { port } = camera;
  const mute = createServer();
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const silentPort = (mute.address() as AddressInfo).port;
  const reasons: Record<string, readonly [url: string, reason: string]> = {
    wrong: [`rtsp://ada:no@127.0.0.1:${port}/stream`, 'it refuses the credentials'],
    none: [`rtsp://127.0.0.1:${port}/stream`, 'it refuses the credentials'],
    missing: [`rtsp://ada:${PASSWORD}@127.0.0.1:${port}/else`, 'it has no such stream'],
    silent: [`rtsp://127.0.0.1:${silentPort}/stream`, 'it does not answer in time'],
    cloud: [
      'rtsp://169.254.169.254/latest/meta-data',
      'its address is not in a network that may be pulled from',
    ],
    unknown: ['rtsp://camera.invalid/stream', 'its host cannot be found'],
  };
  await Promise.all(Object.entries(reasons).map(([id, [url]]) => pull(id, url)));
  await Promise.all(
    Object.entries(reasons).map(([id, [, reason]]) => becomes(id, { state: 'failed', reason })),
  );
  mute.close();
});

test('only who may has something pulled, in the rooms that they may enter', async () => {
  const { api } = scene.cluster;
  const camera = { id: 'mine', url: 'rtsp://127.0.0.1:9/stream', room: 'red' };
  const ask = async (grants: object, method: string, path: string, body?: object) => {
    const bearer = await scene.cluster.token({ subject: 'ann', ...grants });
    const headers = { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${api}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  expect((await fetch(`${api}/ingests`)).status).toBe(401);
  expect((await ask({}, 'GET', '/ingests')).status).toBe(403);
  expect((await ask({ ingest: true, room: 'blue' }, 'POST', '/ingests', camera)).status).toBe(403);
  const red = { ingest: true, room: 'red' };
  for (const url of ['http://127.0.0.1/', 'file:///etc/passwd', 'rtsp://a b/', 'rtsp://']) {
    const refused = await ask(red, 'POST', '/ingests', { ...camera, url });
    expect(refused).toMatchObject({ status: 400 });
    expect(refused.text).not.toContain(url);
  }
  expect((await ask(red, 'POST', '/ingests', camera)).status).toBe(201);
  expect((await ask(red, 'POST', '/ingests', camera)).status).toBe(409);
  expect(
    (await ask(red, 'POST', '/ingests', { ...camera, id: 'x', participant: 'mine' })).status,
  ).toBe(409);
  expect((await ask({ ingest: true, room: 'blue' }, 'GET', '/ingests')).text).toBe('[]');
  expect((await ask({ ingest: true, room: 'blue' }, 'DELETE', '/ingests/mine')).status).toBe(404);
  expect((await ask(red, 'DELETE', '/ingests/mine')).status).toBe(204);
  expect((await ask(red, 'DELETE', '/ingests/mine')).status).toBe(404);
  expect((await call('DELETE', `/ingests/${CONFIGURED}`)).status).toBe(409);
  await becomes(CONFIGURED, { configured: true, state: 'failed' });
});
