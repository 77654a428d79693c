/** How a core whose worker died comes back. */
export interface Restart {
  readonly afterMs: number;
  /** It keeps dying, and is left alone for long. */
  readonly quarantined: boolean;
}

/** Deaths within this time count together. */
export const DEATHS_WINDOW_MS = 60_000;
const DEATHS_TO_QUARANTINE = 3;
const FIRST_DELAY_MS = 100;
const QUARANTINE_MS = 600_000;

/**
 * A worker that dies once is started again at once, the second time later; one that keeps dying is
 * left alone, since whatever kills it would go on taking sessions with it. What killed it may have
 * gone by the time that it is tried again, so that a node does not lose one core after the other.
 */
export function nextRestart(deathsAtMs: readonly number[], nowMs: number): Restart {
  const recent = deathsAtMs.filter((atMs) => nowMs - atMs < DEATHS_WINDOW_MS).length;
  if (recent >= DEATHS_TO_QUARANTINE) return { afterMs: QUARANTINE_MS, quarantined: true };
  return { afterMs: FIRST_DELAY_MS * 10 ** Math.max(0, recent - 1), quarantined: false };
}
