import { TokenBucket, type Clock } from '@sluice/core';

/** How much data one session may publish. */
export interface DataLimits {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** At once, in seconds of what is let through in the long run. */
const BURST_SECONDS = { messages: 4, bytes: 2 };

/** What all data channels of one session may send, together. */
export class DataRate {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(clock: Clock, { messagesPerSecond, bytesPerSecond }: DataLimits) {
    const burst = messagesPerSecond * BURST_SECONDS.messages;
    this.#messages = new TokenBucket(clock, messagesPerSecond, burst);
    this.#bytes = new TokenBucket(clock, bytesPerSecond, bytesPerSecond * BURST_SECONDS.bytes);
  }

  /** Whether another message of that size is within it. */
  take(bytes: number): boolean {
    return this.#messages.take() && this.#bytes.take(bytes);
  }
}
