// Runs a command with a Docker engine: the one that answers, else one that is started for it and
// stopped after it. Without one the command runs all the same.
//
//   node deploy/setup/docker.mjs make test
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import { ensureAptPackages } from './apt.mjs';
import { cachePath } from './cache-dir.mjs';
import { runAsScript } from './entry-point.mjs';
import { findExecutable } from './find-executable.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/** debootstrap makes base images where no registry answers. */
const PACKAGES = ['docker.io', 'iptables', 'debootstrap'];
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 250;

/** Whether an engine answers to this user. */
export async function dockerAnswers() {
  const { exitCode } = await runCommand('docker', ['info'], { timeoutMs: 10_000 });

  return exitCode === 0;
}

/**
 * Has an engine answer, if this machine allows it.
 *
 * @returns {Promise<() => Promise<void>>} stops what was started
 * @throws {SetupError} why there is none
 */
export async function ensureDocker() {
  if ((await findExecutable('docker')) && (await dockerAnswers())) {
    return async () => undefined;
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError('no Docker engine answers, and only root can start one');
  }
  await ensureAptPackages(PACKAGES, 'tests in containers');
  return startEngine();
}

async function startEngine() {
  const logPath = cachePath('docker', 'dockerd.log');

  say(`starting a Docker engine; log: ${logPath}`);
  await mkdir(dirname(logPath), { recursive: true });

  const log = openSync(logPath, 'w');
  // A group of its own: Ctrl-C reaches the tests, which still need it to clean up after themselves.
  const engine = spawn('dockerd', [], { stdio: ['ignore', log, log], detached: true });
  const ended = new Promise((resolve) => {
    engine.once('exit', resolve);
    engine.once('error', resolve);
  });
  const stop = async () => {
    engine.kill('SIGTERM');
    if ((await Promise.race([ended, delay(STOP_TIMEOUT_MS, 'late')])) === 'late') {
      engine.kill('SIGKILL');
    }
  };
  const state = await Promise.race([ended.then(() => 'ended'), untilItAnswers()]);

  if (state !== 'answers') {
    await stop();
    throw new SetupError(
      `the Docker engine does not start:\n${lastLines(await readFile(logPath, 'utf8'), 5)}`,
    );
  }
  return stop;
}

async function untilItAnswers() {
  const endMs = performance.now() + START_TIMEOUT_MS;

  while (performance.now() < endMs) {
    if (await dockerAnswers()) {
      return 'answers';
    }
    await delay(POLL_MS);
  }
  return 'late';
}

/** @returns {Promise<number>} exit code, as a shell has it */
function run([program, ...args]) {
  const child = spawn(program, args, { stdio: 'inherit' });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.removeAllListeners(signal);
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

runAsScript(import.meta.url, async () => {
  let stop = async () => undefined;

  try {
    stop = await ensureDocker();
  } catch (error) {
    if (!(error instanceof SetupError)) {
      throw error;
    }
    say(`without Docker: ${error.message}`);
  }

  const exitCode = await run(process.argv.slice(2)).finally(stop);

  process.exit(exitCode);
});
