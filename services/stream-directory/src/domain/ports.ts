import type { StreamKey } from '@sluice/core';
import type { Beacon, Boot, NodeTruth } from './cluster/facts.js';
import type { ReadRecord, StoredRecord, StreamRecord } from './streams/stream-record.js';

/** The bucket of stream records: a local copy that follows it, and the bucket itself. */
export interface StreamRecords {
  /** The highest epoch of any record that was ever seen. */
  readonly highestEpoch: number;
  /** From the local copy, which lags by moments and stays when the bucket cannot be reached. */
  find(key: StreamKey): StoredRecord | undefined;
  ofRoom(room: string): Iterable<readonly [StreamKey, StoredRecord]>;
  all(): Iterable<readonly [StreamKey, StoredRecord]>;
  /** @throws {SluiceError} UNAVAILABLE when the bucket cannot be read in time. */
  read(key: StreamKey): Promise<ReadRecord>;
  /**
   * Compare-and-set: `revision` is that of the record it replaces, 0 for none.
   *
   * @throws {SluiceError} UNAVAILABLE when the bucket cannot be written in time; the write may have
   * happened all the same.
   */
  write(key: StreamKey, record: StreamRecord, revision: number): Promise<'written' | 'conflict'>;
  /** Removes a tombstone, if it is still that revision. @throws {SluiceError} UNAVAILABLE. */
  remove(key: StreamKey, revision: number): Promise<void>;
  /** No epoch of a removed tombstone was higher. @throws {SluiceError} UNAVAILABLE. */
  readEpochFloor(): Promise<number>;
  /** @throws {SluiceError} UNAVAILABLE. */
  raiseEpochFloor(epoch: number): Promise<void>;
}

/** How asking a node for its truth went. `refused`: nobody listens there. `late`: no answer in time. */
export type NodeAnswer =
  | { readonly outcome: 'answered'; readonly truth: NodeTruth }
  | { readonly outcome: 'refused' | 'late' };

/** Media nodes, asked over gRPC. */
export interface MediaNodes {
  /** Never rejects. */
  readTruth(node: Boot & { readonly grpcAddress: string }, deadlineMs: number): Promise<NodeAnswer>;
}

/** Signs of life of media nodes that need no control process. */
export interface Beacons {
  /** Whether at least one of them answers, after some attempts. Never rejects. */
  anyAnswers(beacons: readonly Beacon[]): Promise<boolean>;
}

/** The connection over which heartbeats and facts come. */
export interface Hearing {
  readonly connected: boolean;
  /**
   * Resolves with true when all that had been said before has been heard, soon with false when that
   * cannot be told: then silence may be our own deafness.
   */
  catchUp(): Promise<boolean>;
}
