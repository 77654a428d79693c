export interface GroupedMapWatcher<Key, Value> {
  readonly onAdded?: (key: Key, group: string, value: Value) => void;
  readonly onRemoved?: (key: Key, group: string, value: Value) => void;
}

/** A map whose entries can also be had by group, such as all streams of one room. */
export class GroupedMap<Key, Value> {
  readonly #entries = new Map<Key, { readonly group: string; readonly value: Value }>();
  readonly #groups = new Map<string, Map<Key, Value>>();

  /** `watcher` is told of each entry that comes and of each that goes. */
  constructor(private readonly watcher: GroupedMapWatcher<Key, Value> = {}) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: Key, group: string, value: Value): void {
    this.delete(key);
    this.#entries.set(key, { group, value });
    const members = this.#groups.get(group) ?? new Map<Key, Value>();
    this.#groups.set(group, members);
    members.set(key, value);
    this.watcher.onAdded?.(key, group, value);
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    const members = this.#groups.get(entry.group);
    members?.delete(key);
    if (members?.size === 0) this.#groups.delete(entry.group);
    this.watcher.onRemoved?.(key, entry.group, entry.value);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }

  *values(): Generator<Value> {
    for (const { value } of this.#entries.values()) yield value;
  }

  *keys(): Generator<Key> {
    yield* this.#entries.keys();
  }

  /** The entries of one group, in the order in which they were set. */
  inGroup(group: string): Iterable<Value> {
    return this.#groups.get(group)?.values() ?? [];
  }
}
