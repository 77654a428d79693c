import { unlinkSync } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { findExecutable } from './find-executable.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const LISTS_DIR = '/var/lib/apt/lists';
const LISTS_MAX_AGE_MS = 24 * 60 * 60 * 1000;
const LOCK_TIMEOUT_SECONDS = 300;
const ATTEMPTS = 3;
const RETRY_DELAY_MS = 3_000;
/** There on every Debian. */
export const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEBIAN_MIRROR = 'http://deb.debian.org/debian';
const POLICY_FILE = '/usr/sbin/policy-rc.d';

const APT_OPTIONS = [
  '-q',
  '-y',
  '-o',
  `DPkg::Lock::Timeout=${LOCK_TIMEOUT_SECONDS}`,
  '-o',
  'Acquire::Retries=3',
];

/**
 * Installs what is missing of these Debian packages.
 *
 * @param {string[]} packages
 * @param {string} purpose ends the sentence "installing ... for ..."
 * @throws {SetupError} with the command to type, where this user or system cannot install
 */
export async function ensureAptPackages(packages, purpose) {
  const missing = await missingPackages(packages);

  if (missing.length === 0) {
    return;
  }
  await requireAptAsRoot(
    `${purpose} needs: ${missing.join(' ')}`,
    `apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`,
  );
  say(`installing ${missing.join(' ')} for ${purpose}`);
  await withoutStartingServices(() =>
    aptWithRetries(['install', '--no-install-recommends', ...missing]),
  );
}

/**
 * Downloads a package's .deb into a folder, without installing it.
 *
 * @param {string} packageName
 * @param {string} dir
 */
export async function downloadDeb(packageName, dir) {
  await aptWithRetries(['download', packageName], dir);
}

/**
 * The same for a package of another release of Debian, with lists of its own in that folder, so
 * that what this machine installs stays as it is. Needs no root.
 *
 * @param {{ suite: string, packageName: string, dir: string }} wanted
 * @throws {SetupError}
 */
export async function downloadDebOfSuite({ suite, packageName, dir }) {
  if (!(await isDebian())) {
    throw new SetupError(`${packageName} of Debian ${suite} needs Debian's apt-get and its keys`);
  }

  const apart = await mkdtemp(join(dir, 'apt-'));
  const sources = join(apart, 'sources.list');
  const inside = ['state/lists/partial', 'cache/archives/partial'].map((name) => join(apart, name));
  const options = Object.entries({
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': join(apart, 'state', 'lists'),
    'Dir::Cache': join(apart, 'cache'),
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);

  await Promise.all(inside.map((path) => mkdir(path, { recursive: true })));
  await writeFile(sources, `deb [signed-by=${DEBIAN_KEYS}] ${DEBIAN_MIRROR} ${suite} main\n`);
  try {
    for (const args of [['update'], ['download', packageName]]) {
      const { exitCode, output } = await apt([...options, ...args], dir);

      if (exitCode !== 0) {
        throw new SetupError(`apt-get ${args.join(' ')} of ${suite} failed:\n${lastLines(output)}`);
      }
    }
  } finally {
    await rm(apart, { recursive: true, force: true });
  }
}

async function isDebian() {
  return (
    (await hasApt()) &&
    access(DEBIAN_KEYS).then(
      () => true,
      () => false,
    )
  );
}

export async function hasApt() {
  return (await findExecutable('apt-get')) !== undefined;
}

async function missingPackages(packages) {
  const { output } = await runCommand('dpkg-query', [
    '--show',
    '--showformat=${Package} ${db:Status-Status}\n',
    ...packages,
  ]);
  const installed = new Set(output.split('\n'));

  return packages.filter((name) => !installed.has(`${name} installed`));
}

async function requireAptAsRoot(need, command) {
  if ((await hasApt()) && isRoot()) {
    return;
  }
  throw new SetupError(
    (await hasApt())
      ? `${need}\nInstall that as root, then try again:\n  sudo ${command}`
      : `${need} (names of Debian packages)\nInstall the same with your system's package manager, then try again.`,
  );
}

async function aptWithRetries(args, cwd) {
  for (let attempt = 1; ; attempt += 1) {
    if (attempt > 1 || (await listsAreOld())) {
      await update();
    }

    const { exitCode, output } = await apt(args, cwd);

    if (exitCode === 0) {
      return;
    }
    if (attempt === ATTEMPTS) {
      throw new SetupError(
        `apt-get ${args.join(' ')} failed:\n${lastLines(output)}\nRun "apt-get update" as root, check the connection to the Debian mirror, and try again.`,
      );
    }
    say(`apt-get ${args[0]} failed, trying again`);
    await delay(RETRY_DELAY_MS * attempt);
  }
}

/** Not fatal by itself: one unreachable source must not keep packages of the others away. */
async function update() {
  if (!isRoot()) {
    return;
  }
  say('updating the list of Debian packages');
  await apt(['update']);
}

function isRoot() {
  return process.getuid?.() === 0;
}

function apt(args, cwd) {
  return runCommand('apt-get', [...APT_OPTIONS, ...args], {
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

async function listsAreOld() {
  const names = await readdir(LISTS_DIR).catch(() => []);

  if (!names.some((name) => name.includes('_Packages'))) {
    return true;
  }
  // An update that finds nothing new touches only the folder of running downloads.
  const running = await stat(`${LISTS_DIR}/partial`).catch(() => undefined);

  return running === undefined || Date.now() - running.mtimeMs > LISTS_MAX_AGE_MS;
}

/** Keeps Debian's packages from starting the servers they bring. */
async function withoutStartingServices(install) {
  const ownPolicy = await forbidServiceStarts();
  const undo = () => ownPolicy && unlinkSync(POLICY_FILE);

  process.once('exit', undo);
  try {
    await install();
  } finally {
    process.removeListener('exit', undo);
    undo();
  }
}

/** Whether there is now a policy that is ours to remove. */
async function forbidServiceStarts() {
  const untilThisProcessEnds = `#!/bin/sh\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`;

  try {
    await writeFile(POLICY_FILE, untilThisProcessEnds, { flag: 'wx', mode: 0o755 });
    return true;
  } catch {
    // The system has a policy of its own, as containers do. That one stays.
    return false;
  }
}
