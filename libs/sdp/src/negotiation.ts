import { readAnswer } from './answer-reader.js';
import { readBundle } from './bundle.js';
import { writeDescription, type DescriptionHead } from './description-writer.js';
import type { DtlsParameters, IceParameters, MediaKind, RtpCapabilities } from './dictionaries.js';
import { SdpError } from './errors.js';
import { preferredFingerprint, sameFingerprints } from './fingerprint.js';
import { sameIceCredentials, type IceCredentials } from './ice.js';
import { DEFAULT_VIDEO_START_BITRATE_BPS, sdpLimitsOf } from './limits.js';
import { stopped, withoutMisread, withoutSending, type MLine } from './m-line.js';
import type {
  AnswerDecisions,
  AnswerReceived,
  Mid,
  NegotiationOptions,
  NegotiationState,
  OfferHints,
  OfferReceived,
  OutgoingTrack,
  SdpLimits,
} from './negotiation-types.js';
import { readOffer, receptionsOf, type OfferRead } from './offer-reader.js';
import {
  consumableBeside,
  isTellable,
  numbersBeside,
  placesNeeded,
  planOffer,
  type Reservation,
  type ReservedKind,
  type Wishes,
} from './outgoing.js';
import { PROBATOR_MID } from './probator.js';
import { readRemoteTransport, type RemoteTransport } from './remote-transport.js';
import { describeSending } from './sending.js';
import { parseSessionDescription } from './session-description.js';
import { canLayer, needsNoDescriptor } from './scalability.js';
import { sessionIdFrom } from './session-id.js';
import { consumableOn, fitsSlot } from './slot.js';

/** An offer of ours that waits for its answer, and what it tells. */
interface LocalOffer extends Wishes {
  readonly lines: readonly MLine[];
  readonly ice: IceParameters;
}

/** An offer of the client that waits for our answer. */
interface RemoteOffer extends OfferRead {
  readonly received: OfferReceived;
}

/**
 * One PeerConnection as the server sees it: owns its m-lines, in order, for as long as it lives.
 * No I/O and no clock; every method is synchronous.
 */
export class Negotiation {
  readonly #limits: SdpLimits;
  readonly #sessionId: string;
  #version = 0;
  #nextMid = 0;
  /** The m-lines as both sides agreed on them last. */
  #lines: readonly MLine[] = [];
  #remote: RemoteTransport | undefined;
  #remoteSessionId: string | undefined;
  /** Fixed by the first exchange. */
  #setup: 'active' | 'passive' | undefined;
  #extmapAllowMixed = true;
  /** Our credentials as the client knows them, and as it should. */
  #ice: IceParameters;
  #wantedIce: IceParameters;
  readonly #reservations = new Map<Mid, Reservation>();
  readonly #stops = new Set<Mid>();
  /** Of the m-line for data channels that we would have. */
  #dataMid: Mid | undefined;
  #probatorAnswered = false;
  #localOffer: LocalOffer | undefined;
  #remoteOffer: RemoteOffer | undefined;

  constructor(readonly options: NegotiationOptions) {
    this.#limits = sdpLimitsOf(options.limits);
    this.#ice = options.transport.iceParameters;
    this.#wantedIce = this.#ice;
    this.#sessionId = sessionIdFrom(`${this.#ice.usernameFragment} ${this.#ice.password}`);
  }

  get state(): NegotiationState {
    if (this.#remoteOffer) return 'have-remote-offer';
    return this.#localOffer ? 'have-local-offer' : 'stable';
  }

  /** Whether something changed on our side that only an offer of ours can tell the client. */
  get offerNeeded(): boolean {
    const told = this.#localOffer;
    if (!told) {
      const planned = this.#lines.some((line) => line.reception?.planned);
      return planned || this.#wantedIce !== this.#ice || isTellable(this.#wishes);
    }
    const reservations = new Map(
      [...this.#reservations].filter(([mid, wish]) => told.reservations.get(mid) !== wish),
    );
    const stops = new Set([...this.#stops].filter((mid) => !told.stops.has(mid)));
    const data = this.#dataMid === told.data ? undefined : this.#dataMid;
    return this.#wantedIce !== told.ice || isTellable({ reservations, stops, data });
  }

  /**
   * Whether an offer is of this PeerConnection and not of a new one: by the session id of its `o=`
   * line or, for clients that write another one each time, by its ICE credentials.
   *
   * @throws {SdpError}
   */
  continues(sdp: string): boolean {
    if (!this.#remote) return false;
    const description = parseSessionDescription(sdp, this.#limits);
    if (description.sessionId === this.#remoteSessionId) return true;
    const ice = readRemoteTransport(description, readBundle(description))?.ice;
    return ice !== undefined && sameIceCredentials(ice, this.#remote.ice);
  }

  /** Whether the client still has the ICE credentials of its last description. */
  hasIce(credentials: IceCredentials): boolean {
    return this.#remote !== undefined && sameIceCredentials(credentials, this.#remote.ice);
  }

  /** An ICE restart without a description (RFC 8840): the client's credentials, and ours for them. */
  restartIceBeside(remote: IceCredentials, local: IceParameters): void {
    if (this.#remote) this.#remote = { ...this.#remote, ice: remote };
    this.#ice = local;
    this.#wantedIce = local;
  }

  /**
   * Reads an offer of the client. A pending offer of ours is rolled back: the server yields, and
   * `offerNeeded` is true again afterwards.
   *
   * @throws {SdpError} and then nothing has changed.
   */
  receiveOffer(sdp: string, { scalabilityModes = new Map() }: OfferHints = {}): OfferReceived {
    if (this.#remoteOffer) {
      throw new SdpError('WRONG_STATE', 'the offer before this one is not answered yet');
    }
    const read = readOffer(sdp, {
      lines: this.#lines,
      router: this.options.routerRtpCapabilities,
      limits: this.#limits,
      sctp: this.options.transport.sctpParameters !== undefined,
      bothWays: this.#isBothWays(),
      videoStartBitrateBps: this.options.videoStartBitrateBps ?? DEFAULT_VIDEO_START_BITRATE_BPS,
      scalabilityModes,
    });
    const reserved = read.lines.find(
      (line, index) =>
        (this.#reservations.has(line.mid) || this.#dataMid === line.mid) &&
        this.#lines[index]?.mid !== line.mid,
    );
    if (reserved) throw new SdpError('MALFORMED', 'a mid of the offer is reserved by the server');
    const connect = this.#connectTo(read.transport);
    this.#checkDtlsRole(read.transport);
    const received = this.#compare(read, connect);
    this.#localOffer = undefined;
    this.#forgetSettledWishes();
    this.#remoteOffer = { ...read, received };
    return received;
  }

  /**
   * Applies the offer read last and says what we make of it.
   *
   * @throws {SdpError} WRONG_STATE without an offer; {TypeError} for decisions that do not fit it.
   */
  answer(decisions: AnswerDecisions = {}): string {
    const offer = this.#remoteOffer;
    if (!offer) throw new SdpError('WRONG_STATE', 'there is no offer to answer');
    if (offer.received.iceRestart && !decisions.iceParameters) {
      throw new TypeError('an ICE restart needs new ICE parameters');
    }
    const lines = this.#answeredLines(offer, decisions);
    this.#lines = lines;
    this.#remoteOffer = undefined;
    this.#settleTransport(offer.transport);
    this.#remoteSessionId = offer.sessionId;
    this.#extmapAllowMixed = offer.extmapAllowMixed;
    if (decisions.iceParameters) {
      this.#ice = decisions.iceParameters;
      this.#wantedIce = decisions.iceParameters;
    }
    this.#forgetSettledWishes();
    return this.#write(lines, {
      ice: this.#ice,
      setup: this.#setup ?? 'active',
      grouped: offer.grouped,
    });
  }

  /** Forgets the offer read last: the same one may come again. */
  refuseOffer(): void {
    this.#remoteOffer = undefined;
  }

  /**
   * Reserves an m-line for a track of ours (a stopped one of its kind is re-used) and returns its
   * mid, which the consumer must be made with. `track` follows by `setSending`.
   *
   * @throws {SdpError} TOO_LARGE when the PeerConnection has as many m-lines as it may.
   */
  reserve(kind: MediaKind): Mid {
    const idle = this.#lines.find(
      (line) =>
        line.alive &&
        line.kind === kind &&
        line.numberedBy === 'server' &&
        line.mid !== PROBATOR_MID &&
        !line.sending &&
        !this.#reservations.has(line.mid),
    );
    const mid = idle?.mid ?? this.#newMid(kind);
    this.#reservations.set(mid, { kind, track: undefined });
    return mid;
  }

  /**
   * What `transport.consume()` should be told for a consumer on this m-line: what of the router the
   * client, its numbering and the rest of the BUNDLE have room for.
   *
   * @throws {TypeError} for a mid that is neither ours nor a slot.
   */
  consumerCapabilities(mid: Mid): RtpCapabilities {
    const router = this.options.routerRtpCapabilities;
    const lines = this.#remoteOffer?.lines ?? this.#lines;
    const line = lines.find((other) => other.mid === mid && other.alive);
    const known = line?.slot ?? line?.sending ?? this.#reservations.get(mid);
    if (!known) throw new TypeError(`mid ${mid} is neither ours nor a slot`);
    const slot = line?.slot;
    return consumableBeside(lines, mid, slot ? consumableOn(slot, router) : router);
  }

  /**
   * What is sent on a reserved m-line or an offered slot; it is in the next offer.
   *
   * @throws {SdpError} UNSUPPORTED when its payload type means something else to this client.
   */
  setSending(mid: Mid, track: OutgoingTrack): void {
    const line = this.#lines.find((other) => other.mid === mid && other.alive);
    const kind =
      this.#reservations.get(mid)?.kind ?? (line?.slot || line?.sending ? line.kind : undefined);
    if (kind !== track.kind) throw new TypeError(`mid ${mid} is not reserved for ${track.kind}`);
    checkTrack(mid, track);
    if (!this.#isSendable(mid, track, line)) {
      throw new SdpError('UNSUPPORTED', 'the payload type is in use for another codec');
    }
    this.#stops.delete(mid);
    this.#reservations.set(mid, { kind: track.kind, track });
  }

  /** Stops a track of ours, or frees an m-line that was only reserved. Twice is as good as once. */
  stopSending(mid: Mid): void {
    this.#reservations.delete(mid);
    const offered = this.#localOffer?.lines.some((line) => line.mid === mid && line.sending);
    const told = this.#lines.some((line) => line.mid === mid && line.sending);
    if (told || offered) this.#stops.add(mid);
  }

  /**
   * What was agreed on data channels; undefined where there are none. A client takes no message
   * larger than it says.
   */
  get data(): { readonly maxMessageBytes: number } | undefined {
    const line = this.#lines.find((other) => other.alive && other.kind === 'application');
    return line && { maxMessageBytes: line.maxMessageBytes ?? Infinity };
  }

  /**
   * Wants data channels, in the next offer where there are none. A client that declines them is not
   * asked again unless this is called again.
   *
   * @throws {SdpError} TOO_LARGE when the PeerConnection has as many m-lines as it may; {TypeError}
   * where the transport was made without SCTP.
   */
  wantData(): void {
    if (!this.options.transport.sctpParameters) throw new TypeError('the transport has no SCTP');
    if (this.data) return;
    this.#dataMid ??= this.#newMid('application');
  }

  /** New ICE credentials of ours, in the next offer. */
  restartIce(iceParameters: IceParameters): void {
    this.#wantedIce = iceParameters;
  }

  /**
   * Our offer of all that is sent now. An unanswered one before it is replaced.
   *
   * @throws {SdpError} WRONG_STATE while an offer of the client waits for its answer.
   */
  createOffer(): string {
    if (this.#remoteOffer) {
      throw new SdpError('WRONG_STATE', 'an offer of the client waits for its answer');
    }
    const wishes: Wishes = {
      reservations: new Map(this.#reservations),
      stops: new Set(this.#stops),
      data: this.#dataMid,
      probator: this.#wantsProbator(),
    };
    const lines = planOffer(this.#lines, wishes);
    this.#localOffer = { ...wishes, lines, ice: this.#wantedIce };
    return this.#write(lines, { ice: this.#wantedIce, setup: 'actpass', grouped: true });
  }

  /**
   * Reads the client's answer to our offer.
   *
   * @throws {SdpError} and then the offer is still pending.
   */
  receiveAnswer(sdp: string): AnswerReceived {
    const offer = this.#localOffer;
    if (!offer) throw new SdpError('WRONG_STATE', 'there is no offer to be answered');
    const { lines, transport, accepted, rejected, removed } = readAnswer(
      sdp,
      offer.lines,
      this.#limits,
    );
    const connect = this.#connectTo(transport);
    this.#lines = lines;
    this.#localOffer = undefined;
    this.#settleTransport(transport);
    this.#ice = offer.ice;
    for (const [mid, wish] of offer.reservations) {
      if (wish.track && this.#reservations.get(mid) === wish) this.#reservations.delete(mid);
    }
    for (const mid of offer.stops) this.#stops.delete(mid);
    this.#probatorAnswered ||= lines.some(({ mid }) => mid === PROBATOR_MID);
    // Taken or declined.
    if (offer.data === this.#dataMid) this.#dataMid = undefined;
    this.#forgetSettledWishes();
    return { connect, accepted, rejected, removed };
  }

  /** Whether the client can put together what we send on `mid` where that has several spatial layers. */
  takesSpatialLayers(mid: Mid): boolean {
    const sending = this.#lines.find((line) => line.mid === mid)?.sending;
    const [codec] = sending?.codecs ?? [];
    return !sending || !codec || needsNoDescriptor(codec) || canLayer(codec, sending.extensions);
  }

  get #wishes(): Omit<Wishes, 'probator'> {
    return { reservations: this.#reservations, stops: this.#stops, data: this.#dataMid };
  }

  /** Where there is room, until it was answered: a client that declines it is not asked again. */
  #wantsProbator(): boolean {
    return (
      this.options.probator === true &&
      !this.#probatorAnswered &&
      !this.#lines.some(({ mid }) => mid === PROBATOR_MID) &&
      placesNeeded(this.#lines, this.#wishes, 'video') <= this.#limits.mLines
    );
  }

  #isBothWays(): boolean {
    return (
      this.options.bothWays === true ||
      this.#reservations.size > 0 ||
      this.#lines.some((line) => line.sending)
    );
  }

  #compare(read: OfferRead, connect: DtlsParameters | undefined): OfferReceived {
    const before = receptionsOf(this.#lines);
    const after = receptionsOf(read.lines);
    const ice = read.transport?.ice;
    return {
      connect,
      iceRestart:
        this.#remote !== undefined &&
        ice !== undefined &&
        !sameIceCredentials(ice, this.#remote.ice),
      added: [...after.values()]
        .map(({ track }) => track)
        .filter((track) => before.get(track.mid)?.track !== track),
      removed: [...before].flatMap(([mid, { track }]) =>
        after.get(mid)?.track === track ? [] : [mid],
      ),
      slots: read.lines.flatMap((line) => (line.slot && !line.sending ? [line.slot] : [])),
      rejected: this.#lines.flatMap((line, index) =>
        line.sending && !read.lines[index]?.sending ? [line.mid] : [],
      ),
      data: read.lines.some((line) => line.alive && line.kind === 'application'),
    };
  }

  #answeredLines(offer: RemoteOffer, decisions: AnswerDecisions): MLine[] {
    const added = new Set(offer.received.added.map((track) => track.mid));
    const readLines = decisions.sending?.size ? offer.lines.map(withoutMisread) : offer.lines;
    const lines = readLines.map((read) => {
      // On the client's own m-line an answer can say that nothing is sent any more.
      const line = this.#stops.has(read.mid) ? withoutSending(read) : read;
      if (!added.has(line.mid) || decisions.rejected?.has(line.mid) !== true) return line;
      return line.sending ? { ...line, reception: undefined } : stopped(line);
    });
    for (const [mid, track] of decisions.sending ?? []) {
      const index = lines.findIndex((line) => line.mid === mid && line.slot && !line.sending);
      const line = lines[index];
      if (!line?.slot) throw new TypeError(`mid ${mid} is no slot of the offer`);
      checkTrack(mid, track);
      if (!fitsSlot(line.slot, track.rtpParameters)) {
        throw new TypeError(`the track for mid ${mid} does not fit its slot`);
      }
      const sending = describeSending(track, numbersBeside(lines, line), line.slot);
      if (!sending) throw new TypeError(`the track for mid ${mid} does not fit the BUNDLE`);
      lines[index] = { ...line, sending };
    }
    return lines;
  }

  #isSendable(mid: Mid, track: OutgoingTrack, line: MLine | undefined): boolean {
    if (line?.slot && !fitsSlot(line.slot, track.rtpParameters)) return false;
    const probe: Reservation = { kind: track.kind, track };
    const wishes = {
      reservations: new Map([...this.#reservations, [mid, probe]]),
      stops: this.#stops,
      data: this.#dataMid,
      probator: false,
    };
    return planOffer(this.#lines, wishes).some(
      (planned) => planned.mid === mid && planned.sending?.track === track,
    );
  }

  /** What `transport.connect()` still needs to hear. */
  #connectTo(transport: RemoteTransport | undefined): DtlsParameters | undefined {
    if (!transport) return undefined;
    if (!this.#remote) {
      return {
        role: transport.dtlsRole === 'client' ? 'client' : 'server',
        fingerprints: [...transport.fingerprints],
      };
    }
    if (!sameFingerprints(transport.fingerprints, this.#remote.fingerprints)) {
      throw new SdpError('UNSUPPORTED', 'another certificate needs another PeerConnection');
    }
    return undefined;
  }

  /** Roles stay once taken. Answers are let off: some clients always write the same into them. */
  #checkDtlsRole(offered: RemoteTransport | undefined): void {
    const ours = this.#setup === 'active' ? 'client' : 'server';
    if (this.#setup && offered?.dtlsRole === ours) {
      throw new SdpError('UNSUPPORTED', 'DTLS roles cannot change');
    }
  }

  #settleTransport(transport: RemoteTransport | undefined): void {
    if (!transport) return;
    this.#remote = transport;
    // Waiting costs a round trip: where we may choose, we begin, as soon as ICE has a pair.
    this.#setup ??= transport.dtlsRole === 'client' ? 'passive' : 'active';
  }

  /** Wishes for m-lines that are no more, or that were fulfilled by the way. */
  #forgetSettledWishes(): void {
    for (const mid of this.#stops) {
      if (!this.#lines.some((line) => line.mid === mid && line.sending)) this.#stops.delete(mid);
    }
    if (this.data) this.#dataMid = undefined;
  }

  #newMid(kind: ReservedKind): Mid {
    if (placesNeeded(this.#lines, this.#wishes, kind) > this.#limits.mLines) {
      throw new SdpError(
        'TOO_LARGE',
        `a PeerConnection has at most ${this.#limits.mLines} m-lines`,
      );
    }
    // Two characters at least: one alone could be read as an audio level where a client
    // numbers that extension as mediasoup numbers mids.
    let mid: Mid;
    do {
      mid = `s${this.#nextMid}`;
      this.#nextMid += 1;
    } while (this.#lines.some((line) => line.mid === mid));
    return mid;
  }

  #write(
    lines: readonly MLine[],
    head: Pick<DescriptionHead, 'ice' | 'setup' | 'grouped'>,
  ): string {
    const { transport } = this.options;
    this.#version += 1;
    return writeDescription(
      {
        sessionId: this.#sessionId,
        version: this.#version,
        ...head,
        candidates: transport.iceCandidates,
        fingerprint: preferredFingerprint(transport.dtlsParameters.fingerprints),
        sctp: transport.sctpParameters,
        extmapAllowMixed: this.#extmapAllowMixed,
      },
      lines,
    );
  }
}

function checkTrack(mid: Mid, track: OutgoingTrack): void {
  if (track.rtpParameters.mid !== mid) {
    throw new TypeError(`the consumer for mid ${mid} was made with another mid`);
  }
}
