import type { Clock, Timer } from '@sluice/core';

interface Task {
  atMs: number;
  readonly run: () => void;
  readonly intervalMs?: number;
}

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #tasks = new Set<Task>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + delayMs, run });
  }

  every(intervalMs: number, run: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + intervalMs, run, intervalMs });
  }

  /** Moves on by `ms`, running what falls due, in order. */
  elapse(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let task = this.#next(endMs); task; task = this.#next(endMs)) {
      this.#nowMs = task.atMs;
      if (task.intervalMs === undefined) this.#tasks.delete(task);
      else task.atMs += task.intervalMs;
      task.run();
    }
    this.#nowMs = endMs;
  }

  #add(task: Task): Timer {
    this.#tasks.add(task);
    return { cancel: () => this.#tasks.delete(task) };
  }

  #next(endMs: number): Task | undefined {
    const due = [...this.#tasks].filter((task) => task.atMs <= endMs);
    return due.sort((a, b) => a.atMs - b.atMs)[0];
  }
}
