import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The core of what is measured, and the one of what makes the load. */
export const MEASURED_CORE = 0;
export const LOAD_CORE = Math.min(1, availableParallelism() - 1);

/** Keeps all threads of these processes on one core; false where the machine has no taskset. */
export function pin(pids: readonly number[], core: number): boolean {
  try {
    for (const pid of pids) {
      execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
    }
    return true;
  } catch {
    // Not Linux, or without util-linux: the figures say that nothing was pinned.
    return false;
  }
}
