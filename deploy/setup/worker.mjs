import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { builtWorkerPath, buildWorker } from '../mediasoup-worker/build.mjs';
import { runAsScript } from './entry-point.mjs';
import { downloadPrebuiltWorker, prebuiltWorkerPath } from './prebuilt-worker.mjs';
import { repositoryRoot } from './repository-root.mjs';
import { SetupError } from './setup-error.mjs';
import { whyWorkerDoesNotStart } from './worker-start.mjs';

/**
 * Path of a mediasoup worker that starts on this machine: the one that MEDIASOUP_WORKER_BIN names,
 * else one that is there already, else mediasoup's own prebuilt one, else one built here.
 *
 * @param {object} [options]
 * @param {string} [options.packageDir] folder of the mediasoup package
 * @param {import('./prebuilt-worker.mjs').DownloadLimits} [options.downloadLimits]
 * @returns {Promise<string>}
 * @throws {SetupError}
 */
export async function ensureWorker({ packageDir = installedPackageDir(), downloadLimits } = {}) {
  const { MEDIASOUP_WORKER_BIN: named, MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD: skipPrebuilt } =
    process.env;

  if (named) {
    return checkNamed(resolve(named));
  }
  await requirePackage(packageDir);

  return (
    (await findWorker(packageDir)) ??
    (skipPrebuilt ? undefined : await downloadPrebuiltWorker(packageDir, downloadLimits)) ??
    (await buildWorker(packageDir))
  );
}

function installedPackageDir() {
  return join(repositoryRoot, 'node_modules', 'mediasoup');
}

async function checkNamed(binary) {
  const reason = await whyWorkerDoesNotStart(binary);

  if (reason !== undefined) {
    throw new SetupError(
      `MEDIASOUP_WORKER_BIN names ${binary}, which does not start: ${reason}\nName another one, or unset it and one will be obtained.`,
    );
  }
  return binary;
}

async function requirePackage(packageDir) {
  try {
    await access(join(packageDir, 'package.json'));
  } catch {
    throw new SetupError(`mediasoup is not installed in ${packageDir}. Run: make setup`);
  }
}

async function findWorker(packageDir) {
  const candidates = [
    await prebuiltWorkerPath(packageDir),
    // Where mediasoup's own install script puts it, when npm was run by hand.
    join(packageDir, 'worker', 'out', 'Release', 'mediasoup-worker'),
    await builtWorkerPath(packageDir),
  ];

  for (const binary of candidates) {
    if ((await whyWorkerDoesNotStart(binary)) === undefined) {
      return binary;
    }
  }
  return undefined;
}

runAsScript(import.meta.url, async () => {
  process.stdout.write(`${await ensureWorker()}\n`);
});
