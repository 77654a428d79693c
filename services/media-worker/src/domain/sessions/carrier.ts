import type { Consumer, WebRtcTransport } from 'mediasoup/types';
import type { Closable, StreamKey, StreamName } from '@sluice/core';
import type { Mid } from '@sluice/sdp';
import type { Connection } from './connection.js';
import type { SubscriptionRef } from './session-events.js';
import type { StreamSource } from '../streams/stream-copies.js';
import type { CopyTrack } from '../streams/stream-copy.js';
import type { DataCarrier } from './subscribed-data.js';

/** A subscription as the PeerConnection knows it that carries it. */
export interface Carried extends Closable {
  readonly name: StreamName;
  readonly key: StreamKey;
  readonly ref: SubscriptionRef;
  readonly tracks: readonly { readonly mid: Mid }[];
  /** The connection is up: what the client accepted flows from now on. */
  connected(): void;
  /** Data channels can be opened on the connection. */
  dataConnected(): void;
  /** An offer of all that is there now is on its way. */
  offered(): void;
  /** What the client made of our last offer. */
  answered(accepted: ReadonlySet<Mid>, rejected: ReadonlySet<Mid>): void;
}

/** An offer of ours that the client has not answered. */
export interface PendingOffer {
  readonly sdp: string;
  readonly cause: Carried | undefined;
}

/** The PeerConnection on which a client receives subscriptions. */
export interface Carrier extends Closable, DataCarrier {
  /** What the client calls it; empty when it belongs to one subscription alone. */
  readonly key: string;
  readonly connected: boolean;
  readonly connection: Connection;
  readonly transport: WebRtcTransport;
  /** Where its subscriptions get streams from, if not as the router numbers them. */
  readonly source?: StreamSource;
  /** Whether something changed that the client has not been told. */
  readonly offerNeeded: boolean;
  readonly pending: PendingOffer | undefined;
  /** A subscription without tracks is over: its client can be told no more than that. */
  readonly endsWhenEmpty?: boolean;
  /** Puts a subscription on it, until that closes. */
  carry(subscription: Carried): void;
  /** Makes a paused consumer on the m-line `mid` or a new one; undefined where the client has no place for it. */
  consume(track: CopyTrack, streamId: string, mid?: Mid): Promise<[Mid, Consumer] | undefined>;
  /** Tells, when `consumer` has sent its first media, how long the subscription took. */
  watchFirstMedia(consumer: Consumer, askedAtMs: number): void;
  stop(mid: Mid): void;
  /** Our offer of all there is now; undefined while an earlier one is unanswered. */
  offer(cause: Carried): string | undefined;
  /** Like {@link offer}, for what the client did not ask for. */
  announce(cause: Carried): void;
  /** Says again what may not have reached the client. */
  repeat(): void;
  /** @throws {SdpError} or {SluiceError}, and then the offer is still unanswered. */
  answer(sdp: string): Promise<void>;
  /** New ICE credentials, which the next offer brings. */
  restartIce(): Promise<void>;
}
