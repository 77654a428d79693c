/** Messages for one reader, who may come later than they do. */
export class Inbox<Message> {
  #waiting: Message[] = [];
  #over: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** What comes after the end is dropped. */
  put(message: Message): void {
    if (this.#over) return;
    this.#waiting.push(message);
    this.#wake?.();
  }

  end(): void {
    this.#finish(undefined);
  }

  /** The reader gets what came before, and then this. */
  fail(error: Error): void {
    this.#finish(error);
  }

  /** For one reader. */
  async *messages(): AsyncGenerator<Message> {
    for (;;) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#over?.error) throw this.#over.error;
      if (this.#over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  #finish(error: Error | undefined): void {
    this.#over ??= { error };
    this.#wake?.();
  }
}
