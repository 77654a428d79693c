import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * @typedef {object} CommandEnd
 * @property {number | undefined} exitCode undefined when a signal ended it
 * @property {string[]} lastLines of what it wrote, without empty ones
 */

const running = new Set();
const LAST_LINES = 6;

/**
 * Runs a command to its end and shows its output as it comes, each line after the suite's name. It
 * leads a process group, so that nothing it started is left when it is late or we are stopped.
 *
 * @param {string} name
 * @param {string[]} command
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<CommandEnd>}
 */
export function streamCommand(name, [program, ...args], { cwd, env, timeoutMs }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const lastLines = [];
    const show = (line) => {
      process.stdout.write(`${name.padEnd(12)}| ${line}\n`);
      if (line.trim() !== '') lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
    };
    const late = setTimeout(() => {
      show(`stopped: not done after ${timeoutMs / 1000} s`);
      endGroup(child, 'SIGKILL');
    }, timeoutMs);

    running.add(child);
    createInterface({ input: child.stdout }).on('line', show);
    createInterface({ input: child.stderr }).on('line', show);
    child.once('error', (error) => show(error.message));
    child.once('close', (exitCode) => {
      clearTimeout(late);
      running.delete(child);
      resolve({ exitCode: exitCode ?? undefined, lastLines });
    });
  });
}

/** Passes a signal on to everything that runs. */
export function signalRunning(signal) {
  for (const child of running) {
    endGroup(child, signal);
  }
}

function endGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}
