import type { Clock, Timer } from '@sluice/core';

/** A worker as far as its life is concerned. */
export interface PulsedWorker {
  /** Resolves with whatever the worker says; rejects when it has ended. */
  cpuTimeMs(): Promise<number>;
  kill(): void;
}

const INTERVAL_MS = 1_000;
/** Questions in a row that wait for their first answer: a worker answers within milliseconds. */
const UNANSWERED_MAX = 4;

/**
 * Kills a worker that answers nothing any more: whoever waits for its packets would otherwise wait
 * for ever, since its node lives. Counted in beats of our own, so that a stall of this process is
 * not taken for one of the worker.
 */
export class WorkerPulse {
  readonly #timer: Timer;
  #unanswered = 0;
  #asking = false;

  constructor(
    private readonly worker: PulsedWorker,
    clock: Clock,
    private readonly onStuck: () => void,
  ) {
    this.#timer = clock.every(INTERVAL_MS, () => this.#beat());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #beat(): void {
    if (!this.#asking) {
      void this.#ask();
      return;
    }
    this.#unanswered += 1;
    if (this.#unanswered < UNANSWERED_MAX) return;
    this.stop();
    this.onStuck();
    this.worker.kill();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      await this.worker.cpuTimeMs();
    } catch {
      // It ended, which its owner hears otherwise.
    } finally {
      this.#asking = false;
      this.#unanswered = 0;
    }
  }
}
