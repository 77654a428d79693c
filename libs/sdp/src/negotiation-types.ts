import type {
  DtlsParameters,
  IceCandidate,
  IceParameters,
  MediaKind,
  RtpCapabilities,
  RtpParameters,
  SctpParameters,
} from './dictionaries.js';

/** An m-line's identification tag (RFC 5888), unique in its PeerConnection for ever. */
export type Mid = string;

/** What a WebRtcTransport says of itself; all candidates are in the SDP, ended. */
export interface LocalTransport {
  readonly iceParameters: IceParameters;
  readonly iceCandidates: readonly IceCandidate[];
  readonly dtlsParameters: DtlsParameters;
  /** Present where the transport was made with `enableSctp`. */
  readonly sctpParameters?: SctpParameters | undefined;
}

export interface NegotiationOptions {
  readonly transport: LocalTransport;
  readonly routerRtpCapabilities: RtpCapabilities;
  readonly limits?: Partial<SdpLimits> | undefined;
  /**
   * Whether tracks will flow both ways on this PeerConnection and the client offers first. Then of
   * its header extensions only those are accepted from the start that it cannot mistake for ours
   * (see numbering in the README). Without it that happens once something is sent.
   */
  readonly bothWays?: boolean | undefined;
  /**
   * Whether offers of ours that send pictures have an inactive m-line `probator`, the place of the
   * packets by which mediasoup probes a link. Browsers drop these otherwise. Default false: on a
   * PeerConnection on which the client sends too its next track would be put there.
   */
  readonly probator?: boolean | undefined;
  /**
   * The bitrate with which Chromium is asked to begin to send video; default 1 Mbit/s, 0 for its
   * own idea of it.
   */
  readonly videoStartBitrateBps?: number | undefined;
}

export interface SdpLimits {
  /** Bytes of one SDP; default 128 KiB. */
  readonly sdpBytes: number;
  /** m-lines over the life of a PeerConnection; default 128. */
  readonly mLines: number;
  /** Codecs, header extensions, rids, SSRCs or candidates on one m-line; default 100. */
  readonly itemsPerMLine: number;
}

export type NegotiationState = 'stable' | 'have-local-offer' | 'have-remote-offer';

/** A track that the client sends from now on. */
export interface IncomingTrack {
  readonly mid: Mid;
  readonly kind: MediaKind;
  /** What `transport.produce()` takes. */
  readonly rtpParameters: RtpParameters;
  /** The client's own names from `a=msid`, where given. */
  readonly streamId?: string | undefined;
  readonly trackId?: string | undefined;
}

/** An m-line on which the client, which numbered it, would receive. */
export interface OfferedSlot {
  readonly mid: Mid;
  readonly kind: MediaKind;
  /** What the client can receive here, in the client's own numbering. */
  readonly rtpCapabilities: RtpCapabilities;
}

/** What no offer says. */
export interface OfferHints {
  /**
   * What `RTCRtpSender.getParameters().encodings[0].scalabilityMode` is at the client, by m-line; one
   * that is not named keeps what was said of it before. Only of VP9 and, where the dependency
   * descriptor is negotiated, AV1 are layers forwarded apart.
   */
  readonly scalabilityModes?: ReadonlyMap<Mid, string> | undefined;
}

/** What an offer of the client changes; nothing is changed until `answer()`. */
export interface OfferReceived {
  /** For `transport.connect()`; undefined once connected with the same fingerprints. */
  readonly connect: DtlsParameters | undefined;
  /** The client restarted ICE: call `transport.restartIce()` and give `answer()` the new parameters. */
  readonly iceRestart: boolean;
  readonly added: readonly IncomingTrack[];
  /** Tracks whose m-line stopped sending, was rejected, or was re-used by another track. */
  readonly removed: readonly Mid[];
  /** m-lines on which nothing is sent yet and something may be. */
  readonly slots: readonly OfferedSlot[];
  /** Tracks of ours that the client stopped or no longer takes: their consumers should be closed. */
  readonly rejected: readonly Mid[];
  /** Whether an `m=application` section with data channels is there and accepted. */
  readonly data: boolean;
}

/** A track that the server sends. */
export interface OutgoingTrack {
  readonly kind: MediaKind;
  /** A mediasoup consumer's. Its `mid` must be the one that `send()` returned or the slot's. */
  readonly rtpParameters: RtpParameters;
  /** What the receiver sees as MediaStream and MediaStreamTrack ids. */
  readonly streamId: string;
  readonly trackId: string;
  /** Leaves the SSRCs out of the description, for a client that tells packets apart by mid. */
  readonly untold?: boolean | undefined;
}

export interface AnswerDecisions {
  /** New parameters after `iceRestart`. */
  readonly iceParameters?: IceParameters | undefined;
  /** Added tracks for which no producer could be made: their m-lines are answered with port 0. */
  readonly rejected?: ReadonlySet<Mid> | undefined;
  /**
   * What is sent on offered slots; a slot without one is answered inactive. Each must fit its slot
   * (`fitsSlot`), which it does if its consumer was made with `consumerCapabilities`.
   */
  readonly sending?: ReadonlyMap<Mid, OutgoingTrack> | undefined;
}

/** What an answer of the client to our offer says. */
export interface AnswerReceived {
  readonly connect: DtlsParameters | undefined;
  /** m-lines of ours that the client takes: their consumers may be resumed. */
  readonly accepted: readonly Mid[];
  /** m-lines of ours that it rejected or cannot decode: their consumers should be closed. */
  readonly rejected: readonly Mid[];
  /** Tracks of the client that it ended with this answer: their producers should be closed. */
  readonly removed: readonly Mid[];
}
