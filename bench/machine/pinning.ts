import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The core of what is measured, and the one of what makes the load. */
export const MEASURED_CORE = 0;
export const LOAD_CORE = Math.min(1, availableParallelism() - 1);

/** The cores that this process may use, as the one who started it decided. */
export function allowedCores(): readonly number[] {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
    return list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    // Not Linux.
    return Array.from({ length: availableParallelism() }, (_, core) => core);
  }
}

/** Keeps all threads of these processes on these cores; false where the machine has no taskset. */
export function pin(pids: readonly number[], ...cores: readonly number[]): boolean {
  try {
    for (const pid of pids) {
      const list = cores.join(',');
      execFileSync('taskset', ['-a', '-c', '-p', list, String(pid)], { stdio: 'ignore' });
    }
    return true;
  } catch {
    // Not Linux, or without util-linux: the figures say that nothing was pinned.
    return false;
  }
}
