import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { processTree } from '../processes.js';

/** More urgent than what it measures, so that a gap is theirs and not a page's that had to wait. */
const PRIORITY = -5;

/**
 * Chromium gives pages that nobody looks at a low priority. Raises that of every Chromium process
 * that this process has started, where it is allowed to.
 */
export function makeBrowserPrompt(): void {
  for (const pid of processTree(process.pid)) {
    if (!isOfBrowser(pid)) continue;
    try {
      setPriority(pid, PRIORITY);
    } catch {
      // Not allowed, or gone: figures are only less exact then.
    }
  }
}

function isOfBrowser(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=');
  } catch {
    // It is gone.
    return false;
  }
}
