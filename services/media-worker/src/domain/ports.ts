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
    /** A session of the same participant whose claim gives way. */
    readonly replacesSessionId?: string | undefined;
  }): Promise<{ readonly epoch: number }>;
  /** @throws {SluiceError} STALE_EPOCH when another origin holds it by now. */
  releaseStream(name: StreamName, epoch: number): Promise<void>;
  /** @throws {SluiceError} NOT_FOUND when nobody publishes it. */
  findStream(name: StreamName): Promise<{
    readonly origin: RouterRef;
    readonly epoch: number;
    readonly sessionId: string;
  }>;
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

/** Finds a place for a session that the cluster needs itself. */
export interface SessionPlaces {
  /** @throws {SluiceError} CAPACITY_EXHAUSTED when no other node may take it. */
  placeSession(
    room: string,
    participant: string,
    excludeNodeIds: readonly string[],
  ): Promise<RouterRef>;
}

/** Lets participants into rooms, by the same rules as those who come by a gateway. */
export interface RoomDoors {
  /**
   * @throws {SluiceError} PERMISSION_DENIED for a locked room, or one that would have to be opened;
   * CAPACITY_EXHAUSTED for a full one; UNAVAILABLE.
   */
  admitToRoom(comer: {
    readonly room: string;
    readonly participant: string;
    /** Who already watches by it is the same comer under another name. */
    readonly connectionId: string;
    /** Whether it may be the first one there. */
    readonly mayOpen: boolean;
  }): Promise<void>;
}

/** Who this process is. */
export interface NodeIdentity {
  readonly nodeId: string;
  readonly bootId: string;
  /** host:port under which other services reach this node's gRPC server. */
  readonly grpcAddress: string;
}

/** Structured log lines: a constant message and fields. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One session's wish for the name that another one holds. */
export interface StreamYield {
  readonly name: StreamName;
  /** Of the holder. */
  readonly epoch: number;
  /** Who asks. */
  readonly sessionId: string;
  /** The holder, when the asking session takes over from it and flows already. */
  readonly replacesSessionId?: string | undefined;
}

/** One node's wish that another one pull a stream of another server instead of it. */
export interface PullHandOver {
  readonly routerId: string;
  /** The other server, as clients name it. */
  readonly focus: string;
  /** As the other server calls it. */
  readonly name: StreamName;
  readonly replacesSessionId: string;
}

/** What this node publishes, as another node may ask for its names. */
export interface StreamHolder {
  /**
   * Lets a stream's name go to another session of the same participant. Idempotent.
   *
   * @throws {SluiceError} INVALID_STATE when the holding session is attached and so still in use,
   * unless it is the one that the asking session replaces.
   */
  yieldStream(yielding: StreamYield): Promise<void>;
}
