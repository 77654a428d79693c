import { SluiceError, type Serial } from '@sluice/core';

export interface CommandsContext {
  /** Maybe shared with other sessions. */
  readonly turn: Serial;
  /** Commands that wait for the one before them. */
  readonly waitingMax: number;
  /** Whether the session has ended. */
  readonly isOver: () => boolean;
  readonly onDone: () => void;
}

/** What a client asks of a session, one after the other. */
export class SessionCommands {
  #waiting = 0;

  constructor(private readonly context: CommandsContext) {}

  /** Whether none runs or waits. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** @throws {SluiceError} RATE_LIMITED when as many wait as may. */
  admit(): void {
    if (this.#waiting < this.context.waitingMax) return;
    throw new SluiceError('RATE_LIMITED', 'too many commands at once');
  }

  /** @throws what `task` throws; as {@link admit}; NOT_FOUND when the session has ended meanwhile. */
  async run<T>(task: () => Promise<T> | T): Promise<T> {
    this.admit();
    this.#waiting += 1;
    try {
      return await this.context.turn.run(() => {
        if (this.context.isOver()) throw new SluiceError('NOT_FOUND', 'the session is over');
        return task();
      });
    } finally {
      this.#waiting -= 1;
      this.context.onDone();
    }
  }

  /** Runs, between commands, what the session does by itself. */
  between<T>(task: () => Promise<T>): Promise<T> {
    return this.context.turn.run(task);
  }
}
