import { SluiceError, parseStreamKey, type StreamKey } from '@sluice/core';
import type { StreamRecords } from '../domain/ports.js';
import type { ReadRecord, StoredRecord, StreamRecord } from '../domain/streams/stream-record.js';

/** A bucket in memory, for tests: passes the same contract as the one in NATS. */
export class MemoryStreamRecords implements StreamRecords {
  highestEpoch = 0;
  /** As when NATS is away. */
  away = false;
  #records = new Map<StreamKey, StoredRecord>();
  #revision = 0;
  #epochFloor = 0;

  find(key: StreamKey): StoredRecord | undefined {
    return this.#records.get(key);
  }

  *all(): Generator<readonly [StreamKey, StoredRecord]> {
    yield* this.#records;
  }

  *ofRoom(room: string): Generator<readonly [StreamKey, StoredRecord]> {
    for (const entry of this.#records) if (parseStreamKey(entry[0])?.room === room) yield entry;
  }

  async read(key: StreamKey): Promise<ReadRecord> {
    await this.#reach();
    return this.#records.get(key) ?? { record: undefined, revision: 0 };
  }

  async write(
    key: StreamKey,
    record: StreamRecord,
    revision: number,
  ): Promise<'written' | 'conflict'> {
    await this.#reach();
    if ((this.#records.get(key)?.revision ?? 0) !== revision) return 'conflict';
    this.#revision += 1;
    this.#records.set(key, { record, revision: this.#revision });
    this.highestEpoch = Math.max(this.highestEpoch, record.epoch);
    return 'written';
  }

  async remove(key: StreamKey, revision: number): Promise<void> {
    await this.#reach();
    if (this.#records.get(key)?.revision === revision) this.#records.delete(key);
  }

  async readEpochFloor(): Promise<number> {
    await this.#reach();
    return this.#epochFloor;
  }

  async raiseEpochFloor(epoch: number): Promise<void> {
    await this.#reach();
    this.#epochFloor = Math.max(this.#epochFloor, epoch);
  }

  /** As when NATS loses its data. */
  wipe(): void {
    this.#records = new Map();
    this.#epochFloor = 0;
  }

  /** Every operation takes a turn, so that callers interleave as they do over a network. */
  async #reach(): Promise<void> {
    await Promise.resolve();
    if (this.away) throw new SluiceError('UNAVAILABLE', 'the stream records cannot be reached');
  }
}
