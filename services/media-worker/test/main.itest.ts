import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@sluice/testing';
import { CLUSTER_SECRET } from './cluster.fixture.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
});

function start(variables: Record<string, string>): ChildProcess {
  const { PATH, MEDIASOUP_WORKER_BIN } = process.env;
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH, ...(MEDIASOUP_WORKER_BIN ? { MEDIASOUP_WORKER_BIN } : {}), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  return child;
}

/** A node for which nothing of the cluster is there. */
async function alone(): Promise<Record<string, string>> {
  return {
    SLUICE_NODE_ID: 'alone',
    SLUICE_NATS_URL: `nats://127.0.0.1:${String(await freePort())}`,
    SLUICE_DIRECTORY_ADDRESSES: `127.0.0.1:${String(await freePort())}`,
    SLUICE_CLUSTER_SECRET: CLUSTER_SECRET,
  };
}

interface Listening {
  readonly grpc: string;
  readonly admin: string;
  readonly node: string;
}

async function listening(child: ChildProcess): Promise<Listening> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const entry = JSON.parse(line) as Listening & { msg: string };
    if (entry.msg !== 'listening') continue;
    child.stdout!.resume();
    return entry;
  }
  throw new Error('it ended before it listened');
}

describe('the process', () => {
  test('is ready without NATS and without a directory, and SIGTERM ends it cleanly', async () => {
    const child = start(await alone());
    const { grpc, admin, node } = await listening(child);
    expect(node).toBe('alone');
    expect(grpc).toMatch(/^127\.0\.0\.1:\d+$/);
    for (const probe of ['livez', 'readyz']) {
      expect((await fetch(`${admin}/${probe}`)).status).toBe(200);
    }
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).toContain('sluice_media_workers 1');
    expect(metrics).toContain('sluice_media_nats_connected 0');
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  test('names every mistake of its configuration and ends with 78', async () => {
    const child = start({ ...(await alone()), SLUICE_NODE_ID: 'no id', SLUICE_MEDIA_PORT: 'x' });
    let errors = '';
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await once(child, 'exit')).toEqual([78, null]);
    expect(errors).toContain('SLUICE_NODE_ID');
    expect(errors).toContain('SLUICE_MEDIA_PORT');
  });

  test('says which port is taken', async () => {
    const port = await freePort();
    const variables = { ...(await alone()), SLUICE_MEDIA_PORT: String(port) };
    await listening(start(variables));
    const second = start(variables);
    let errors = '';
    second.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await once(second, 'exit')).toEqual([1, null]);
    expect(errors).toContain(String(port));
  });
});
