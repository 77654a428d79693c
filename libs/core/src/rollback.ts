type Undo = () => void | Promise<void>;

/**
 * Undoes a half-finished operation of several steps, last step first, unless `commit()` was reached.
 *
 *     await using rollback = new Rollback(report);
 *     const consumer = await pipe.consume(producer);
 *     rollback.add(() => consumer.close());
 *     await directory.claim(name);
 *     rollback.commit();
 */
export class Rollback implements AsyncDisposable {
  #undos: Undo[] = [];

  constructor(private readonly report: (error: unknown) => void) {}

  add(undo: Undo): void {
    this.#undos.push(undo);
  }

  commit(): void {
    this.#undos = [];
  }

  /** Never rejects: the caller's original error must win over a failed undo. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undos.reverse()) {
      try {
        await undo();
      } catch (error) {
        this.report(error);
      }
    }
    this.#undos = [];
  }
}
