import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { startNatsServer } from '@sluice/testing';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const toStop: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

function start(environment: Record<string, string>): ChildProcess & {
  stdout: NodeJS.ReadableStream;
  stderr: NodeJS.ReadableStream;
} {
  const child = spawn(process.execPath, [MAIN], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  toStop.push(() => child.kill('SIGKILL'));
  return child;
}

test('the process says where it listens, serves, and stops cleanly on SIGTERM', async () => {
  const nats = await startNatsServer();
  toStop.push(() => nats.stop());
  const child = start({
    SLUICE_NATS_URL: nats.url,
    SLUICE_CLUSTER_SECRET: 'a secret of at least 32 characters',
  });
  const lines: string[] = [];
  const listening = new Promise<Record<string, unknown>>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const fields = JSON.parse(line) as Record<string, unknown>;
      if (fields['msg'] === 'listening') resolve(fields);
    });
  });
  const { grpc, admin } = await listening;
  expect(grpc).toMatch(/^127\.0\.0\.1:\d+$/);
  expect((await fetch(`${admin as string}/livez`)).status).toBe(200);

  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(lines.at(-1)).toContain('"msg":"stopped"');
});

test('a bad configuration ends it with all mistakes and status 78', async () => {
  const child = start({ SLUICE_PLACEMENT: 'sideways' });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  expect(await once(child, 'close')).toEqual([78, null]);
  for (const name of ['SLUICE_NATS_URL', 'SLUICE_CLUSTER_SECRET', 'SLUICE_PLACEMENT']) {
    expect(printed).toContain(name);
  }
});
