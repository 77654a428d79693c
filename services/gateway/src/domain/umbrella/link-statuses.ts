import type { UmbrellaTrack } from './messages.js';
import type { TrunkStatus } from './trunks.js';

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

export interface Gathered {
  readonly links: readonly LinkStatus[];
  /** Each of the gateway that dials it; one that none of them dials just now is not there. */
  readonly trunks: readonly TrunkStatus[];
}

/** The links and trunks of all gateways. */
export interface LinkStatuses {
  /** Of the gateways that answer; this one's always. Never rejects. */
  gather(): Promise<Gathered>;
}
