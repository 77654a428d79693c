import { SluiceError, notFound, streamKey } from '@sluice/core';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { IngestRecords } from './ingest-ports.js';
import type { IngestDefinition, IngestView, WantedIngest } from '../ingest.js';

const INGESTS_MAX = 10_000;
/** Lost races for one record before the caller is told to try again. */
const ATTEMPTS_MAX = 4;

/** What may be asked about ingests: which there are, that one is wanted, that one is not any more. */
export class Ingests {
  constructor(
    private readonly records: IngestRecords,
    private readonly view: ClusterView,
  ) {}

  /** @throws {SluiceError} ALREADY_EXISTS, CAPACITY_EXHAUSTED, UNAVAILABLE. */
  async create(definition: IngestDefinition): Promise<void> {
    this.#checkOthers(definition);
    await this.#change(definition.ingestId, (known) => {
      if (known) throw alreadyExists('ingest', definition.ingestId);
      return { state: 'wanted', definition, run: undefined };
    });
  }

  /** @throws {SluiceError} NOT_FOUND, INVALID_STATE for a configured one, UNAVAILABLE. */
  async delete(ingestId: string): Promise<void> {
    await this.#change(ingestId, (known) => {
      if (!known) throw notFound('ingest', ingestId);
      if (known.definition.configured) {
        throw new SluiceError('INVALID_STATE', 'the ingest is named by the configuration', {});
      }
      return { state: 'deleted', ingestId };
    });
  }

  list(): IngestView[] {
    const views: IngestView[] = [];
    for (const { record } of this.records.all()) {
      if (record.state === 'wanted') views.push(this.#viewOf(record));
    }
    return views.sort((a, b) => (a.definition.ingestId < b.definition.ingestId ? -1 : 1));
  }

  #viewOf({ definition, run }: WantedIngest): IngestView {
    const none = { definition, nodeId: '', status: 'connecting', bitrateBps: 0 } as const;
    if (!run) return { ...none, reason: 'no media node can take it now' };
    const { nodeId, bootId } = run.router;
    const running = this.view.find(nodeId, bootId)?.findIngest(run.sessionId);
    if (!running) return { ...none, nodeId, reason: '' };
    const { status, reason, bitrateBps } = running;
    return { definition, nodeId, status, reason, bitrateBps };
  }

  /** By the local copy: two that are made at the same moment meet when the stream's name is claimed. */
  #checkOthers({ ingestId, stream }: IngestDefinition): void {
    const key = streamKey(stream);
    let count = 0;
    for (const { record } of this.records.all()) {
      if (record.state !== 'wanted') continue;
      count += 1;
      const { definition } = record;
      if (definition.ingestId !== ingestId && streamKey(definition.stream) === key) {
        throw alreadyExists('ingest of this stream', definition.ingestId);
      }
    }
    if (count >= INGESTS_MAX) throw new SluiceError('CAPACITY_EXHAUSTED', 'too many ingests');
  }

  async #change(
    ingestId: string,
    change: (
      known: WantedIngest | undefined,
    ) => WantedIngest | { readonly state: 'deleted'; readonly ingestId: string },
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const { record, revision } = await this.records.read(ingestId);
      const next = change(record?.state === 'wanted' ? record : undefined);
      if ((await this.records.write(next, revision)) === 'written') return;
    }
    throw new SluiceError('UNAVAILABLE', 'the ingest changes too often; try again');
  }
}

function alreadyExists(noun: string, id: string): SluiceError {
  return new SluiceError('ALREADY_EXISTS', `there is such an ${noun} already`, { noun, id });
}
