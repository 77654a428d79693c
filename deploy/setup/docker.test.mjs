import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { temporaryFolder, writeProgram } from './temporary-folder.fixture.mjs';

const SCRIPT = join(import.meta.dirname, 'docker.mjs');

/** The script with a command, on a machine where an engine answers. */
async function start(t, ...command) {
  const bin = join(await temporaryFolder(t), 'bin');

  await writeProgram(join(bin, 'docker'), 'exit 0');
  return spawn(process.execPath, [SCRIPT, ...command], {
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('a command’s exit code is passed on', async (t) => {
  const child = await start(t, process.execPath, '-e', 'process.exit(7)');

  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('a signal reaches the command, whose end is waited for', async (t) => {
  const command = `process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('runs')`;
  const child = await start(t, process.execPath, '-e', command);
  const ended = once(child, 'exit');

  await once(createInterface({ input: child.stdout }), 'line');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [9, null]);
});

test('a command that there is none of is a failure', async (t) => {
  const child = await start(t, '/there/is/no/such/program');

  assert.deepEqual(await once(child, 'exit'), [1, null]);
});
