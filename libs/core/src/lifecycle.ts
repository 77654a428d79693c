interface Step {
  readonly name: string;
  readonly timeoutMs: number;
  readonly stop: () => Promise<void> | void;
}

export interface StepResult {
  readonly name: string;
  readonly outcome: 'ok' | 'failed' | 'timeout';
  readonly error?: unknown;
}

/**
 * Stops a service in the reverse of the order in which it was started. Register each step right
 * after the thing it stops has started; then the order cannot drift.
 */
export class Lifecycle {
  readonly #steps: Step[] = [];
  #stopping: Promise<readonly StepResult[]> | undefined;

  started(name: string, timeoutMs: number, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, timeoutMs, stop });
  }

  /** Call it from every signal handler; it runs once. Never rejects. */
  stop(): Promise<readonly StepResult[]> {
    return (this.#stopping ??= this.#run());
  }

  async #run(): Promise<readonly StepResult[]> {
    const results: StepResult[] = [];
    for (const step of this.#steps.toReversed()) results.push(await settle(step));
    return results;
  }
}

async function settle({ name, timeoutMs, stop }: Step): Promise<StepResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<StepResult>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, { name, outcome: 'timeout' });
  });
  // `then(stop)` rather than `stop()`: a synchronous throw becomes a result as well.
  const work = Promise.resolve()
    .then(stop)
    .then(
      (): StepResult => ({ name, outcome: 'ok' }),
      (error: unknown): StepResult => ({ name, outcome: 'failed', error }),
    );
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}
