import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks of /proc per second: USER_HZ, 100 on every Linux architecture we build for. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that these processes have used so far, user and system. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + cpuSecondsOfOne(pid), 0);
}

function cpuSecondsOfOne(pid: number): number {
  const stat = statOf(pid);
  // Fields 14 and 15 of proc(5), counted from the third, which follows the command's parenthesis.
  return stat ? (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND : 0;
}

function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It is gone, and has used its last.
    return undefined;
  }
}

/** These processes and all that descend from them. */
export function withDescendants(roots: readonly number[]): readonly number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((name) => [Number(name), Number(statOf(Number(name))?.[1])]));
  const tree = [...new Set(roots)];
  for (const pid of tree) {
    for (const [child, parent] of parents) {
      if (parent === pid && !tree.includes(child)) tree.push(child);
    }
  }
  return tree;
}

interface MachineCpu {
  readonly busySeconds: number;
  readonly stolenSeconds: number;
}

/** What the whole machine has used so far, over all cores. */
export function machineCpu(): MachineCpu {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  return { busySeconds: user + nice + system + irq + softIrq, stolenSeconds: steal };
}
