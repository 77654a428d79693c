import { TokenBucket, type Clock } from '@sluice/core';

const FRAMES_PER_SECOND = 50;
const FRAMES_BURST = 200;
/** Refusals that are forgiven; who goes on is closed. */
const REFUSALS_PER_SECOND = 10;
const REFUSALS_BURST = 200;

/** What to do with a frame: `warn` drops it and tells the sender, `end` lets the sender go. */
export type FrameVerdict = 'take' | 'drop' | 'warn' | 'end';

/** How many frames one client may send. */
export class FrameBudget {
  readonly #frames: TokenBucket;
  readonly #refusals: TokenBucket;
  /** A client is told once a second that it sends too much. */
  readonly #warnings: TokenBucket;

  constructor(clock: Clock) {
    this.#frames = new TokenBucket(clock, FRAMES_PER_SECOND, FRAMES_BURST);
    this.#refusals = new TokenBucket(clock, REFUSALS_PER_SECOND, REFUSALS_BURST);
    this.#warnings = new TokenBucket(clock, 1, 1);
  }

  judge(): FrameVerdict {
    if (this.#frames.take()) return 'take';
    if (!this.#refusals.take()) return 'end';
    return this.#warnings.take() ? 'warn' : 'drop';
  }
}
