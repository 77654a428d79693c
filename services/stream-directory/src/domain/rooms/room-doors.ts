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

/** A session in a room, as the nodes say. */
export interface Attendance {
  readonly participant: string;
  readonly connectionId: string;
  /** Shown to the others. */
  readonly present: boolean;
}

/** Somebody at the door. */
export interface Comer {
  readonly room: string;
  readonly participant: string;
  /** Undefined where it has no session in the room yet. */
  readonly connectionId?: string;
  /** Whether it may be the first one there; true where nothing is said. */
  readonly mayOpen?: boolean;
}

export interface RoomDoorsOptions {
  readonly records: RoomRecords;
  readonly attendances: (room: string) => Promise<readonly Attendance[]>;
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

  /**
   * @throws {SluiceError} PERMISSION_DENIED when locked or nobody is there who may open it,
   * CAPACITY_EXHAUSTED when full, UNAVAILABLE.
   */
  async admit(comer: Comer): Promise<void> {
    const { room, mayOpen = true } = comer;
    if (room === '') return;
    if (!mayOpen && (await this.options.attendances(room)).length === 0) {
      throw new SluiceError('PERMISSION_DENIED', 'your token does not let you open rooms');
    }
    if (this.#isOpen(room)) return;
    await this.#change(room, (record, there) =>
      record.locked ? this.#enterLocked(comer, record, there) : this.#enter(comer, record, there),
    );
  }

  /** @throws {SluiceError} UNAVAILABLE. */
  setLocked(room: string, locked: boolean): Promise<void> {
    return this.#change(room, ({ members }, there) => ({
      locked,
      members: locked ? [...new Set([...members, ...participantsOf(there)])] : members,
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

  /** Of a locked room nobody is forgotten: who is in it may lose a node and come back. */
  #enterLocked(
    { participant, connectionId }: Comer,
    { members }: RoomRecord,
    there: readonly Attendance[],
  ): RoomRecord | undefined {
    if (members.includes(participant))
      return this.#again({ locked: true, members }, participant, there);
    const isIn =
      participantsOf(there).has(participant) || onlyWatches(there, connectionId) !== undefined;
    if (!isIn) throw new SluiceError('PERMISSION_DENIED', 'the room is locked');
    return { locked: true, members: [...new Set([...members, participant])] };
  }

  #enter(
    { room, participant, connectionId }: Comer,
    record: RoomRecord,
    there: readonly Attendance[],
  ): RoomRecord | undefined {
    const { participantsMax } = this.options;
    const counted = countedOf(there, connectionId);
    const own = onlyWatches(there, connectionId);
    const members = record.members.filter(
      (member) => this.#isThere(room, member, counted) && (member !== own || counted.has(member)),
    );
    if (members.includes(participant)) {
      return this.#again({ locked: false, members }, participant, there);
    }
    const inside = new Set([...members, ...counted]);
    if (participantsMax > 0 && !inside.has(participant) && inside.size >= participantsMax) {
      throw new SluiceError('CAPACITY_EXHAUSTED', 'the room is full');
    }
    return { locked: false, members: [...inside.add(participant)] };
  }

  /** One who is not seen yet is written again, so that nobody takes the record for unneeded. */
  #again(
    record: RoomRecord,
    participant: string,
    there: readonly Attendance[],
  ): RoomRecord | undefined {
    return participantsOf(there).has(participant) ? undefined : record;
  }

  async #change(
    room: string,
    next: (record: RoomRecord, there: readonly Attendance[]) => RoomRecord | undefined,
  ): Promise<void> {
    const { records, attendances } = this.options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const { record = { locked: false, members: [] }, revision } = await records.read(room);
      const changed = next(record, await attendances(room));
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

function participantsOf(there: readonly Attendance[]): ReadonlySet<string> {
  return new Set(there.map(({ participant }) => participant));
}

/** As whom a connection watches that shows itself as nobody. */
function onlyWatches(
  there: readonly Attendance[],
  connectionId: string | undefined,
): string | undefined {
  const own = there.filter((session) => session.connectionId === connectionId);
  return own.some(({ present }) => present) ? undefined : own[0]?.participant;
}

/**
 * Those who take a place. A connection that shows itself as somebody does not take another one for
 * what it watches besides, nor does that of `comer`, who is to be shown now.
 */
function countedOf(there: readonly Attendance[], comer: string | undefined): ReadonlySet<string> {
  const shown = new Set(there.flatMap((session) => (session.present ? session.connectionId : [])));
  if (comer !== undefined) shown.add(comer);
  return participantsOf(
    there.filter(({ present, connectionId }) => present || !shown.has(connectionId)),
  );
}
