import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks of /proc per second: USER_HZ, 100 on every Linux architecture we build for. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that these processes have used so far, user and system. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return secondsIn(pids, OWN_FIELDS);
}

/** The same with what children that have ended used: a browser's pages come and go. */
export function cpuSecondsWithEndedChildrenOf(pids: readonly number[]): number {
  return secondsIn(pids, [...OWN_FIELDS, ...ENDED_CHILDREN_FIELDS]);
}

/** Fields 14 to 17 of proc(5), counted from the third, which follows the command's parenthesis. */
const OWN_FIELDS = [11, 12];
const ENDED_CHILDREN_FIELDS = [13, 14];

function secondsIn(pids: readonly number[], fields: readonly number[]): number {
  const ticks = pids.flatMap((pid) => {
    const stat = statOf(pid);
    return stat ? fields.map((field) => Number(stat[field])) : [];
  });
  return ticks.reduce((total, count) => total + count, 0) / TICKS_PER_SECOND;
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
