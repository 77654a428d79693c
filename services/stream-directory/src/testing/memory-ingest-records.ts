import { SluiceError } from '@sluice/core';
import type { IngestRecords } from '../domain/ingests/ingest-ports.js';
import { idOf, type IngestRecord, type StoredIngest } from '../domain/ingest.js';

/** A bucket of ingests in memory, for tests. */
export class MemoryIngestRecords implements IngestRecords {
  loaded = true;
  /** As when NATS is away. */
  away = false;
  readonly #records = new Map<string, StoredIngest>();
  #revision = 0;

  find(ingestId: string): StoredIngest | undefined {
    return this.#records.get(ingestId);
  }

  all(): Iterable<StoredIngest> {
    return [...this.#records.values()];
  }

  async read(ingestId: string) {
    await this.#reach();
    return this.#records.get(ingestId) ?? { record: undefined, revision: 0 };
  }

  async write(record: IngestRecord, revision: number): Promise<'written' | 'conflict'> {
    await this.#reach();
    if ((this.find(idOf(record))?.revision ?? 0) !== revision) return 'conflict';
    this.#revision += 1;
    this.#records.set(idOf(record), { record, revision: this.#revision });
    return 'written';
  }

  async remove(ingestId: string, revision: number): Promise<void> {
    await this.#reach();
    if (this.find(ingestId)?.revision === revision) this.#records.delete(ingestId);
  }

  /** As when NATS loses its data. */
  wipe(): void {
    this.#records.clear();
  }

  async #reach(): Promise<void> {
    await Promise.resolve();
    if (this.away) throw new SluiceError('UNAVAILABLE', 'NATS is away');
  }
}
