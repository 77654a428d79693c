import type { RouterRef } from '@sluice/proto-gen/common';
import { SluiceError, describeStream, type StreamName } from '@sluice/core';
import type { StreamRecord } from './stream-record.js';

export interface Claim {
  readonly name: StreamName;
  readonly origin: RouterRef;
  readonly sessionId: string;
  /** The highest epoch that the claimer ever saw. */
  readonly highestEpoch: number;
  /** Set when a node registers again what it holds already, under that epoch. */
  readonly heldEpoch?: number | undefined;
  /** The session of the same participant whose claim gives way, though it lives. */
  readonly replacesSessionId?: string | undefined;
}

export interface ClaimCircumstances {
  readonly record: StreamRecord | undefined;
  /** The highest epoch that this replica, or the bucket, remembers. */
  readonly highestEpoch: number;
  /** Whether the record's origin is known to be gone. */
  readonly originGone: boolean;
  /**
   * Who says that it has the stream, living: counts where the record was lost. In a record's form.
   */
  readonly told: StreamRecord | undefined;
}

export type ClaimDecision =
  | { readonly type: 'held already'; readonly epoch: number }
  | { readonly type: 'write'; readonly record: StreamRecord }
  | { readonly type: 'refuse'; readonly error: SluiceError };

/** What a claim leads to. Pure; the caller writes by compare-and-set and decides again on conflict. */
export function decideClaim(claim: Claim, circumstances: ClaimCircumstances): ClaimDecision {
  const { record } = circumstances;
  if (record?.state === 'held' && isHolder(claim, record)) {
    return decideForHolder(claim, record);
  }
  if (claim.heldEpoch !== undefined) return decideRestore(claim, claim.heldEpoch, circumstances);
  const rival = rivalOf(claim, circumstances);
  if (rival) return refuse(claim, rival);
  return { type: 'write', record: recordOf(claim, nextEpoch(claim, circumstances)) };
}

function rivalOf(claim: Claim, circumstances: ClaimCircumstances): StreamRecord | undefined {
  const { record, originGone } = circumstances;
  const recorded = record?.state === 'held' && !originGone ? record : undefined;
  return [recorded, currentlyTold(circumstances)].find(
    (one) => one && !isHolder(claim, one) && one.sessionId !== claim.replacesSessionId,
  );
}

/**
 * What a node says it has, unless the record knows better: of a later epoch, or that it was let go,
 * though the word of it may be on its way to the node still.
 */
function currentlyTold({ record, told }: ClaimCircumstances): StreamRecord | undefined {
  return told && !isSuperseded(told.epoch, record) ? told : undefined;
}

/** Whether a stream that a node says it has is over by what the record says. */
export function isSuperseded(epoch: number, record: StreamRecord | undefined): boolean {
  if (!record || record.epoch < epoch) return false;
  return record.epoch > epoch || record.state === 'released';
}

function decideForHolder(claim: Claim, record: StreamRecord): ClaimDecision {
  // An older record of its own came back first after the bucket was wiped.
  if (claim.heldEpoch !== undefined && claim.heldEpoch > record.epoch) {
    return { type: 'write', record: recordOf(claim, claim.heldEpoch) };
  }
  return { type: 'held already', epoch: record.epoch };
}

/**
 * Registering again changes no origin, so the epoch stays. Of two that both say they hold a name,
 * the one with the higher epoch was granted it later.
 */
function decideRestore(
  claim: Claim,
  heldEpoch: number,
  circumstances: ClaimCircumstances,
): ClaimDecision {
  const { record } = circumstances;
  const told = currentlyTold(circumstances);
  if (told && told.epoch > heldEpoch) {
    return { type: 'refuse', error: staleEpoch(claim.name, heldEpoch, told) };
  }
  const restorable =
    !record ||
    record.epoch < heldEpoch ||
    (record.epoch === heldEpoch && record.state === 'lost' && isHolder(claim, record));
  if (restorable) return { type: 'write', record: recordOf(claim, heldEpoch) };
  return { type: 'refuse', error: staleEpoch(claim.name, heldEpoch, record) };
}

function nextEpoch(claim: Claim, { record, highestEpoch }: ClaimCircumstances): number {
  return 1 + Math.max(record?.epoch ?? 0, claim.highestEpoch, highestEpoch);
}

function recordOf({ origin, sessionId }: Claim, epoch: number): StreamRecord {
  return { state: 'held', epoch, origin, sessionId };
}

function isHolder(claim: Claim, record: StreamRecord): boolean {
  return (
    record.origin.nodeId === claim.origin.nodeId &&
    record.origin.bootId === claim.origin.bootId &&
    record.sessionId === claim.sessionId
  );
}

function refuse({ name }: Claim, record: StreamRecord): ClaimDecision {
  const message = `stream ${describeStream(name)} already exists`;
  return {
    type: 'refuse',
    error: new SluiceError('ALREADY_EXISTS', message, holderDetails(record)),
  };
}

/** What the refused node needs to ask the holder to yield. */
function holderDetails({ origin, sessionId, epoch }: StreamRecord) {
  const { nodeId, bootId, grpcAddress } = origin;
  return { nodeId, bootId, sessionId, epoch, grpcAddress };
}

export interface Release {
  readonly name: StreamName;
  readonly epoch: number;
  readonly nodeId: string;
  readonly bootId: string;
}

export type ReleaseDecision =
  | { readonly type: 'released already' }
  | { readonly type: 'write'; readonly record: StreamRecord }
  | { readonly type: 'refuse'; readonly error: SluiceError };

/** What a release leads to; idempotent, and never takes a name from a later origin. */
export function decideRelease(release: Release, record: StreamRecord | undefined): ReleaseDecision {
  if (!record || record.state === 'released') return { type: 'released already' };
  const { nodeId, bootId } = record.origin;
  const own = nodeId === release.nodeId && bootId === release.bootId;
  if (record.epoch > release.epoch || (record.epoch === release.epoch && !own)) {
    return { type: 'refuse', error: staleEpoch(release.name, release.epoch, record) };
  }
  // Another's older record, back after the bucket was wiped, is not the releaser's to end.
  if (!own) return { type: 'released already' };
  return { type: 'write', record: { ...record, state: 'released', epoch: release.epoch } };
}

function staleEpoch(name: StreamName, epoch: number, record: StreamRecord): SluiceError {
  const message = `epoch ${epoch} of stream ${describeStream(name)} is over`;
  return new SluiceError('STALE_EPOCH', message, holderDetails(record));
}
