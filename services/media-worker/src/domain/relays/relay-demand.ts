import type { Clock, Timer } from '@sluice/core';

/**
 * Tells a parent whether anybody below wants packets: at once when somebody does, after a delay when
 * nobody does any more, since viewers come and go. A new parent sends nothing until told.
 */
export class RelayDemand {
  #wanted = false;
  #paused = true;
  #send: ((paused: boolean) => void) | undefined;
  #timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly pauseDelayMs: number,
  ) {}

  /** From now on `send` reaches the parent; undefined while there is none. */
  connect(send: ((paused: boolean) => void) | undefined): void {
    this.#send = send;
    this.#paused = true;
    this.#weigh();
  }

  setWanted(wanted: boolean): void {
    this.#wanted = wanted;
    this.#weigh();
  }

  #weigh(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#send || this.#wanted === !this.#paused) return;
    if (this.#wanted) this.#tell(false);
    else this.#timer = this.clock.after(this.pauseDelayMs, () => this.#tell(true));
  }

  #tell(paused: boolean): void {
    this.#paused = paused;
    this.#send?.(paused);
  }
}
