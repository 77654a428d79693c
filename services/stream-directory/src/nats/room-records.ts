import { z } from 'zod';
import { subjectToken } from '@sluice/core';
import type { KvBucket, KvFollower, KvValue } from '@sluice/nats-kit';
import type { RoomRecord, RoomRecords } from '../domain/rooms/room-doors.js';

const Record = z.object({ locked: z.boolean(), members: z.array(z.string()) });

/** Which rooms are locked, as the bucket was last heard to say. */
export class LockedRooms implements KvFollower {
  readonly #locked = new Set<string>();

  has(key: string): boolean {
    return this.#locked.has(key);
  }

  onReset(): void {
    this.#locked.clear();
  }

  onEntry(key: string, { value }: KvValue): void {
    this.note(key, parse(value)?.locked ?? false);
  }

  onLoaded(keys: ReadonlySet<string>): void {
    for (const key of [...this.#locked]) if (!keys.has(key)) this.#locked.delete(key);
  }

  note(key: string, locked: boolean): void {
    if (locked) this.#locked.add(key);
    else this.#locked.delete(key);
  }
}

/** Room records in a JetStream KV bucket. */
export class NatsRoomRecords implements RoomRecords {
  constructor(
    private readonly bucket: Pick<KvBucket, 'read' | 'write'>,
    private readonly locked: LockedRooms,
  ) {}

  isLocked(room: string): boolean {
    return this.locked.has(subjectToken(room));
  }

  async read(room: string) {
    const entry = await this.bucket.read(subjectToken(room));
    return { record: parse(entry?.value), revision: entry?.revision ?? 0 };
  }

  async write(room: string, record: RoomRecord, revision: number): Promise<boolean> {
    const key = subjectToken(room);
    const value = new TextEncoder().encode(JSON.stringify(record));
    if ((await this.bucket.write(key, value, revision)) === undefined) return false;
    this.locked.note(key, record.locked);
    return true;
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
