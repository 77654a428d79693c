import type { Router, RouterRtpCodecCapability, WebRtcServer } from 'mediasoup/types';
import type { Closable } from '@sluice/core';

/**
 * One core of this node: a mediasoup Worker with its one Router and its one WebRtcServer. Sessions
 * have their home here. It closes when its worker dies.
 */
export interface HomeRouter extends Closable {
  readonly routerId: string;
  /** Position among the node's cores, from 0. */
  readonly index: number;
  readonly router: Router;
  /** What `router` was made with. */
  readonly mediaCodecs: readonly RouterRtpCodecCapability[];
  readonly webRtcServer: WebRtcServer;
}

/** Where a core's worker answers STUN binding requests without this process. */
export interface CoreBeacon {
  readonly ip: string;
  readonly port: number;
  readonly iceUsernameFragment: string;
  readonly icePassword: string;
}

/** The cores of this node that work now. */
export interface HomeRouters {
  readonly list: readonly HomeRouter[];
  find(routerId: string): HomeRouter | undefined;
}
