import { SluiceError, type Clock } from '@sluice/core';
import { steadyFlow } from '../streams/first-packets.js';
import type { StreamCopy } from '../streams/stream-copy.js';
import type { Subscription } from './subscription.js';

export interface FindAgainOptions {
  readonly clock: Clock;
  /** Waits before each try. */
  readonly delaysMs: readonly number[];
  /** Looks for the stream. */
  readonly ensure: () => Promise<StreamCopy>;
}

/**
 * A copy of a stream whose origin moved, or to which the way broke; undefined when the subscription
 * has ended meanwhile, or none is to be had.
 */
export async function findAgain(
  subscription: Subscription,
  { clock, delaysMs, ensure }: FindAgainOptions,
): Promise<StreamCopy | undefined> {
  for (const delayMs of delaysMs) {
    await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    if (subscription.closed) return undefined;
    try {
      const copy = await ensure();
      if (subscription.flowing) await whenSteady(copy, subscription, clock);
      return copy;
    } catch {
      // Not there yet, or no way to it: the next try may find it.
    }
  }
  return undefined;
}

/** While the old source still feeds the client, the new one may take its time. */
async function whenSteady(
  copy: StreamCopy,
  subscription: Subscription,
  clock: Clock,
): Promise<void> {
  const hold = {};
  const producers = [...copy.tracks.values()].map(({ producer }) => producer);
  copy.watch(hold, true);
  await Promise.race([steadyFlow(clock, producers), subscription.dry()]);
  copy.unwatch(hold);
  if (copy.closed) throw new SluiceError('UNAVAILABLE', 'the stream was lost again');
}
