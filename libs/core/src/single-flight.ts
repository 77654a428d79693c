import type { Closable } from './resource.js';

/**
 * At most one value per key, however many ask at once.
 *
 * Invariant: an entry exists exactly while its value is being opened or is open, so a failed or
 * closed value is never handed out and the next call opens a new one.
 */
export class SingleFlight<Key, Value extends Closable> {
  readonly #entries = new Map<Key, Promise<Value>>();
  readonly #open = new Map<Key, Value>();

  /** The open value, or the one being opened, or a new one from `open`. */
  ensure(key: Key, open: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known) return known;

    const opening = open();
    this.#entries.set(key, opening);
    const forget = () => {
      if (this.#entries.get(key) !== opening) return;
      this.#entries.delete(key);
      this.#open.delete(key);
    };
    opening.then((value) => {
      if (this.#entries.get(key) === opening) this.#open.set(key, value);
      value.onClosed(forget);
    }, forget);
    return opening;
  }

  /** The open value of a key; undefined while it is being opened. */
  find(key: Key): Value | undefined {
    return this.#open.get(key);
  }

  /** All open values. */
  values(): IterableIterator<Value> {
    return this.#open.values();
  }
}
