import { EventEmitter } from 'node:events';

export type CloseReason = string;

/** What every lifetime emits; subclasses add their own. */
export interface ResourceEvents {
  /** Exactly once, last: by then all children are closed and `release()` has run. */
  closed: [reason: CloseReason];
}

/**
 * Anything with a lifetime: session, connection, stream, pipe, relay. Lifetimes form a tree: closing
 * a parent closes its children, newest first, and a child that arrives too late is closed at once.
 */
export abstract class Resource<
  Events extends ResourceEvents & Record<keyof Events, unknown[]> = ResourceEvents,
> {
  readonly #children = new Set<Closable>();
  readonly #emitter = new EventEmitter();
  #closed = false;

  constructor() {
    // Every subscription of a popular stream listens to it: not a leak.
    this.#emitter.setMaxListeners(0);
  }

  get closed(): boolean {
    return this.#closed;
  }

  on<K extends keyof Events & string>(event: K, listener: (...args: Events[K]) => void): this {
    this.#emitter.on(event, listener);
    return this;
  }

  off<K extends keyof Events & string>(event: K, listener: (...args: Events[K]) => void): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /** Runs `listener` once, at once if already closed. */
  onClosed(listener: (reason: CloseReason) => void): void {
    if (this.#closed) listener('already closed');
    else this.#emitter.once('closed', listener);
  }

  /** Synchronous and idempotent. */
  close(reason: CloseReason = 'requested'): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const child of [...this.#children].reverse()) child.close('parent closed');
    this.release(reason);
    this.#emitter.emit('closed', reason);
    this.#emitter.removeAllListeners();
  }

  protected emit<K extends Exclude<keyof Events & string, 'closed'>>(
    event: K,
    ...args: Events[K]
  ): void {
    if (!this.#closed) this.#emitter.emit(event, ...args);
  }

  /** Ties `child`'s life to this one. */
  protected own<T extends Closable>(child: T): T {
    if (this.#closed) child.close('parent closed');
    if (child.closed) return child;
    this.#children.add(child);
    child.onClosed(() => this.#children.delete(child));
    return child;
  }

  /** Frees what this object itself holds. Must not throw. */
  protected release(_reason: CloseReason): void {}
}

/** The part of a {@link Resource} that its owner needs. */
export interface Closable {
  readonly closed: boolean;
  close(reason?: CloseReason): void;
  onClosed(listener: (reason: CloseReason) => void): void;
}
