import type { UmbrellaTrack } from './messages.js';

/** A link as operators see it. */
export interface LinkStatus {
  readonly gatewayId: string;
  /** For people: the address it came from, or that was dialled. */
  readonly label: string;
  /** Where it was dialled; undefined where the other side did. */
  readonly trunkUrl: string | undefined;
  readonly incomingTracks: readonly UmbrellaTrack[];
  readonly outgoingTracks: readonly UmbrellaTrack[];
}

/** The links of all gateways. */
export interface LinkStatuses {
  /** Of the gateways that answer; this one's always. Never rejects. */
  gather(): Promise<readonly LinkStatus[]>;
}
