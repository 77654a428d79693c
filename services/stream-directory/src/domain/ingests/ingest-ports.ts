import type { RouterRef } from '@sluice/proto-gen/common';
import type { IngestDefinition, IngestRecord, IngestRun, StoredIngest } from '../ingest.js';

/** The bucket of ingests: a local copy that follows it, and the bucket itself. */
export interface IngestRecords {
  /** Whether the copy was ever whole. */
  readonly loaded: boolean;
  find(ingestId: string): StoredIngest | undefined;
  all(): Iterable<StoredIngest>;
  /** Revision 0 where there is none. @throws {SluiceError} UNAVAILABLE. */
  read(ingestId: string): Promise<{ record: IngestRecord | undefined; revision: number }>;
  /** Compare-and-set. @throws {SluiceError} UNAVAILABLE, when it may have been written all the same. */
  write(record: IngestRecord, revision: number): Promise<'written' | 'conflict'>;
  /** If it is still that revision. @throws {SluiceError} UNAVAILABLE. */
  remove(ingestId: string, revision: number): Promise<void>;
}

/** Media nodes that are told what to pull. Any call may throw SluiceError. */
export interface IngestNodes {
  /** @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, NOT_FOUND when it cannot run there. */
  startIngest(definition: IngestDefinition, run: IngestRun): Promise<void>;
  stopIngest(node: Pick<RouterRef, 'bootId' | 'grpcAddress'>, sessionId: string): Promise<void>;
}
