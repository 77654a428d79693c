import type { Attachment, SessionEvent, Watcher } from './session-events.js';

/** More cannot be missed by a client that does nothing: each subscription ends once. */
const MISSED_MAX = 1_024;

export interface WatchingContext {
  /** What there is: every watcher is told that first. */
  readonly snapshot: () => SessionEvent;
  /** What every watcher is told, once it is known that the session must go. */
  readonly move: () => SessionEvent | undefined;
  /** Says offers again that may have been lost with the watcher before. */
  readonly repeatOffers: () => void;
  /** Somebody watches now, or nobody does any more. */
  readonly onChanged: () => void;
}

/** Who passes on what a session says: one at a time; what nobody was there to hear waits for the next. */
export class SessionWatching {
  #watcher: Watcher | undefined;
  /** Told to nobody yet. */
  readonly #missed: SessionEvent[] = [];

  constructor(private readonly context: WatchingContext) {}

  get attached(): boolean {
    return this.#watcher !== undefined;
  }

  /** Says everything to `write` from now on, beginning with what there is; an older watcher ends. */
  attach(write: (event: SessionEvent) => void): Attachment {
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const watcher: Watcher = { write, end: () => resolve(undefined) };
    const replaced = this.#watcher;
    this.#watcher = watcher;
    replaced?.end();
    if (!replaced) this.context.onChanged();
    this.#greet(write);
    return { over, detach: () => this.#detach(watcher) };
  }

  tell(event: SessionEvent): void {
    if (this.#watcher) this.#watcher.write(event);
    // Offers are said again to the next watcher; all else it must hear of once.
    else if (event.type !== 'subscriptionOffered' && this.#missed.length < MISSED_MAX) {
      this.#missed.push(event);
    }
  }

  /** Tells nobody but who watches now: the next one is told that anyway. */
  tellOfMove(): void {
    const move = this.context.move();
    if (move) this.#watcher?.write(move);
  }

  /** The session is over. */
  end(reason: string): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    watcher?.write({ type: 'ended', reason });
    watcher?.end();
  }

  #greet(write: (event: SessionEvent) => void): void {
    const { snapshot, move, repeatOffers } = this.context;
    write(snapshot());
    for (const event of this.#missed.splice(0)) write(event);
    const moving = move();
    if (moving) write(moving);
    repeatOffers();
  }

  #detach(watcher: Watcher): void {
    watcher.end();
    if (this.#watcher !== watcher) return;
    this.#watcher = undefined;
    this.context.onChanged();
  }
}

/** Of a session that is over already. */
export function tooLate(write: (event: SessionEvent) => void): Attachment {
  write({ type: 'ended', reason: 'the session is over' });
  return { over: Promise.resolve(), detach: () => undefined };
}
