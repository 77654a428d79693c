import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { GuardOrder } from './orphan-guard.js';

/** How long the orphans have between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;
const POLL_INTERVAL_MS = 50;

const watched = new Set<number>();
let folder: string | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => undefined);
}

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const order = JSON.parse(line) as GuardOrder;
  if ('watch' in order) watched.add(order.watch);
  else if ('release' in order) watched.delete(order.release);
  else folder = order.folder;
});
orders.on('close', () => void endOrphans());

async function endOrphans(): Promise<void> {
  const groups = [...watched];
  for (const group of groups) signalGroup(group, 'SIGTERM');
  const endMs = performance.now() + GRACE_MS;
  while (groups.some((group) => signalGroup(group, 0)) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  for (const group of groups) signalGroup(group, 'SIGKILL');
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** Whether there was still such a group. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    // ESRCH: it is gone.
    return false;
  }
}
