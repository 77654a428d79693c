import { z } from 'zod';
import type { KvBucket, KvFollower, KvValue } from '@sluice/nats-kit';
import type { IngestRecords } from '../domain/ingests/ingest-ports.js';
import { idOf, type IngestRecord, type StoredIngest } from '../domain/ingest.js';

const Text = z.string().max(256);
const Name = z.string().min(1).max(256);
const Definition = z.object({
  ingestId: Name,
  stream: z.object({ room: Name, participant: Name, purpose: Name }),
  username: Text,
  sealedUrl: z.string().min(1).max(4_096),
  address: Text,
  onDemand: z.boolean(),
  region: Text,
  configured: z.boolean(),
});
const Run = z.object({
  router: z.object({ nodeId: Name, bootId: Name, routerId: Name, grpcAddress: Name }),
  sessionId: Name,
  replacesSessionId: Name.optional(),
});
const Record = z.discriminatedUnion('state', [
  z.object({ state: z.literal('wanted'), definition: Definition, run: Run.optional() }),
  z.object({ state: z.literal('deleted'), ingestId: Name }),
]);

/** The local copy: what the bucket was last heard to hold. */
export class IngestCopy implements KvFollower {
  readonly #records = new Map<string, StoredIngest>();
  #loaded = false;

  /** `onReset` is told when the bucket is another one. */
  constructor(private readonly onAnotherBucket: () => void = () => undefined) {}

  get loaded(): boolean {
    return this.#loaded;
  }

  find(ingestId: string): StoredIngest | undefined {
    return this.#records.get(ingestId);
  }

  all(): Iterable<StoredIngest> {
    return [...this.#records.values()];
  }

  onEntry(key: string, { value, revision }: KvValue): void {
    // The watch lags behind our own writes.
    if ((this.find(key)?.revision ?? 0) >= revision) return;
    const record = parse(value);
    if (record && idOf(record) === key) this.keep(record, revision);
    else this.drop(key);
  }

  onReset(): void {
    this.#records.clear();
    this.onAnotherBucket();
  }

  onLoaded(keys: ReadonlySet<string>): void {
    for (const key of [...this.#records.keys()]) if (!keys.has(key)) this.drop(key);
    this.#loaded = true;
  }

  keep(record: IngestRecord, revision: number): void {
    this.#records.set(idOf(record), { record, revision });
  }

  drop(ingestId: string): void {
    this.#records.delete(ingestId);
  }
}

/** Ingests in a JetStream KV bucket. */
export class NatsIngestRecords implements IngestRecords {
  constructor(
    private readonly bucket: Pick<KvBucket, 'read' | 'write' | 'remove'>,
    private readonly copy: IngestCopy,
  ) {}

  get loaded(): boolean {
    return this.copy.loaded;
  }

  find(ingestId: string): StoredIngest | undefined {
    return this.copy.find(ingestId);
  }

  all(): Iterable<StoredIngest> {
    return this.copy.all();
  }

  async read(ingestId: string) {
    const entry = await this.bucket.read(ingestId);
    return { record: parse(entry?.value), revision: entry?.revision ?? 0 };
  }

  async write(record: IngestRecord, revision: number): Promise<'written' | 'conflict'> {
    const value = new TextEncoder().encode(JSON.stringify(record));
    const written = await this.bucket.write(idOf(record), value, revision);
    if (written === undefined) return 'conflict';
    // Only forwards: the watch may have told of a later write already.
    if ((this.find(idOf(record))?.revision ?? 0) < written) this.copy.keep(record, written);
    return 'written';
  }

  async remove(ingestId: string, revision: number): Promise<void> {
    await this.bucket.remove(ingestId, revision);
    if (this.find(ingestId)?.revision === revision) this.copy.drop(ingestId);
  }
}

function parse(value: Uint8Array | undefined): IngestRecord | undefined {
  if (!value) return undefined;
  try {
    const { data } = Record.safeParse(JSON.parse(new TextDecoder().decode(value)));
    if (data?.state !== 'wanted') return data;
    const { definition, run } = data;
    return {
      state: 'wanted',
      definition,
      run: run && { ...run, replacesSessionId: run.replacesSessionId },
    };
  } catch {
    // Not JSON, so nothing that we wrote.
    return undefined;
  }
}
