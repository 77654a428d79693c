import { readFileSync, readdirSync } from 'node:fs';

/** Whether a process with that id runs; one that has ended and only waits to be collected does not. */
export function isRunning(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== 'Z';
}

/** Says which of these still run; undefined when none does. */
export function stillRunning(pids: readonly number[]): string | undefined {
  const running = pids.filter(isRunning);
  return running.length === 0 ? undefined : `still running: ${running.join(', ')}`;
}

/** A process with its children, their children, and so on. */
export function processTree(root: number): readonly number[] {
  const parents = new Map(allProcesses().map((pid) => [pid, statOf(pid)?.parent]));
  const tree = [root];
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  }
  return tree;
}

function allProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    // The command, in parentheses, may hold anything; what follows it is numbers but for the state.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    // It is gone.
    return undefined;
  }
}
