import type { Clock, Timer } from '@sluice/core';

const INTERVAL_MS = 30_000;
const PULSE_MS = 1_000;
/** After such a pause others may have taken us for dead, and our streams for gone. */
const STALL_MS = 2_500;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
/** A directory that does not answer for so long may be away, and says nothing of what we hold. */
const DOUBT_MS = 5_000;

/**
 * Tells the directory again what this node holds: from time to time, at once when NATS is back,
 * which may have lost everything, and at once when this process stood still. Until the directory has
 * heard it all, it is told again and again.
 */
export class Reregistration {
  readonly #interval: Timer;
  readonly #pulse: Timer;
  #pulseAtMs: number;
  #retry: Timer | undefined;
  #stopped = false;
  #doubtUntilMs = -Infinity;

  constructor(
    private readonly clock: Clock,
    /** Whether the directory heard everything. */
    private readonly reregister: () => Promise<boolean>,
  ) {
    this.#interval = clock.every(INTERVAL_MS, () => this.now());
    this.#pulseAtMs = clock.nowMs();
    this.#pulse = clock.every(PULSE_MS, () => this.#onPulse());
  }

  /**
   * This process stood still, and the directory has not said since whether what it held is its own
   * yet. Also true before anything here has run again.
   */
  get doubtful(): boolean {
    const nowMs = this.clock.nowMs();
    return nowMs - this.#pulseAtMs > STALL_MS || nowMs < this.#doubtUntilMs;
  }

  now(): void {
    void this.#try(FIRST_RETRY_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#interval.cancel();
    this.#pulse.cancel();
    this.#retry?.cancel();
  }

  #onPulse(): void {
    const nowMs = this.clock.nowMs();
    const stalled = nowMs - this.#pulseAtMs > STALL_MS;
    this.#pulseAtMs = nowMs;
    if (!stalled) return;
    this.#doubtUntilMs = nowMs + DOUBT_MS;
    this.now();
  }

  async #try(retryMs: number): Promise<void> {
    this.#retry?.cancel();
    const heard = await this.reregister();
    if (heard) this.#doubtUntilMs = -Infinity;
    if (heard || this.#stopped) return;
    const nextMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    this.#retry?.cancel();
    this.#retry = this.clock.after(retryMs, () => void this.#try(nextMs));
  }
}
