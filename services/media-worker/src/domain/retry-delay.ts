import type { Random } from '@sluice/core';

/** At once the first time: most losses are short. */
const FIRST_MS = 250;
const LAST_MS = 30_000;

/** How long to wait after so many failures in a row; spread, since a switch takes many cameras away. */
export function retryDelayMs(failures: number, random: Random): number {
  const usualMs = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return usualMs * (0.5 + random());
}
