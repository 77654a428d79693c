import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Where Debian puts servers, which an ordinary user's PATH leaves out. */
const SYSTEM_DIRS = ['/usr/sbin', '/sbin'];

/**
 * First executable of that name on the PATH or in the system's folders.
 *
 * @param {string} name
 * @returns {Promise<string | undefined>}
 */
export async function findExecutable(name) {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter(Boolean);

  for (const dir of [...dirs, ...SYSTEM_DIRS]) {
    if (await isExecutable(join(dir, name))) {
      return join(dir, name);
    }
  }
  return undefined;
}

export async function isExecutable(path) {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
