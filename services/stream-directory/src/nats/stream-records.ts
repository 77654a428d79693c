import { z } from 'zod';
import { parseStreamKey, type StreamKey } from '@sluice/core';
import type { KvBucket, KvFollower, KvValue } from '@sluice/nats-kit';
import { GroupedMap } from '../domain/cluster/grouped-map.js';
import type { StreamRecords } from '../domain/ports.js';
import type { ReadRecord, StoredRecord, StreamRecord } from '../domain/streams/stream-record.js';

/** The one key that is no stream's: those have three parts. */
const EPOCH_FLOOR_KEY = 'epoch-floor';

const Epoch = z.int().min(0);
const Text = z.string().min(1).max(256);
const Record = z.object({
  state: z.enum(['held', 'released', 'lost']),
  epoch: Epoch,
  origin: z.object({ nodeId: Text, bootId: Text, routerId: Text, grpcAddress: Text }),
  sessionId: Text,
});
const EpochFloor = z.object({ epoch: Epoch });

/** The local copy: what the bucket was last heard to hold. */
export class RecordCopy implements KvFollower {
  readonly #records = new GroupedMap<StreamKey, readonly [StreamKey, StoredRecord]>();

  #highestEpoch = 0;

  /** `onAllLoaded` is told each time that the copy is complete (again). */
  constructor(private readonly onAllLoaded: () => void = () => undefined) {}

  get highestEpoch(): number {
    return this.#highestEpoch;
  }

  find(key: StreamKey): StoredRecord | undefined {
    return this.#records.get(key)?.[1];
  }

  ofRoom(room: string): Iterable<readonly [StreamKey, StoredRecord]> {
    return this.#records.inGroup(room);
  }

  all(): Iterable<readonly [StreamKey, StoredRecord]> {
    return this.#records.values();
  }

  onEntry(key: string, { value, revision }: KvValue): void {
    if (key === EPOCH_FLOOR_KEY) {
      this.#see(parse(EpochFloor, value)?.epoch ?? 0);
      return;
    }
    // The watch lags behind our own writes.
    if ((this.find(key as StreamKey)?.revision ?? 0) >= revision) return;
    const record = parse(Record, value);
    if (record) this.keep(key as StreamKey, record, revision);
    else this.drop(key as StreamKey);
  }

  /** Revisions of another bucket cannot be compared. */
  onReset(): void {
    this.#records.clear();
  }

  onLoaded(keys: ReadonlySet<string>): void {
    for (const key of [...this.#records.keys()]) if (!keys.has(key)) this.drop(key);
    this.onAllLoaded();
  }

  keep(key: StreamKey, record: StreamRecord, revision: number): void {
    const name = parseStreamKey(key);
    if (!name) return;
    this.#see(record.epoch);
    this.#records.set(key, name.room, [key, { record, revision }]);
  }

  drop(key: StreamKey): void {
    this.#records.delete(key);
  }

  #see(epoch: number): void {
    this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
  }
}

/** Stream records in a JetStream KV bucket. */
export class NatsStreamRecords implements StreamRecords {
  constructor(
    private readonly bucket: Pick<KvBucket, 'read' | 'write' | 'remove'>,
    private readonly copy: RecordCopy,
  ) {}

  get highestEpoch(): number {
    return this.copy.highestEpoch;
  }

  find(key: StreamKey): StoredRecord | undefined {
    return this.copy.find(key);
  }

  ofRoom(room: string): Iterable<readonly [StreamKey, StoredRecord]> {
    return this.copy.ofRoom(room);
  }

  all(): Iterable<readonly [StreamKey, StoredRecord]> {
    return this.copy.all();
  }

  async read(key: StreamKey): Promise<ReadRecord> {
    const entry = await this.bucket.read(key);
    // What is no record of ours, such as a deletion's marker, may be written over.
    return { record: parse(Record, entry?.value), revision: entry?.revision ?? 0 };
  }

  async write(
    key: StreamKey,
    record: StreamRecord,
    revision: number,
  ): Promise<'written' | 'conflict'> {
    const written = await this.bucket.write(key, encode(record), revision);
    if (written === undefined) return 'conflict';
    // Only forwards: the watch may have told of a later write already.
    if ((this.copy.find(key)?.revision ?? 0) < written) this.copy.keep(key, record, written);
    return 'written';
  }

  async remove(key: StreamKey, revision: number): Promise<void> {
    await this.bucket.remove(key, revision);
    if (this.copy.find(key)?.revision === revision) this.copy.drop(key);
  }

  async readEpochFloor(): Promise<number> {
    return parse(EpochFloor, (await this.bucket.read(EPOCH_FLOOR_KEY))?.value)?.epoch ?? 0;
  }

  async raiseEpochFloor(epoch: number): Promise<void> {
    const entry = await this.bucket.read(EPOCH_FLOOR_KEY);
    if ((parse(EpochFloor, entry?.value)?.epoch ?? 0) >= epoch) return;
    const written = await this.bucket.write(
      EPOCH_FLOOR_KEY,
      encode({ epoch }),
      entry?.revision ?? 0,
    );
    if (written === undefined) await this.raiseEpochFloor(epoch);
  }
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parse<T>(schema: z.ZodType<T>, value: Uint8Array | undefined): T | undefined {
  if (!value) return undefined;
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(value))).data;
  } catch {
    // Not JSON, so nothing that we wrote.
    return undefined;
  }
}
