import { TokenBucket, type Clock } from '@sluice/core';

const KEYS_MAX = 10_000;

/** A {@link TokenBucket} per key, for as many keys as fit; the longest unused is forgotten first. */
export class KeyedBuckets {
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(
    private readonly clock: Clock,
    private readonly perSecond: number,
    private readonly burst: number,
  ) {}

  take(key: string): boolean {
    const bucket =
      this.#buckets.get(key) ?? new TokenBucket(this.clock, this.perSecond, this.burst);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= KEYS_MAX) break;
      this.#buckets.delete(oldest);
    }
    return bucket.take();
  }
}
