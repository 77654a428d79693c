import assert from 'node:assert/strict';
import { test } from 'node:test';

import { streamCommand } from './stream-command.mjs';

const OPTIONS = { cwd: process.cwd(), env: process.env, timeoutMs: 60_000 };
const node = (script) => [process.execPath, '-e', script];

test('a command’s exit code comes back', async () => {
  assert.equal(await streamCommand('it', node('process.exit(3)'), OPTIONS), 3);
});

test('a command that cannot be started has failed', async () => {
  assert.notEqual(await streamCommand('it', ['/there/is/no/such/program'], OPTIONS), 0);
});

test('a command that is late is ended with everything that it has started', async () => {
  // It would only end with its child, which holds its output open and never ends.
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })`;
  const late = { ...OPTIONS, timeoutMs: 500 };

  assert.equal(await streamCommand('it', node(parent), late), undefined);
});
