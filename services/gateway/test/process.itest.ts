import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '@sluice/testing';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import { startGateway } from './gateway-process.fixture.js';
import { TestClient } from './test-client.fixture.js';

let cluster: FakeCluster;

beforeAll(async () => {
  cluster = await startFakeCluster();
});

afterAll(async () => {
  await cluster.stop();
});

test('a bad configuration names every mistake and no value, and ends with 78', async () => {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      SLUICE_CLUSTER_SECRET: 'hunter2',
      SLUICE_LISTEN: 'hunter3',
      SLUICE_DIRECTORY_ADDRESSES: 'hunter4',
      SLUICE_ICE_SERVERS: '{hunter5',
      SLUICE_TRUST_PROXY: 'hunter6',
    },
  });
  let errors = '';
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString('utf8');
  });
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(78);
  for (const name of [
    'SLUICE_NATS_URL',
    'SLUICE_CLUSTER_SECRET',
    'SLUICE_LISTEN',
    'SLUICE_DIRECTORY_ADDRESSES',
    'SLUICE_ICE_SERVERS',
    'SLUICE_TRUST_PROXY',
  ]) {
    expect(errors).toContain(`${name}: `);
  }
  expect(errors).not.toContain('hunter');
});

test('it says once where it listens, and is live and ready', async () => {
  const { http, admin, lines } = cluster.gateway;
  expect(lines.filter((line) => line.includes('"msg":"listening"'))).toHaveLength(1);
  expect(http).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  for (const path of ['/livez', '/readyz']) {
    expect((await fetch(`${admin}${path}`)).status).toBe(200);
  }
});

test('it starts and is ready without NATS and without a directory, and says what it cannot do', async () => {
  const lonely = await startGateway({
    SLUICE_NATS_URL: `nats://127.0.0.1:${String(await freePort())}`,
    SLUICE_DIRECTORY_ADDRESSES: `127.0.0.1:${String(await freePort())}`,
  });
  expect((await fetch(`${lonely.admin}/readyz`)).status).toBe(200);
  const client = await TestClient.enter(lonely.ws, await tokens.issue({ subject: 'ann' }));
  client.send({ type: 'join-room', roomName: 'r' });
  expect(await client.next('error')).toMatchObject({ code: 'UNAVAILABLE' });
  await client.leave();
  expect(await lonely.stop()).toBe(0);
});

test('its metrics count what happened, with labels from closed sets', async () => {
  const client = await cluster.enter('ann');
  client.send({ type: 'join-room', roomName: 'a room whose name is no label' });
  await client.next('room-joined');
  client.send({ type: 'made-up-type' });
  await client.next('error');
  const metrics = await (await fetch(`${cluster.gateway.admin}/metrics`)).text();
  expect(metrics).toContain('sluice_gateway_connections 1');
  expect(metrics).toContain('sluice_gateway_rooms 1');
  expect(metrics).toContain('sluice_gateway_nats_connected 1');
  expect(metrics).toMatch(/sluice_gateway_requests_total\{type="join-room",outcome="OK"\} 1/);
  expect(metrics).toMatch(/requests_total\{type="unreadable",outcome="INVALID_ARGUMENT"\} 1/);
  expect(metrics).not.toContain('a room whose name');
  expect(metrics).not.toContain('made-up-type');
  await client.leave();
});

test('a port that is taken ends it with an error', async () => {
  const { host } = new URL(cluster.gateway.http);
  const environment = {
    SLUICE_NATS_URL: cluster.nats.url,
    SLUICE_DIRECTORY_ADDRESSES: cluster.directory.address,
    SLUICE_LISTEN: host,
  };
  await expect(startGateway(environment)).rejects.toThrow('EADDRINUSE');
});
