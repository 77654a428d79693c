import { TokenBucket, type Clock } from '@sluice/core';

const FRAMES_PER_SECOND = 50;
const FRAMES_BURST = 200;
/** Some twenty of the largest frames at once. */
const BYTES_PER_SECOND = 512 * 1024;
const BYTES_BURST = 5 * 1024 * 1024;
/** Refusals that are forgiven; who goes on is closed. */
const REFUSALS_PER_SECOND = 10;
const REFUSALS_BURST = 200;

/** What to do with a frame: `warn` drops it and tells the sender, `end` lets the sender go. */
export type FrameVerdict = 'take' | 'drop' | 'warn' | 'end';

/** How many frames one client may send, and how much in them. */
export class FrameBudget {
  readonly #frames: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #refusals: TokenBucket;
  /** A client is told once a second that it sends too much. */
  readonly #warnings: TokenBucket;

  constructor(clock: Clock) {
    this.#frames = new TokenBucket(clock, FRAMES_PER_SECOND, FRAMES_BURST);
    this.#bytes = new TokenBucket(clock, BYTES_PER_SECOND, BYTES_BURST);
    this.#refusals = new TokenBucket(clock, REFUSALS_PER_SECOND, REFUSALS_BURST);
    this.#warnings = new TokenBucket(clock, 1, 1);
  }

  /** @param sizeBytes of a frame that takes longer to read the larger it is. */
  judge(sizeBytes = 0): FrameVerdict {
    if (this.#frames.take() && this.#bytes.take(sizeBytes)) return 'take';
    if (!this.#refusals.take()) return 'end';
    return this.#warnings.take() ? 'warn' : 'drop';
  }
}
