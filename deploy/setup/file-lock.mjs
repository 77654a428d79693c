import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { identifyProcess, isRunning } from './running-process.mjs';

const POLL_INTERVAL_MS = 200;

/**
 * Runs `work` while no other process does so under the same lock file. A lock whose process is gone
 * is taken over.
 *
 * @template T
 * @param {string} lockPath
 * @param {{ work: () => Promise<T>, onWait: (pid: string) => void }} options
 * @returns {Promise<T>}
 */
export async function withFileLock(lockPath, { work, onWait }) {
  await mkdir(dirname(lockPath), { recursive: true });
  await acquire(lockPath, onWait);

  const release = () => unlinkSync(lockPath);

  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

async function acquire(lockPath, onWait) {
  let waitedFor;

  while (!(await tryAcquire(lockPath))) {
    const holder = await readHolder(lockPath);

    if (holder === undefined) {
      continue;
    }
    if (!isRunning(holder)) {
      await discardStale(lockPath, holder);
      continue;
    }
    if (holder !== waitedFor) {
      onWait(holder.split(' ')[0]);
      waitedFor = holder;
    }
    await delay(POLL_INTERVAL_MS);
  }
}

/** Links a finished file into place, so that no lock is ever seen without its holder. */
async function tryAcquire(lockPath) {
  const own = `${lockPath}.${randomUUID()}`;

  await writeFile(own, identifyProcess(process.pid));
  try {
    await link(own, lockPath);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') {
      throw error;
    }
    return false;
  } finally {
    await unlink(own);
  }
}

async function readHolder(lockPath) {
  try {
    return await readFile(lockPath, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') {
      throw error;
    }
    return undefined;
  }
}

async function discardStale(lockPath, staleHolder) {
  const taken = `${lockPath}.${randomUUID()}`;

  try {
    await rename(lockPath, taken);
    if ((await readFile(taken, 'utf8')) !== staleHolder) {
      // Another process discarded the stale lock first and this is its own, new one: give it back.
      await link(taken, lockPath);
    }
    await unlink(taken);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') {
      throw error;
    }
  }
}
