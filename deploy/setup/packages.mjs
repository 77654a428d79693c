import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';

import { cachePath } from './cache-dir.mjs';
import { runAsScript } from './entry-point.mjs';
import { withFileLock } from './file-lock.mjs';
import { repositoryRoot } from './repository-root.mjs';
import { lastLines, runCommand, runLogged } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const ATTEMPTS = 2;
/** In npm's message about a lockfile that does not fit, which no second attempt mends. */
const OUT_OF_STEP = 'are in sync';

/**
 * Installs the npm packages of the lockfile, unless they are installed already, and the pinned
 * Node.js runtime that is one of them.
 *
 * @param {{ rootDir?: string }} [options] folder of package-lock.json
 * @throws {SetupError}
 */
export async function ensurePackages({ rootDir = repositoryRoot } = {}) {
  const stamp = await wantedStamp(rootDir);

  if (await isInstalled(rootDir, stamp)) {
    return;
  }
  await withFileLock(`${installPath(rootDir)}.lock`, {
    onWait: (pid) => say(`waiting for process ${pid}, which is installing npm packages`),
    work: async () => {
      if (!(await isInstalled(rootDir, stamp))) {
        await install(rootDir, stamp);
      }
    },
  });
}

async function isInstalled(rootDir, stamp) {
  return (await readIfThere(stampPath(rootDir))) === stamp;
}

async function install(rootDir, stamp) {
  await rm(stampPath(rootDir), { force: true });
  await installPackages(rootDir);
  await ensurePinnedNode(rootDir);
  await writeFile(stampPath(rootDir), stamp);
}

function stampPath(rootDir) {
  return join(rootDir, 'node_modules', '.sluice-packages');
}

/** Where lock and log of this checkout's installation are, which replaces its node_modules. */
function installPath(rootDir) {
  return cachePath('npm', sha256(rootDir).slice(0, 12));
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** Says for what the packages were installed: they hold binaries of one kind of machine. */
async function wantedStamp(rootDir) {
  const lockfile = await readIfThere(join(rootDir, 'package-lock.json'));

  if (lockfile === undefined) {
    throw new SetupError(`There is no package-lock.json in ${rootDir}: is the checkout complete?`);
  }
  return `${sha256(lockfile)} ${platform()}-${arch()}\n`;
}

async function readIfThere(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') {
      throw error;
    }
    return undefined;
  }
}

async function installPackages(rootDir) {
  const logPath = `${installPath(rootDir)}.log`;

  say(`installing npm packages; log: ${logPath}`);
  await rm(logPath, { force: true });
  for (let attempt = 1; ; attempt += 1) {
    const { exitCode, output } = await npmCi(rootDir, logPath);

    if (exitCode === 0) {
      return;
    }
    if (attempt === ATTEMPTS || output.includes(OUT_OF_STEP)) {
      throw new SetupError(
        `npm ci failed:\n${errorLines(output)}\nThe whole log: ${logPath}\n${advice(output)}`,
      );
    }
    say('npm ci failed, trying once more');
  }
}

/** npm's errors begin with what is wrong and end with how it is called. */
function errorLines(output) {
  const errors = output.split('\n').filter((line) => line.startsWith('npm error'));

  return lastLines((errors.length > 0 ? errors.slice(0, 12) : [output]).join('\n'));
}

function advice(output) {
  return output.includes(OUT_OF_STEP)
    ? 'The lockfile does not fit the package.json files: run npm install, and commit the lockfile.'
    : 'Check the connection to the npm registry (npm ping) and try again.';
}

function npmCi(rootDir, logPath) {
  return runLogged(logPath, 'npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: rootDir,
    env: {
      ...process.env,
      // mediasoup's install script leaves the worker alone when it is told of one, and otherwise
      // fails where it can neither download nor build it. The real one comes from worker.mjs.
      MEDIASOUP_WORKER_BIN: 'see-deploy-setup-worker.mjs',
    },
  });
}

/** The npm package `node` fetches its binary in an install script, which npm may have left out. */
async function ensurePinnedNode(rootDir) {
  const packageDir = join(rootDir, 'node_modules', 'node');
  const manifest = await readIfThere(join(packageDir, 'package.json'));

  if (manifest === undefined) {
    return;
  }

  const { version } = JSON.parse(manifest);

  if (await nodeRuns(rootDir, version)) {
    return;
  }
  say(`fetching Node.js ${version}`);

  const { output } = await runCommand(process.execPath, ['installArchSpecificPackage.js'], {
    cwd: packageDir,
  });

  if (!(await nodeRuns(rootDir, version))) {
    throw new SetupError(
      `The npm package node@${version} has no binary that runs here:\n${lastLines(output)}\nCheck the connection to the npm registry (npm ping) and try again.`,
    );
  }
}

async function nodeRuns(rootDir, version) {
  const node = join(rootDir, 'node_modules', '.bin', 'node');
  const { exitCode, output } = await runCommand(node, ['--version']);

  return exitCode === 0 && output === `v${version}`;
}

runAsScript(import.meta.url, () => ensurePackages());
