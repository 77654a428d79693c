import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const running = new Set();

/**
 * Runs a command to its end and shows its output as it comes, each line after the suite's name. It
 * leads a process group, so that nothing it started is left when it is late or we are stopped.
 *
 * @param {string} name
 * @param {string[]} command
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<number | undefined>} exit code; undefined when a signal ended it
 */
export function streamCommand(name, [program, ...args], { cwd, env, timeoutMs }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const show = (line) => process.stdout.write(`${name.padEnd(12)}| ${line}\n`);
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
      resolve(exitCode ?? undefined);
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
