/**
 * Runs tasks one after the other, in the order of the calls. A task that fails does not stop those
 * behind it. The queue is bounded so that one caller cannot pile up work.
 */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly maxWaiting: number = Number.POSITIVE_INFINITY) {}

  get full(): boolean {
    return this.#waiting >= this.maxWaiting;
  }

  run<T>(task: () => Promise<T> | T): Promise<T> {
    this.#waiting += 1;
    const result = this.#tail.then(task).finally(() => {
      this.#waiting -= 1;
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
