import type { IceCandidate, IceParameters, WebRtcTransport } from 'mediasoup/types';
import type { Closable } from '@sluice/core';
import type { RemoteCandidate, RemoteIce } from '@sluice/sdp';

/**
 * A full ICE agent in front of a transport: mediasoup answers connectivity checks and never makes
 * any, so where we dial somebody who does the same, or from behind a NAT, it stands between.
 */
export interface IceFront extends Closable {
  /** What the other side is told instead of the transport's own. */
  readonly iceParameters: IceParameters;
  readonly iceCandidates: readonly IceCandidate[];
  /** After each description of the other side; `offered` says whether that is an offer. */
  meet(remote: RemoteIce, offered: boolean): void;
  addCandidate(candidate: RemoteCandidate): void;
  /** New credentials, for our next description. */
  restart(): IceParameters;
}

/** @throws {SluiceError} UNAVAILABLE */
export type OpenIceFront = (transport: WebRtcTransport) => Promise<IceFront>;
