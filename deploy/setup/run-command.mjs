import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const LINE_MAX_CHARACTERS = 200;

/**
 * @typedef {object} CommandResult
 * @property {number | undefined} exitCode undefined when the command could not be started or a
 *   signal ended it
 * @property {string} output stdout and stderr
 */

/**
 * Runs a command to its end, without a shell. It is stopped when this process exits.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number,
 *   onLine?: (line: string) => void }} [options]
 * @returns {Promise<CommandResult>}
 */
export function runCommand(command, args, { cwd, env, timeoutMs, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => child.kill();
    const timer = timeoutMs && setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const lines = [];
    const collect = (line) => {
      lines.push(line);
      onLine?.(line);
    };
    const finish = (exitCode) => {
      clearTimeout(timer);
      process.removeListener('exit', stop);
      resolve({ exitCode, output: lines.join('\n') });
    };

    process.once('exit', stop);
    createInterface({ input: child.stdout }).on('line', collect);
    createInterface({ input: child.stderr }).on('line', collect);
    child.once('error', (error) => {
      collect(error.message);
      finish(undefined);
    });
    child.once('close', (exitCode) => finish(exitCode ?? undefined));
  });
}

/**
 * Like {@link runCommand}, and writes the command and its output to a log file.
 *
 * @param {string} logPath
 */
export async function runLogged(logPath, command, args, options = {}) {
  await mkdir(dirname(logPath), { recursive: true });

  const write = (line) => appendFileSync(logPath, `${line}\n`);
  const onLine = (line) => {
    write(line);
    options.onLine?.(line);
  };

  write(`$ ${[command, ...args].join(' ')}`);
  return runCommand(command, args, { ...options, onLine });
}

/** The last lines of a command's output, indented, for a message. */
export function lastLines(output, lines = 12) {
  return output
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `  ${line.slice(0, LINE_MAX_CHARACTERS)}`)
    .join('\n');
}
