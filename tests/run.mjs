// What `make test` and its parts start once the npm packages are there. Arguments: names of suites;
// none means all.
import { performance } from 'node:perf_hooks';
import { constants } from 'node:os';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFfmpeg } from '../deploy/setup/ffmpeg.mjs';
import { ensureNatsServer } from '../deploy/setup/nats-server.mjs';
import { repositoryRoot } from '../deploy/setup/repository-root.mjs';
import { say } from '../deploy/setup/say.mjs';
import { SetupError } from '../deploy/setup/setup-error.mjs';
import { INTEROP_TOOLS, ensureTestTools } from '../deploy/setup/test-tools.mjs';
import { ensureWorker } from '../deploy/setup/worker.mjs';
import { NOTHING } from './runner/outcome.mjs';
import { withSecondGo } from './runner/second-go.mjs';
import { signalRunning } from './runner/stream-command.mjs';
import { SCHEDULE, SUITES } from './runner/suites.mjs';
import { anyFailed, summary } from './runner/summary.mjs';

/** These need nothing but the npm packages. */
const CHECKS = ['build', 'lint', 'types', 'format'];

async function main(wanted) {
  const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));

  if (unknown.length > 0) {
    throw new SetupError(`no such suite: ${unknown.join(', ')}`);
  }

  const names = wanted.length > 0 ? wanted : SUITES.map(({ name }) => name);
  const env = names.every((name) => CHECKS.includes(name))
    ? process.env
    : await testEnvironment(names);

  await rm(join(repositoryRoot, 'test-results'), { recursive: true, force: true });

  const startedAtMs = performance.now();
  const suites = new Map(SUITES.map((suite) => [suite.name, suite]));
  const results = await withSecondGo(await runSchedule(names, env), suites, env);

  process.stdout.write(`${summary(results, performance.now() - startedAtMs)}\n`);
  return anyFailed(results) ? 1 : 0;
}

async function testEnvironment(names) {
  const interop = names.includes('interop') || names.includes('network');
  const tools = interop ? INTEROP_TOOLS : undefined;
  const MEDIASOUP_WORKER_BIN = await ensureWorker();
  const SLUICE_NATS_SERVER = await ensureNatsServer();
  const { chromium: SLUICE_CHROMIUM } = await ensureTestTools(tools);

  const SLUICE_FFMPEG = interop ? await ensureFfmpeg() : process.env.SLUICE_FFMPEG;
  const found = { MEDIASOUP_WORKER_BIN, SLUICE_NATS_SERVER, SLUICE_CHROMIUM, SLUICE_FFMPEG };

  return { ...process.env, ...found };
}

async function runSchedule(names, env) {
  const results = [];

  for (const group of SCHEDULE) {
    const lanes = group.map((lane) => runLane(lane, names, env, results));

    await Promise.all(lanes);
    if (group.flat().includes('build') && anyFailed(results)) {
      // Everything else would only repeat the compiler's errors.
      return [...results, ...notRun(names, results)];
    }
  }
  return results;
}

async function runLane(lane, names, env, results) {
  for (const suite of SUITES.filter(({ name }) => lane.includes(name) && names.includes(name))) {
    const startedAtMs = performance.now();
    const outcome = await suite.run(env);

    results.push({ name: suite.name, durationMs: performance.now() - startedAtMs, outcome });
  }
}

function notRun(names, results) {
  const skipped = [{ name: 'all of it', reason: 'the build failed' }];

  return names
    .filter((name) => !results.some((result) => result.name === name))
    .map((name) => ({ name, durationMs: 0, outcome: { ...NOTHING, skipped } }));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    signalRunning('SIGTERM');
    process.exit(128 + constants.signals[signal]);
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof SetupError ? `\n${error.message}` : error.stack);
  process.exitCode = 1;
}
