import type { RouterRef } from '@sluice/proto-gen/common';

/** Who holds a stream's name, or held it last. */
export interface StreamRecord {
  /**
   * `released` and `lost` ones stay a while as tombstones, so that the next epoch is higher on every
   * replica. `lost`: the origin's node died, or seemed to; the origin itself may take it back.
   */
  readonly state: 'held' | 'released' | 'lost';
  readonly epoch: number;
  readonly origin: RouterRef;
  readonly sessionId: string;
}

/** A record as it lies in the bucket. `revision` is for compare-and-set, never for ordering epochs. */
export interface StoredRecord {
  readonly record: StreamRecord;
  readonly revision: number;
}

/** What was read from the bucket: no record and revision 0 where there is none. */
export interface ReadRecord {
  readonly record: StreamRecord | undefined;
  readonly revision: number;
}
