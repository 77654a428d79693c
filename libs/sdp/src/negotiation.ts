import type { IceParameters } from './dictionaries.js';
import type {
  AnswerDecisions,
  AnswerReceived,
  Mid,
  NegotiationOptions,
  NegotiationState,
  OfferReceived,
  OutgoingTrack,
} from './negotiation-types.js';

/**
 * One PeerConnection as the server sees it: owns its m-lines, in order, for as long as it lives.
 * No I/O and no clock; every method is synchronous.
 */
export class Negotiation {
  constructor(readonly options: NegotiationOptions) {}

  get state(): NegotiationState {
    return 'stable';
  }

  /** Whether something changed on our side that only an offer of ours can tell the client. */
  get offerNeeded(): boolean {
    return false;
  }

  /**
   * Reads an offer of the client. A pending offer of ours is rolled back: the server yields, and
   * `offerNeeded` is true again afterwards.
   *
   * @throws {SdpError} and then nothing has changed.
   */
  receiveOffer(_sdp: string): OfferReceived {
    throw new Error('not there yet');
  }

  /** Applies the offer read last and says what we make of it. */
  answer(_decisions: AnswerDecisions = {}): string {
    throw new Error('not there yet');
  }

  /** Forgets the offer read last: the same one may come again. */
  refuseOffer(): void {
    throw new Error('not there yet');
  }

  /**
   * Reserves an m-line for a track of ours (a stopped one of its kind is re-used) and returns its
   * mid, which the consumer must be made with. `track` follows by `setSending`.
   */
  reserve(_kind: 'audio' | 'video'): Mid {
    throw new Error('not there yet');
  }

  /** What is sent on a reserved m-line; it is in the next offer. */
  setSending(_mid: Mid, _track: OutgoingTrack): void {
    throw new Error('not there yet');
  }

  /** Stops a track of ours, or frees an m-line that was only reserved. */
  stopSending(_mid: Mid): void {
    throw new Error('not there yet');
  }

  /** New ICE credentials of ours, in the next offer. */
  restartIce(_iceParameters: IceParameters): void {
    throw new Error('not there yet');
  }

  /** Our offer of all that is sent now. An unanswered one before it is replaced. */
  createOffer(): string {
    throw new Error('not there yet');
  }

  /** @throws {SdpError} and then the offer is still pending. */
  receiveAnswer(_sdp: string): AnswerReceived {
    throw new Error('not there yet');
  }
}

/** The session id of an SDP's `o=` line: another one means another PeerConnection of the client. */
export function sessionIdOf(_sdp: string): string {
  throw new Error('not there yet');
}

/** @throws {SdpError} MALFORMED. An empty candidate (end of candidates) is fine. */
export function checkCandidate(_candidate: string): void {
  throw new Error('not there yet');
}
