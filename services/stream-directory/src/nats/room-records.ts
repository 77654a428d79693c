import { z } from 'zod';
import { fromSubjectToken, subjectToken } from '@sluice/core';
import type { KvBucket, KvFollower, KvValue } from '@sluice/nats-kit';
import type { RoomRecord, RoomRecords } from '../domain/rooms/room-doors.js';
import type { KnownRoom, SweptRecords } from '../domain/rooms/room-sweep.js';

const Record = z.object({ locked: z.boolean(), members: z.array(z.string()) });

interface Known {
  readonly locked: boolean;
  readonly revision: number;
}

/** Which rooms have records, and are locked, as the bucket was last heard to say. */
export class KnownRooms implements KvFollower {
  readonly #known = new Map<string, Known>();

  isLocked(key: string): boolean {
    return this.#known.get(key)?.locked ?? false;
  }

  *all(): Iterable<KnownRoom> {
    for (const [key, known] of this.#known) yield { room: fromSubjectToken(key), ...known };
  }

  onReset(): void {
    this.#known.clear();
  }

  onEntry(key: string, { value, revision }: KvValue): void {
    if (value) this.note(key, { locked: parse(value)?.locked ?? false, revision });
    else this.drop(key, revision);
  }

  onLoaded(keys: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }

  /** What is heard may be older than what was written here. */
  note(key: string, known: Known): void {
    if ((this.#known.get(key)?.revision ?? 0) <= known.revision) this.#known.set(key, known);
  }

  drop(key: string, revision: number): void {
    if ((this.#known.get(key)?.revision ?? 0) <= revision) this.#known.delete(key);
  }
}

/** Room records in a JetStream KV bucket. */
export class NatsRoomRecords implements RoomRecords, SweptRecords {
  constructor(
    private readonly bucket: Pick<KvBucket, 'read' | 'write' | 'remove'>,
    private readonly known: KnownRooms,
  ) {}

  isLocked(room: string): boolean {
    return this.known.isLocked(subjectToken(room));
  }

  all(): Iterable<KnownRoom> {
    return this.known.all();
  }

  async read(room: string) {
    const entry = await this.bucket.read(subjectToken(room));
    return { record: parse(entry?.value), revision: entry?.revision ?? 0 };
  }

  async write(room: string, record: RoomRecord, revision: number): Promise<boolean> {
    const key = subjectToken(room);
    const value = new TextEncoder().encode(JSON.stringify(record));
    const written = await this.bucket.write(key, value, revision);
    if (written === undefined) return false;
    this.known.note(key, { locked: record.locked, revision: written });
    return true;
  }

  async remove(room: string, revision: number): Promise<void> {
    const key = subjectToken(room);
    await this.bucket.remove(key, revision);
    this.known.drop(key, revision);
  }
}

/** Undefined for what is no record of ours, which may be written over. */
function parse(value: Uint8Array | undefined): RoomRecord | undefined {
  if (!value) return undefined;
  try {
    return Record.safeParse(JSON.parse(new TextDecoder().decode(value))).data;
  } catch {
    return undefined;
  }
}
