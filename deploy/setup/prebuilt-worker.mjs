import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { arch, platform, release } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { cachePath } from './cache-dir.mjs';
import { ensureCacheEntry } from './cache-entry.mjs';
import { runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { whyWorkerDoesNotStart } from './worker-start.mjs';

const BINARY = 'mediasoup-worker';
const RELEASES_URL = 'https://github.com/versatica/mediasoup/releases/download';

/** @typedef {{ answerWithinMs: number, completeWithinMs: number }} DownloadLimits */

// Long enough for a slow server, short enough for a network that drops packets silently.
/** @type {DownloadLimits} */
const DEFAULT_LIMITS = { answerWithinMs: 20_000, completeWithinMs: 120_000 };

/**
 * Path that mediasoup's own binary has in the cache, whether it is there or not.
 *
 * @param {string} packageDir folder of the mediasoup package
 */
export async function prebuiltWorkerPath(packageDir) {
  return cachePath(BINARY, prebuiltName(await mediasoupVersion(packageDir)), BINARY);
}

/**
 * Downloads the binary that mediasoup's makers have published for this kind of machine.
 *
 * @param {string} packageDir folder of the mediasoup package
 * @param {DownloadLimits} [limits]
 * @returns {Promise<string | undefined>} path of the binary; undefined where none can be had or
 *   the one there is does not start on this machine
 */
export async function downloadPrebuiltWorker(packageDir, limits = DEFAULT_LIMITS) {
  const version = await mediasoupVersion(packageDir);
  const binary = await prebuiltWorkerPath(packageDir);
  const baseUrl = process.env.MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL || RELEASES_URL;
  const url = `${baseUrl}/${version}/${prebuiltName(version)}.tgz`;

  try {
    await ensureCacheEntry({
      path: dirname(binary),
      isUsable: async () => (await whyWorkerDoesNotStart(binary)) === undefined,
      produce: (newEntry) => fetchWorker(url, newEntry, limits),
    });
    return binary;
  } catch (error) {
    say(`no prebuilt worker: ${describe(error)}`);
    return undefined;
  }
}

async function mediasoupVersion(packageDir) {
  return JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')).version;
}

/** As mediasoup names its releases' files. */
function prebuiltName(version) {
  const kernel = platform() === 'linux' ? `-kernel${release().split('.')[0]}` : '';

  return `${BINARY}-${version}-${platform()}-${arch()}${kernel}`;
}

async function fetchWorker(url, newEntry, limits) {
  const archive = join(newEntry, 'archive.tgz');

  say(`downloading ${url}`);
  await download(url, archive, limits);
  await extract(archive, newEntry);
  await rm(archive);

  const reason = await whyWorkerDoesNotStart(join(newEntry, BINARY));

  if (reason !== undefined) {
    throw new Error(`it does not start on this machine: ${reason}`);
  }
}

async function download(url, archive, { answerWithinMs, completeWithinMs }) {
  const abort = new AbortController();
  const abortAfter = (limitMs, what) =>
    setTimeout(() => abort.abort(new Error(`${what} within ${limitMs / 1000} s`)), limitMs);
  const answerTimer = abortAfter(answerWithinMs, 'no answer');
  const completeTimer = abortAfter(completeWithinMs, 'not complete');

  try {
    const response = await fetch(url, { signal: abort.signal });

    clearTimeout(answerTimer);
    if (!response.ok) {
      throw new Error(`the server answers ${response.status}`);
    }
    await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), {
      signal: abort.signal,
    });
  } finally {
    clearTimeout(answerTimer);
    clearTimeout(completeTimer);
  }
}

async function extract(archive, dir) {
  const { exitCode, output } = await runCommand('tar', ['-xzf', archive, '-C', dir, BINARY]);

  if (exitCode !== 0) {
    throw new Error(`the archive cannot be read: ${output}`);
  }
}

/** fetch's own message is "fetch failed"; the cause says why. */
function describe(error) {
  const cause = error.cause instanceof Error ? error.cause : error;

  return cause.message || cause.code;
}
