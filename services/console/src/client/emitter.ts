type Listeners<Events extends Record<keyof Events, readonly unknown[]>> = {
  [Name in keyof Events]?: Set<(...args: Events[Name]) => void>;
};

/** Events and their arguments in one place: a subclass can emit nothing else. */
export class Emitter<Events extends Record<keyof Events, readonly unknown[]>> {
  readonly #listeners: Listeners<Events> = {};

  /** Calls `listener` from now on; the returned function stops that. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const listeners = (this.#listeners[name] ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  protected emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) listener(...args);
  }
}
