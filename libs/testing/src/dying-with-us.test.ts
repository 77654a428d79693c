import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { dyingWithUs } from './dying-with-us.js';
import { eventually } from './eventually.js';

it('ends a program with the one that started it', async () => {
  const [command, args] = dyingWithUs('sleep', ['1000']);
  const starting = `
    const child = require('node:child_process').spawn('${command}', ${JSON.stringify(args)});
    child.once('spawn', () => console.log(child.pid));
  `;
  const parent = spawn(process.execPath, ['-e', starting], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const pid = Number(line);
  expect(isRunning(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => (isRunning(pid) ? 'still runs' : undefined));
});

function isRunning(pid: number): boolean {
  try {
    // What ended may be listed until somebody has taken note.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
