import type { Clock, Timer } from '@sluice/core';

export interface DeletionCostOptions {
  readonly clock: Clock;
  readonly sessions: () => number;
  readonly draining: () => boolean;
  /** Has Kubernetes know it. */
  readonly write: (cost: number) => Promise<void>;
  /** Told of each attempt; with the error of one that failed. */
  readonly onWritten: (error?: unknown) => void;
}

/** Rarely enough for the API server of a large cluster; a scale-in looks back over minutes. */
const INTERVAL_MS = 10_000;
const RETRY_MAX_MS = 5 * 60_000;
/** Below that of an empty node: what leaves already costs nobody a move more. */
const DRAINING_COST = -1;

/** Keeps Kubernetes told what the end of this node would cost, so that a scale-in takes the emptiest. */
export class DeletionCost {
  readonly #timer: Timer;
  #written: number | undefined;
  #writing = false;
  #failures = 0;
  #notBeforeMs = 0;

  constructor(private readonly options: DeletionCostOptions) {
    this.#timer = options.clock.every(INTERVAL_MS, () => void this.#follow());
    void this.#follow();
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #follow(): Promise<void> {
    const { clock, write, onWritten } = this.options;
    const cost = this.#cost();
    if (this.#writing || cost === this.#written || clock.nowMs() < this.#notBeforeMs) return;
    this.#writing = true;
    try {
      await write(cost);
      this.#written = cost;
      this.#failures = 0;
      onWritten();
    } catch (error) {
      this.#failures += 1;
      const delayMs = Math.min(INTERVAL_MS * 2 ** this.#failures, RETRY_MAX_MS);
      this.#notBeforeMs = clock.nowMs() + delayMs;
      onWritten(error);
    } finally {
      this.#writing = false;
    }
  }

  #cost(): number {
    return this.options.draining() ? DRAINING_COST : this.options.sessions();
  }
}
