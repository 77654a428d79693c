export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export const RECONNECT: Backoff = { firstMs: 300, longestMs: 10_000 };

/**
 * How long to wait before attempt `attempt` (0 is the first): nothing at first, then doubling, and
 * between half and all of it, so that the clients of a lost gateway do not come back in step.
 *
 * `random` is uniform on [0, 1).
 */
export function delayMs(attempt: number, backoff: Backoff, random: () => number): number {
  if (attempt === 0) return Math.round(backoff.firstMs * random());
  const ceilingMs = Math.min(backoff.longestMs, backoff.firstMs * 2 ** attempt);
  return Math.round(ceilingMs * (0.5 + random() / 2));
}
