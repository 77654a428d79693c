import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { withFileLock } from './file-lock.mjs';
import { identifyProcess, isRunning } from './running-process.mjs';
import { say } from './say.mjs';

/**
 * @typedef {object} CacheEntry
 * @property {string} path folder of the entry
 * @property {(path: string) => Promise<boolean>} isUsable
 * @property {(newPath: string) => Promise<void>} produce fills an empty folder; throws where it
 *   cannot, or where the result is not usable
 */

/**
 * Makes a cache entry unless a usable one is there. It appears under its path complete or not at
 * all: it is produced in a folder beside it and renamed.
 *
 * @param {CacheEntry} entry
 */
export async function ensureCacheEntry({ path, isUsable, produce }) {
  if (await isUsable(path)) {
    return;
  }
  await withFileLock(`${path}.lock`, {
    onWait: (pid) => say(`waiting for process ${pid}, which is making ${path}`),
    work: async () => {
      if (!(await isUsable(path))) {
        await removeLeftovers(path);
        await replace(path, produce);
      }
    },
  });
}

async function replace(path, produce) {
  const newPath = newPathOf(path);
  const remove = () => rmSync(newPath, { recursive: true, force: true, maxRetries: 3 });

  await mkdir(newPath, { recursive: true });
  process.once('exit', remove);
  try {
    await produce(newPath);
    await rm(path, { recursive: true, force: true });
    await rename(newPath, path);
  } finally {
    process.removeListener('exit', remove);
    remove();
  }
}

function newPathOf(path) {
  const maker = identifyProcess(process.pid).replace(' ', '-');

  return `${path}.new-${maker}-${randomUUID().slice(0, 8)}`;
}

/** Removes what a process that was killed in the middle has left beside the entry. */
async function removeLeftovers(path) {
  const prefix = `${basename(path)}.new-`;

  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix) && !isRunning(makerOf(name.slice(prefix.length)))) {
      await rm(join(dirname(path), name), { recursive: true, force: true });
    }
  }
}

function makerOf(suffix) {
  const [pid, start] = suffix.split('-');

  return `${pid} ${start}`;
}
