import { SluiceError, type Clock } from '@sluice/core';

/** What all replicas must agree on before they let somebody in. */
export interface RoomRecord {
  readonly locked: boolean;
  /** Participants who were let in, and may not have arrived, or may have left. */
  readonly members: readonly string[];
}

export interface RoomRecords {
  /** From a local copy, which lags by moments. */
  isLocked(room: string): boolean;
  /** @throws {SluiceError} UNAVAILABLE. */
  read(
    room: string,
  ): Promise<{ readonly record: RoomRecord | undefined; readonly revision: number }>;
  /** Compare-and-set; false when another was first. @throws {SluiceError} UNAVAILABLE. */
  write(room: string, record: RoomRecord, revision: number): Promise<boolean>;
}

export interface RoomDoorsOptions {
  readonly records: RoomRecords;
  /** Who is in a room now, as the nodes say. */
  readonly present: (room: string) => Promise<ReadonlySet<string>>;
  /** Participants that one room takes; 0 for any number. */
  readonly participantsMax: number;
  readonly clock: Clock;
}

/** From being let in to being seen: by then a session was opened, or never will be. */
const ARRIVAL_MS = 10_000;
const ATTEMPTS_MAX = 16;
const EXPECTED_MAX = 100_000;

/**
 * Lets participants into rooms: a locked one takes nobody new, a full one neither. Replicas agree by
 * compare-and-set of the room's record, so that of two who come at once for one place one is refused.
 */
export class RoomDoors {
  /** When each member was first read in a record here, until it is seen in the room. */
  readonly #expected = new Map<string, number>();

  constructor(private readonly options: RoomDoorsOptions) {}

  /** @throws {SluiceError} PERMISSION_DENIED when locked, CAPACITY_EXHAUSTED when full, UNAVAILABLE. */
  async admit(room: string, participant: string): Promise<void> {
    const { participantsMax } = this.options;
    if (room === '' || this.#isOpen(room)) return;
    await this.#change(room, (record, present) => {
      // Of a locked room nobody is forgotten: who is in it may lose a node and come back.
      const members = record.locked
        ? record.members
        : record.members.filter((member) => this.#isThere(room, member, present));
      if (members.includes(participant)) return undefined;
      if (record.locked && !present.has(participant)) {
        throw new SluiceError('PERMISSION_DENIED', 'the room is locked');
      }
      const inside = new Set([...members, ...present]);
      if (participantsMax > 0 && !inside.has(participant) && inside.size >= participantsMax) {
        throw new SluiceError('CAPACITY_EXHAUSTED', 'the room is full');
      }
      return { ...record, members: [...inside.add(participant)] };
    });
  }

  /** @throws {SluiceError} UNAVAILABLE. */
  setLocked(room: string, locked: boolean): Promise<void> {
    return this.#change(room, ({ members }, present) => ({
      locked,
      members: locked ? [...new Set([...members, ...present])] : members,
    }));
  }

  /** Makes somebody a stranger. @throws {SluiceError} UNAVAILABLE. */
  async forget(room: string, participant: string): Promise<void> {
    if (this.#isOpen(room)) return;
    await this.#change(room, (record) =>
      record.members.includes(participant)
        ? { ...record, members: record.members.filter((member) => member !== participant) }
        : undefined,
    );
  }

  /** Whether anybody may come in, so that nobody has to be remembered. */
  #isOpen(room: string): boolean {
    return this.options.participantsMax === 0 && !this.options.records.isLocked(room);
  }

  async #change(
    room: string,
    next: (record: RoomRecord, present: ReadonlySet<string>) => RoomRecord | undefined,
  ): Promise<void> {
    const { records, present } = this.options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const { record = { locked: false, members: [] }, revision } = await records.read(room);
      const changed = next(record, await present(room));
      if (!changed || (await records.write(room, changed, revision))) return;
    }
    throw new SluiceError('UNAVAILABLE', 'too many come into the room at once');
  }

  #isThere(room: string, member: string, present: ReadonlySet<string>): boolean {
    const key = `${room}\n${member}`;
    const nowMs = this.options.clock.nowMs();
    if (present.has(member)) {
      this.#expect(key, Number.NEGATIVE_INFINITY);
      return true;
    }
    const sinceMs = this.#expected.get(key) ?? this.#expect(key, nowMs);
    if (nowMs - sinceMs < ARRIVAL_MS) return true;
    this.#expected.delete(key);
    return false;
  }

  #expect(key: string, sinceMs: number): number {
    this.#expected.delete(key);
    this.#expected.set(key, sinceMs);
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > EXPECTED_MAX && oldest !== undefined) this.#expected.delete(oldest);
    return sinceMs;
  }
}
