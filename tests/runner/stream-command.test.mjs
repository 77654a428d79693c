import assert from 'node:assert/strict';
import { test } from 'node:test';

import { streamCommand } from './stream-command.mjs';

const OPTIONS = { cwd: process.cwd(), env: process.env, timeoutMs: 60_000 };
const node = (script) => [process.execPath, '-e', script];

test('a command’s exit code comes back', async () => {
  assert.equal((await streamCommand('it', node('process.exit(3)'), OPTIONS)).exitCode, 3);
});

test('the last lines of its output come back, of both streams', async () => {
  const script = `for (let n = 0; n < 20; n += 1) console.log(n + '\\n'); console.error('why')`;
  const { lastLines } = await streamCommand('it', node(script), OPTIONS);

  assert.ok(lastLines.includes('19'));
  assert.ok(lastLines.includes('why'));
  assert.ok(!lastLines.includes('0') && !lastLines.includes(''));
});

test('a command that cannot be started has failed', async () => {
  const { exitCode } = await streamCommand('it', ['/there/is/no/such/program'], OPTIONS);

  assert.notEqual(exitCode, 0);
});

test('a command that is late is ended with everything that it has started', async () => {
  // It would only end with its child, which holds its output open and never ends.
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })`;
  const late = { ...OPTIONS, timeoutMs: 500 };

  assert.equal((await streamCommand('it', node(parent), late)).exitCode, undefined);
});
