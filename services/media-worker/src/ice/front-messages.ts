import type { UdpAddress } from '@sluice/stun';
import type { IceCredentials, RemoteCandidate, RemoteIce } from './ice-agent.js';

/** The transport that an ICE agent stands in front of, on this host. */
export interface BehindFront extends IceCredentials {
  readonly address: UdpAddress;
}

/** What the media node asks of the process that holds the ICE agents. `front` tells them apart. */
export type ToFronts =
  | {
      readonly type: 'open';
      readonly front: number;
      readonly credentials: IceCredentials;
      readonly behind: BehindFront;
    }
  | { readonly type: 'meet'; readonly front: number; readonly remote: RemoteIce }
  | { readonly type: 'candidate'; readonly front: number; readonly candidate: RemoteCandidate }
  | { readonly type: 'restart'; readonly front: number; readonly credentials: IceCredentials }
  | { readonly type: 'close'; readonly front: number };

/** What that process says. */
export type FromFronts =
  /** Where its agent can be reached. */
  | { readonly type: 'opened'; readonly front: number; readonly addresses: readonly UdpAddress[] }
  | { readonly type: 'ended'; readonly front: number; readonly reason: string };
