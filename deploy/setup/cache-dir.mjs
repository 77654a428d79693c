import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Path below the per-user cache of what set-up obtains; it need not exist. */
export function cachePath(...segments) {
  return join(cacheDir(process.env), ...segments);
}

function cacheDir(env) {
  if (env.SLUICE_CACHE_DIR) {
    return resolve(env.SLUICE_CACHE_DIR);
  }
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
}
