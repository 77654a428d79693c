import { SluiceError, type Clock, type ErrorCode } from '@sluice/core';

/** Told how something ended, and how long it took. */
export type SetUpObserver = (outcome: 'OK' | ErrorCode, durationMs: number) => void;

/** What `task` gives, with `observer` told of it. */
export async function observed<T>(
  clock: Clock,
  observer: SetUpObserver | undefined,
  task: () => Promise<T>,
): Promise<T> {
  const startedAtMs = clock.nowMs();
  try {
    const result = await task();
    observer?.('OK', clock.nowMs() - startedAtMs);
    return result;
  } catch (error) {
    observer?.(SluiceError.from(error).code, clock.nowMs() - startedAtMs);
    throw error;
  }
}
