import { setTimeout as delay } from 'node:timers/promises';

const POLL_INTERVAL_MS = 50;

/** Waits for a service's own word that it can do its work. */
export async function checkReady(name: string, adminUrl: string, late: AbortSignal): Promise<void> {
  let because = 'no answer';
  while (!late.aborted) {
    try {
      const response = await fetch(new URL('/readyz', adminUrl), { signal: late });
      if (response.ok) return;
      because = await response.text();
    } catch (error) {
      because = String(error);
    }
    await delay(POLL_INTERVAL_MS);
  }
  throw new Error(`${name} is not ready: ${because}`);
}

interface ListedNode {
  readonly id: string;
  readonly state: string;
}

/** Waits until the cluster's own list has all these nodes, ready to take sessions. */
export async function nodesKnownTo(
  api: string,
  nodeIds: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const late = AbortSignal.timeout(timeoutMs);
  let missing = nodeIds;
  while (!late.aborted) {
    try {
      const response = await fetch(`${api}/nodes`, { signal: late });
      const listed = (await response.json()) as ListedNode[];
      const serving = listed.filter(({ state }) => state === 'serving');
      const known = new Set(serving.map(({ id }) => id));
      missing = nodeIds.filter((id) => !known.has(id));
      if (missing.length === 0) return;
    } catch {
      // Not answering yet, or with an error: the same as knowing no node.
      missing = nodeIds;
    }
    await delay(POLL_INTERVAL_MS);
  }
  throw new Error(`the directory does not know ${missing.join(', ')}`);
}
