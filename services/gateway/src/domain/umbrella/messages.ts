/** One track as a peer announces it. */
export interface UmbrellaTrack {
  /** As in the peer's SDP. */
  readonly id: string;
  readonly kind: 'audio' | 'video' | 'unknown';
  /** As in the peer's SDP. */
  readonly streamId: string;
  /** The same on every server that the track passes. */
  readonly umbrellaId: string;
  /** Clusters of ours that it has passed, its origin first. */
  readonly path: readonly string[];
}

export interface MidMapping {
  readonly mid: string;
  readonly umbrellaId: string;
}

export interface TrickledCandidate {
  /** An RTCIceCandidateInit as JSON. */
  readonly candidate: string;
  /** Of the sender's incoming PeerConnection. */
  readonly incoming: boolean;
}

/** One frame of either side. Any of the fields may be set together. */
export interface UmbrellaMessage {
  readonly candidate?: TrickledCandidate;
  /** An RTCSessionDescriptionInit as JSON. */
  readonly offer?: string;
  readonly answer?: string;
  /** All tracks that the sender has to give. */
  readonly upstreamTracks?: readonly UmbrellaTrack[];
  /** All tracks that the sender is ready to receive. */
  readonly acceptTracks?: readonly UmbrellaTrack[];
  readonly midMappings?: readonly MidMapping[];
  /** The sender is a cluster of ours. */
  readonly hello?: { readonly clusterId: string };
  /** Umbrella ids of the tracks that it has accepted and nobody there watches, all of them. */
  readonly unwanted?: readonly string[];
  readonly problem?: { readonly code: string; readonly message: string };
}
