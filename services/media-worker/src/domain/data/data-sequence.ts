import type { DataMessage } from './channel-table.js';

/** More that wait for one that is missing mean that it will not come. */
const HELD_MAX = 256;

/**
 * The messages of a channel that loses none, in their order, though they may come by two ways for a
 * moment. It begins with the first that comes.
 */
export class Sequence {
  readonly #held = new Map<number, DataMessage>();
  #next: number | undefined;

  /** Whether some have come before others that should precede them. */
  get waits(): boolean {
    return this.#held.size > 0;
  }

  /** Whether waiting makes no sense any more. */
  get full(): boolean {
    return this.#held.size >= HELD_MAX;
  }

  /** What is due now; each count comes once. */
  take(count: number, message: DataMessage): DataMessage[] {
    this.#next ??= count;
    if (count < this.#next) return [];
    this.#held.set(count, message);
    return this.#due();
  }

  /** Gives up what is missing: what is due after that. */
  skip(): DataMessage[] {
    if (this.waits) this.#next = Math.min(...this.#held.keys());
    return this.#due();
  }

  #due(): DataMessage[] {
    const due: DataMessage[] = [];
    for (let next = this.#next ?? 0; ; next += 1) {
      this.#next = next;
      const message = this.#held.get(next);
      if (!message) return due;
      this.#held.delete(next);
      due.push(message);
    }
  }
}
