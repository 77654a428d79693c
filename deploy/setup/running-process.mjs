import { readFileSync } from 'node:fs';

/**
 * A process as `<pid> <start>`. The start, in clock ticks since boot, tells it from a later process
 * with the same pid; it is empty where there is no /proc.
 */
export function identifyProcess(pid) {
  return `${pid} ${startTicks(pid)}`;
}

/** Whether the process with that identity still runs. */
export function isRunning(identity) {
  const pid = Number(identity.split(' ')[0]);

  return Number.isInteger(pid) && pid > 0 && exists(pid) && identifyProcess(pid) === identity;
}

function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function startTicks(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command in parentheses, may hold spaces; the start is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '';
  }
}
