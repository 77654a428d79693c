import { once } from 'node:events';
import { connect } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAdminServer, type AdminServer } from '@sluice/service-kit';

let server: AdminServer;
let live = true;
let because: string[] = [];

beforeEach(async () => {
  live = true;
  because = [];
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
  server = await startAdminServer('127.0.0.1:0', registry, {
    live: () => live,
    notReadyBecause: () => because,
  });
});

afterEach(async () => {
  await server.stop();
});

async function ask(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(server.url + path);
  return { status: response.status, body: await response.json() };
}

test('liveness and readiness are two things', async () => {
  expect(await ask('/livez')).toEqual({ status: 200, body: { live: true } });
  expect(await ask('/readyz')).toEqual({ status: 200, body: { ready: true, because: [] } });
  because = ['no worker runs', 'stopping'];
  expect(await ask('/livez')).toEqual({ status: 200, body: { live: true } });
  expect(await ask('/readyz')).toEqual({ status: 503, body: { ready: false, because } });
  live = false;
  expect((await ask('/livez')).status).toBe(503);
});

test('metrics are Prometheus’s text', async () => {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('things_total 3');
});

test('it stops although a connection is open', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await server.stop();
  await closed;
  await expect(fetch(`${server.url}/livez`)).rejects.toThrow();
  server = await startAdminServer('127.0.0.1:0', new Registry(), {
    live: () => true,
    notReadyBecause: () => [],
  });
});

test('a port that is taken is an error', async () => {
  const { host } = new URL(server.url);
  const probes = { live: () => true, notReadyBecause: () => [] };
  await expect(startAdminServer(host, new Registry(), probes)).rejects.toThrow('EADDRINUSE');
});

test('it listens on IPv6 as well', async () => {
  const six = await startAdminServer('[::1]:0', new Registry(), {
    live: () => true,
    notReadyBecause: () => [],
  });
  expect(six.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${six.url}/livez`)).status).toBe(200);
  await six.stop();
});
