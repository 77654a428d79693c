import type { Clock, Timer } from '@sluice/core';
import type { Attendance } from './room-doors.js';

/** A room's record as a replica last heard of it. */
export interface KnownRoom {
  readonly room: string;
  readonly locked: boolean;
  readonly revision: number;
}

export interface SweptRecords {
  all(): Iterable<KnownRoom>;
  /** Only if nobody has written since `revision`. @throws {SluiceError} UNAVAILABLE. */
  remove(room: string, revision: number): Promise<void>;
}

export interface RoomSweepOptions {
  readonly records: SweptRecords;
  readonly attendances: (room: string) => Promise<readonly Attendance[]>;
  /** For how long all nodes could be heard by now. */
  readonly hearingMs: () => number;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

const SWEEP_INTERVAL_MS = 10_000;
/** Rooms that are looked at in one go: all of them come round. */
const LOOKED_AT_MAX = 500;
/** Longer than anybody takes from being let in to being seen. */
const EMPTY_MS = 60_000;
/** A lock outlives its room a while: everybody may have lost the network for some minutes. */
export const LOCK_KEPT_MS = 3_600_000;

interface Empty {
  readonly revision: number;
  readonly sinceMs: number;
}

/**
 * Removes the records of rooms that nobody is in any more. Each replica does it by what it has seen
 * itself; whoever is let in meanwhile writes the record, and then it is not the one to be removed.
 */
export class RoomSweep {
  readonly #empty = new Map<string, Empty>();
  #sweeping: Timer | undefined;
  #busy = false;
  #offset = 0;

  constructor(private readonly options: RoomSweepOptions) {}

  start(): void {
    this.#sweeping = this.options.clock.every(SWEEP_INTERVAL_MS, () => void this.sweep());
  }

  stop(): void {
    this.#sweeping?.cancel();
  }

  /** Never rejects. */
  async sweep(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#sweep();
    } catch (error) {
      this.options.onTrouble(error);
    } finally {
      this.#busy = false;
    }
  }

  async #sweep(): Promise<void> {
    const { records, hearingMs } = this.options;
    // Who was cut off knows neither who is there nor for how long nobody was.
    if (hearingMs() < EMPTY_MS) {
      this.#empty.clear();
      return;
    }
    const known = [...records.all()];
    const rooms = new Set(known.map(({ room }) => room));
    for (const room of this.#empty.keys()) if (!rooms.has(room)) this.#empty.delete(room);
    if (this.#offset >= known.length) this.#offset = 0;
    const looked = known.slice(this.#offset, this.#offset + LOOKED_AT_MAX);
    this.#offset += LOOKED_AT_MAX;
    for (const room of looked) await this.#look(room);
  }

  async #look({ room, locked, revision }: KnownRoom): Promise<void> {
    const { records, attendances, clock } = this.options;
    if ((await attendances(room)).length > 0) {
      this.#empty.delete(room);
      return;
    }
    const empty = this.#empty.get(room);
    if (empty?.revision !== revision) {
      this.#empty.set(room, { revision, sinceMs: clock.nowMs() });
      return;
    }
    if (clock.nowMs() - empty.sinceMs < (locked ? LOCK_KEPT_MS : EMPTY_MS)) return;
    await records.remove(room, revision);
    this.#empty.delete(room);
  }
}
