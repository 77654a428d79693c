import type { RouterRef, SessionRef, Track } from '@sluice/proto-gen/common';
import type { StreamName } from '@sluice/core';
import type { RunningIngest } from '../ingest.js';

/** A stream as its origin holds it. */
export interface Stream {
  readonly name: StreamName;
  readonly epoch: number;
  readonly sessionId: string;
  readonly routerId: string;
  readonly tracks: readonly Track[];
}

/** One stream carried from one router to another. */
export interface Relay {
  readonly stream: StreamName;
  readonly epoch: number;
  readonly from: RouterRef;
  readonly to: RouterRef;
}

/** Where one core's mediasoup worker answers STUN by itself, past its control process. */
export interface Beacon {
  readonly ip: string;
  readonly port: number;
  readonly usernameFragment: string;
  readonly password: string;
}

export interface RouterLoad {
  readonly routerId: string;
  /** Fraction of one core's capacity, 0 to 1. */
  readonly load: number;
  readonly sessions: number;
}

/** What a node says of itself every second. */
export interface Heartbeat {
  readonly nodeId: string;
  readonly bootId: string;
  readonly region: string;
  readonly zone: string;
  readonly grpcAddress: string;
  readonly state: 'serving' | 'draining';
  /** Fraction of capacity, 0 (idle) to 1 (full). */
  readonly load: number;
  readonly routers: readonly RouterLoad[];
  readonly beacons: readonly Beacon[];
  readonly sessions: number;
  /** Of the node's last fact. */
  readonly revision: number;
  readonly highestEpoch: number;
  /** That a drain still has; undefined when the node does not drain. */
  readonly drainRemainingMs: number | undefined;
}

/** One boot of a node. */
export interface Boot {
  readonly nodeId: string;
  readonly bootId: string;
}

export type Change =
  | { readonly type: 'session kept'; readonly session: SessionRef }
  | { readonly type: 'session closed'; readonly sessionId: string }
  | { readonly type: 'stream kept'; readonly stream: Stream }
  | { readonly type: 'stream ended'; readonly name: StreamName; readonly epoch: number }
  | { readonly type: 'relay kept'; readonly relay: Relay }
  | { readonly type: 'relay closed'; readonly relay: Relay }
  | { readonly type: 'ingest kept'; readonly ingest: RunningIngest }
  | { readonly type: 'ingest stopped'; readonly sessionId: string };

/** Something changed on a node. */
export interface Fact {
  readonly nodeId: string;
  readonly bootId: string;
  /** Grows by one with each fact of a boot. */
  readonly revision: number;
  readonly change: Change;
}

/** A node's whole truth, as the node itself tells it. */
export interface NodeTruth {
  readonly nodeId: string;
  readonly bootId: string;
  /** The last fact that it includes. */
  readonly revision: number;
  readonly sessions: readonly SessionRef[];
  readonly streams: readonly Stream[];
  readonly relays: readonly Relay[];
  readonly ingests: readonly RunningIngest[];
}
