import { SluiceError, type StreamName } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';

/** A stream that the cluster pulls from elsewhere. */
export interface IngestDefinition {
  readonly ingestId: string;
  readonly stream: StreamName;
  readonly username: string;
  /** The URL and its credentials, for nodes alone. */
  readonly sealedUrl: string;
  /** What of it may be shown. */
  readonly address: string;
  /** Pulled only while somebody watches. */
  readonly onDemand: boolean;
  /** Where it should be pulled from, empty for anywhere. */
  readonly region: string;
  /** Named by configuration: only that ends it. */
  readonly configured: boolean;
}

/** Who has to run an ingest. */
export interface IngestRun {
  readonly router: RouterRef;
  /** Publishes the stream; another one for each run. */
  readonly sessionId: string;
  /** The run that this one takes over from once it flows. */
  readonly replacesSessionId: string | undefined;
}

export type IngestRecord =
  | {
      readonly state: 'wanted';
      readonly definition: IngestDefinition;
      /** Undefined while no node could be found. */
      readonly run: IngestRun | undefined;
    }
  /** Kept for a while, so that a node that still runs it is not taken for its memory. */
  | { readonly state: 'deleted'; readonly ingestId: string };

export type WantedIngest = Extract<IngestRecord, { state: 'wanted' }>;

export interface StoredIngest {
  readonly record: IngestRecord;
  readonly revision: number;
}

export type IngestStatus = 'connecting' | 'running' | 'resting' | 'failed';

/** An ingest as the node tells of it that runs it. */
export interface RunningIngest {
  readonly definition: IngestDefinition;
  readonly sessionId: string;
  readonly routerId: string;
  readonly status: IngestStatus;
  readonly reason: string;
  readonly bitrateBps: number;
}

/** What may be said of an ingest. */
export interface IngestView {
  readonly definition: IngestDefinition;
  /** Empty while nobody runs it. */
  readonly nodeId: string;
  readonly status: IngestStatus;
  readonly reason: string;
  readonly bitrateBps: number;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws {SluiceError} INVALID_ARGUMENT. */
export function IngestId(raw: string): string {
  if (ID.test(raw)) return raw;
  throw new SluiceError('INVALID_ARGUMENT', 'malformed ingest id', { noun: 'ingest' });
}

export function idOf(record: IngestRecord): string {
  return record.state === 'wanted' ? record.definition.ingestId : record.ingestId;
}
