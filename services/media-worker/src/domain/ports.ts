import type { RelayState, RouterRef, SessionRef, StreamState } from '@sluice/proto-gen/common';
import type { PlanRelayResponse } from '@sluice/proto-gen/stream_directory';
import type { StreamName } from '@sluice/core';

/** The cluster's directory, as this node uses it. Every call may throw SluiceError. */
export interface Directory {
  /** @throws {SluiceError} ALREADY_EXISTS (details nodeId, sessionId, epoch, grpcAddress), UNAVAILABLE. */
  claimStream(claim: {
    readonly name: StreamName;
    readonly origin: RouterRef;
    readonly sessionId: string;
    readonly highestEpoch: number;
    readonly heldEpoch?: number;
  }): Promise<{ readonly epoch: number }>;
  /** @throws {SluiceError} STALE_EPOCH when another origin holds it by now. */
  releaseStream(name: StreamName, epoch: number): Promise<void>;
  /** @throws {SluiceError} NOT_FOUND when nobody publishes it. */
  planRelay(
    stream: StreamName,
    to: RouterRef,
    excludeRouterIds: readonly string[],
  ): Promise<PlanRelayResponse>;
}

/** Tells the cluster what changed here; at most once, in order. */
export interface FactPublisher {
  sessionOpened(session: SessionRef): void;
  sessionChanged(session: SessionRef): void;
  sessionClosed(session: SessionRef, reason: string): void;
  streamPublished(stream: StreamState, username: string): void;
  streamChanged(stream: StreamState): void;
  streamEnded(name: StreamName, epoch: number): void;
  relayOpened(relay: RelayState): void;
  relayClosed(relay: RelayState): void;
  speakersChanged(
    room: string,
    speakers: readonly { readonly participant: string; readonly volume: number }[],
  ): void;
}

/** Who this process is. */
export interface NodeIdentity {
  readonly nodeId: string;
  readonly bootId: string;
  /** host:port under which other services reach this node's gRPC server. */
  readonly grpcAddress: string;
}
