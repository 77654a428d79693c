import { copyFile, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { ensureAptPackages, hasApt } from '../setup/apt.mjs';
import { ensureCacheEntry } from '../setup/cache-entry.mjs';
import { cachePath } from '../setup/cache-dir.mjs';
import { runAsScript } from '../setup/entry-point.mjs';
import { repositoryRoot } from '../setup/repository-root.mjs';
import { lastLines, runLogged } from '../setup/run-command.mjs';
import { say } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { whyWorkerDoesNotStart } from '../setup/worker-start.mjs';
import { APT_PACKAGES, BINARY, compileWorker } from './compile.mjs';
import { recipeHash } from './recipe-hash.mjs';

const PROGRESS_STEPS = 5;

/**
 * Path that the build of a mediasoup package has in the cache, whether it is there or not.
 *
 * @param {string} packageDir folder of the mediasoup package
 */
export async function builtWorkerPath(packageDir) {
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));

  return cachePath('mediasoup-worker', `${version}-${await recipeHash()}`, BINARY);
}

/**
 * Builds the worker into the cache, unless a build that starts is there.
 *
 * @param {string} packageDir folder of the mediasoup package
 * @returns {Promise<string>} path of the binary
 * @throws {SetupError}
 */
export async function buildWorker(packageDir) {
  const binary = await builtWorkerPath(packageDir);
  const entry = dirname(binary);

  await ensureCacheEntry({
    path: entry,
    isUsable: async () => (await whyWorkerDoesNotStart(binary)) === undefined,
    produce: (newEntry) => produceWorker({ packageDir, newEntry, logPath: `${entry}.log` }),
  });
  return binary;
}

async function produceWorker({ packageDir, newEntry, logPath }) {
  const buildDir = join(newEntry, 'build');
  const binary = join(newEntry, BINARY);

  await installTools();
  await rm(logPath, { force: true });
  say(`building mediasoup's worker from its source (minutes, once); log: ${logPath}`);
  await compileWorker({
    packageDir,
    buildDir,
    compiler: process.env.CXX || 'g++',
    run: (command, args) => runStep({ command, args, buildDir, logPath }),
  });
  await copyFile(join(buildDir, BINARY), binary);
  await rm(buildDir, { recursive: true });
  await requireStart(binary, logPath);
}

async function installTools() {
  if (await hasApt()) {
    await ensureAptPackages(APT_PACKAGES, "building mediasoup's worker");
  }
}

async function runStep({ command, args, buildDir, logPath }) {
  const { exitCode, output } = await runLogged(logPath, command, args, {
    cwd: buildDir,
    onLine: progressReporter(),
  });

  if (exitCode !== 0) {
    throw new SetupError(failureMessage({ command, output, logPath }));
  }
  return output;
}

/** Says now and then how far ninja has come, from its `[done/total]`. */
function progressReporter() {
  let said = 0;

  return (line) => {
    const [, done, total] = /^\[(\d+)\/(\d+)\]/.exec(line) ?? [];
    const step = Math.floor((PROGRESS_STEPS * Number(done)) / Number(total));

    if (step > said) {
      said = step;
      say(`  ${done} of ${total} steps`);
    }
  };
}

function failureMessage({ command, output, logPath }) {
  return [
    `Building mediasoup's worker failed at ${command}:`,
    lastLines(output),
    `The whole log: ${logPath}`,
    `What it needs, by the names of Debian's packages: ${APT_PACKAGES.join(' ')}`,
    'Mend that and try again, or set MEDIASOUP_WORKER_BIN to a worker binary that you have.',
  ].join('\n');
}

async function requireStart(binary, logPath) {
  const reason = await whyWorkerDoesNotStart(binary);

  if (reason !== undefined) {
    throw new SetupError(
      `The worker was built, but does not start: ${reason}\nThe log of the build: ${logPath}`,
    );
  }
}

runAsScript(import.meta.url, async () => {
  const packageDir = process.argv[2] ?? join(repositoryRoot, 'node_modules', 'mediasoup');

  process.stdout.write(`${await buildWorker(packageDir)}\n`);
});
