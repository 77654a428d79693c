import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startCluster, type Cluster, type ClusterOptions } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, afterEach, expect, test } from 'vitest';
import { isRunning, stillRunning } from '../processes.js';
import { StubRepository } from './stub-services.js';

const stubs = new StubRepository();
const clusters: Cluster[] = [];

afterEach(() => Promise.all(clusters.splice(0).map((cluster) => cluster.stop())));
afterAll(() => stubs.remove());

async function start(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({
    environment: process.env,
    repositoryRoot: stubs.path,
    ...options,
  });
  clusters.push(cluster);
  return cluster;
}

const pidsOf = (cluster: Cluster) => cluster.services().map(({ pid }) => pid);

test('each service is a process of its own, and the stop ends all of them', async () => {
  const cluster = await start({ nodes: 2, gateways: 2 });
  const names = cluster.services().map(({ name }) => name);
  expect(names).toEqual(['nats', 'directory-1', 'node-1', 'node-2', 'gateway-1', 'gateway-2']);
  const pids = pidsOf(cluster);
  expect(new Set(pids).size).toBe(6);
  expect(pids.every(isRunning)).toBe(true);

  await cluster.stop();

  expect(stillRunning(pids)).toBeUndefined();
  expect(existsSync(cluster.logFolder)).toBe(false);
});

test('a service that cannot start fails the whole with its last words, and nothing is left', async () => {
  const pidsFile = join(stubs.path, 'pids');
  const environment = { ...process.env, STUB_PIDS_FILE: pidsFile };
  await expect(
    start({ environment, overrides: { 'node-2': { STUB_BEHAVIOUR: 'fails' } } }),
  ).rejects.toThrow(/node-2 ended before it was ready:\n.*no such luck/);

  const pids = readFileSync(pidsFile, 'utf8').trim().split('\n').map(Number);
  expect(pids.length).toBeGreaterThan(1);
  expect(stillRunning(pids)).toBeUndefined();
});

test('a service that dies is reported once, by name, and the others go on', async () => {
  const died: string[] = [];
  const cluster = await start({
    onServiceDied: (name, { code }) => died.push(`${name} ${String(code)}`),
  });
  const [node] = cluster.services('node');
  await fetch(`${node!.addresses['http']!}/exit`).catch(() => undefined);

  await eventually(() => (died.length > 0 ? undefined : 'no report yet'));
  expect(cluster.services().map(({ name }) => name)).not.toContain('node-1');
  expect((await fetch(cluster.origin)).ok).toBe(true);
  await cluster.stop();
  expect(died).toEqual(['node-1 3']);
});

test('a restarted service comes back where the others know it', async () => {
  const cluster = await start();
  const before = cluster.services('gateway')[0]!;
  await cluster.kill('gateway-1', 'SIGKILL');
  expect(isRunning(before.pid)).toBe(false);

  await cluster.restart('gateway-1');

  const after = cluster.services('gateway')[0]!;
  expect(after.addresses).toEqual(before.addresses);
  expect(after.pid).not.toBe(before.pid);
});

test('a service that does not listen to SIGTERM is ended with its children all the same', async () => {
  const cluster = await start({ overrides: { 'node-1': { STUB_BEHAVIOUR: 'ignores SIGTERM' } } });
  const child = Number(/"child","pid":(\d+)/.exec(cluster.logOf('node-1'))?.[1]);
  const pids = [...pidsOf(cluster), child];
  expect(isRunning(child)).toBe(true);

  await cluster.abort();

  await eventually(() => stillRunning(pids));
});

test('nothing outlives a starter that was killed', async () => {
  const script = `
    import { startCluster } from '${new URL('../../deploy/local/dist/index.js', import.meta.url).href}';
    const cluster = await startCluster({ environment: process.env, repositoryRoot: ${JSON.stringify(stubs.path)} });
    const pids = cluster.services().map(({ pid }) => pid);
    console.log(JSON.stringify({ pids, folder: cluster.logFolder }));`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: starter.stdout }), 'line')) as [string];
  const { pids, folder } = JSON.parse(line) as { pids: number[]; folder: string };
  expect(pids.every(isRunning)).toBe(true);

  starter.kill('SIGKILL');

  await eventually(() => stillRunning(pids) ?? (existsSync(folder) ? 'folder is left' : undefined));
});
