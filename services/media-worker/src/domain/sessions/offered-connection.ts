import { UnsupportedError } from 'mediasoup/errors';
import type { Consumer, RtpCapabilities, WebRtcTransport } from 'mediasoup/types';
import { Resource, SluiceError } from '@sluice/core';
import {
  consumableOn,
  fitsSlot,
  type Mid,
  type Numbering,
  type OfferedSlot,
  type OutgoingTrack,
} from '@sluice/sdp';
import type { Carried, Carrier } from './carrier.js';
import { Connection, type ConnectionSettings } from './connection.js';
import { onFirstSent } from './join-phases.js';
import type { HomeRouter } from '../routers/home-router.js';
import { numberedAs } from '../routers/router-numbers.js';
import { endConsumer } from '../end-consumer.js';
import type { StreamSource } from '../streams/stream-copies.js';
import type { CopyTrack } from '../streams/stream-copy.js';

/** A client's offer to receive, and who has streams in its numbers. */
export interface OfferToReceive {
  readonly sdp: string;
  readonly numbering: Numbering;
  readonly source: StreamSource;
}

/** Where on a PeerConnection a client offers to receive. */
export interface OfferedSlots {
  readonly home: HomeRouter;
  readonly connection: Connection;
  readonly slots: readonly OfferedSlot[];
}

const MID_EXTENSION = 'urn:ietf:params:rtp-hdrext:sdes:mid';

/**
 * A PeerConnection by which a client offered to receive one subscription, in numbers of its own. It
 * is negotiated once. Where the client tells packets apart by their mid, a track that is replaced
 * later goes on under another SSRC; where it was told SSRCs instead, the connection ends then.
 */
export class OfferedConnection extends Resource implements Carrier {
  readonly key = '';
  readonly pending = undefined;
  /** A client that offers to receive is sent no data. */
  readonly data = undefined;
  readonly #sending = new Map<Mid, OutgoingTrack>();
  #slots: readonly OfferedSlot[] = [];
  #subscription: Carried | undefined;
  #answered = false;
  /** Consumers were made that the client has not been told of. */
  #replaced = false;

  private constructor(
    readonly connection: Connection,
    readonly source: StreamSource,
    private readonly settings: ConnectionSettings,
    /** What may be consumed on a slot; else what the negotiation says. */
    private readonly capabilitiesOn?: (slot: OfferedSlot) => RtpCapabilities,
  ) {
    super();
    connection.on('connected', () => this.#subscription?.connected());
    connection.onClosed((reason) => this.close(reason));
  }

  /** @throws {SdpError} or {SluiceError}, and then nothing is left of it. */
  static async open(
    home: HomeRouter,
    { sdp, numbering, source }: OfferToReceive,
    settings: ConnectionSettings,
  ): Promise<OfferedConnection> {
    const capabilities = numberedAs(home, numbering.mediaCodecs, () => home.router.rtpCapabilities);
    const options = { sctp: false, routerRtpCapabilities: capabilities };
    const connection = await Connection.open(home, 'subscribing', settings, options);
    const offered = new OfferedConnection(connection, source, settings);
    offered.own(connection);
    try {
      const { slots, connect } = connection.negotiation.receiveOffer(sdp);
      offered.#slots = slots;
      await connection.connect(connect);
      return offered;
    } catch (error) {
      offered.close();
      throw error;
    }
  }

  /** Some m-lines of a PeerConnection that carries other things too, and is another's. */
  static within(
    { home, connection, slots }: OfferedSlots,
    { numbering, source }: Omit<OfferToReceive, 'sdp'>,
    settings: ConnectionSettings,
  ): OfferedConnection {
    const capabilities = numberedAs(home, numbering.mediaCodecs, () => home.router.rtpCapabilities);
    const offered = new OfferedConnection(connection, source, settings, (slot) =>
      consumableOn(slot, capabilities),
    );
    offered.#slots = slots;
    return offered;
  }

  /** What is sent on which of the m-lines. */
  get sending(): ReadonlyMap<Mid, OutgoingTrack> {
    return this.#sending;
  }

  /** What has a PeerConnection to itself ends with that. */
  get endsWhenEmpty(): boolean {
    return this.capabilitiesOn !== undefined && this.#answered;
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  get transport(): WebRtcTransport {
    return this.connection.transport;
  }

  get offerNeeded(): boolean {
    return this.#replaced;
  }

  carry(subscription: Carried): void {
    this.#subscription = subscription;
  }

  async consume(
    track: CopyTrack,
    streamId: string,
    mid?: Mid,
  ): Promise<[Mid, Consumer] | undefined> {
    const { kind, id: producerId } = track.producer;
    const slot = this.#slotFor(kind, mid);
    if (!slot) return undefined;
    const { transport, negotiation } = this.connection;
    const rtpCapabilities =
      this.capabilitiesOn?.(slot) ?? negotiation.consumerCapabilities(slot.mid);
    // Taken before anything is awaited: tracks of one stream are consumed side by side.
    const before = this.#sending.get(slot.mid);
    const placeholder = { kind, rtpParameters: { codecs: [] }, streamId, trackId: track.trackId };
    this.#sending.set(slot.mid, placeholder);
    const consumer = await consumeFitting(transport, slot, { producerId, rtpCapabilities });
    if (!consumer || !this.#isSame(before, consumer)) {
      if (consumer) endConsumer(consumer, track.producer);
      if (before) this.#sending.set(slot.mid, before);
      else this.#sending.delete(slot.mid);
      return undefined;
    }
    const { rtpParameters } = consumer;
    const untold = this.#tellsByMid(slot);
    this.#sending.set(slot.mid, { ...placeholder, rtpParameters, untold });
    if (this.#answered) this.#replaced = true;
    return [slot.mid, consumer];
  }

  watchFirstMedia(consumer: Consumer, askedAtMs: number): void {
    const { clock, joins } = this.settings;
    onFirstSent(consumer, () => joins.onFirstMedia('subscribing', clock.nowMs() - askedAtMs));
  }

  stop(mid: Mid): void {
    if (!this.#answered) this.#sending.delete(mid);
    // Said by the answer to the client's next offer, if there is one.
    else if (!this.connection.closed) this.connection.negotiation.stopSending(mid);
  }

  /** The answer, with all that is consumed by now. */
  acceptOffer(): string {
    const answer = this.connection.negotiation.answer({ sending: this.#sending });
    this.offerAccepted();
    return answer;
  }

  /** An answer with all that is consumed by now was given. */
  offerAccepted(): void {
    this.#answered = true;
    this.#accepted();
  }

  /** The client stopped m-lines. */
  rejected(mids: ReadonlySet<Mid>): void {
    this.#subscription?.answered(new Set(), mids);
  }

  offer(): undefined {
    return undefined;
  }

  /** There is no telling a client of this kind: either it finds out by itself, or it comes again. */
  wantData(): void {}

  announce(): void {
    if (!this.#replaced) return;
    this.#replaced = false;
    const finds = this.#slots.every((slot) => this.#tellsByMid(slot));
    if (finds) this.#accepted();
    else this.close('the stream was replaced');
  }

  repeat(): void {
    // No offer of ours can be lost.
  }

  answer(): Promise<void> {
    return Promise.reject(new SluiceError('INVALID_STATE', 'no offer waits for an answer'));
  }

  restartIce(): Promise<void> {
    return Promise.reject(new SluiceError('INVALID_STATE', 'this client restarts ICE by itself'));
  }

  override close(reason = 'requested'): void {
    if (this.closed) return;
    this.#subscription?.close(reason);
    super.close(reason);
  }

  #slotFor(kind: 'audio' | 'video', mid: Mid | undefined): OfferedSlot | undefined {
    if (mid !== undefined) return this.#slots.find((slot) => slot.mid === mid);
    // What had no place in the answer has none later, and what lost its track may get another.
    const inUse = new Set(this.#subscription?.tracks.map((track) => track.mid));
    return this.#slots.find(
      (slot) =>
        slot.kind === kind &&
        (this.#answered
          ? this.#sending.has(slot.mid) && !inUse.has(slot.mid)
          : !this.#sending.has(slot.mid)),
    );
  }

  /** The answer named one codec for each m-line. */
  #isSame(before: OutgoingTrack | undefined, consumer: Consumer): boolean {
    if (!this.#answered) return true;
    const [codec] = consumer.rtpParameters.codecs;
    return before?.rtpParameters.codecs[0]?.payloadType === codec?.payloadType;
  }

  #tellsByMid({ rtpCapabilities }: OfferedSlot): boolean {
    return (rtpCapabilities.headerExtensions ?? []).some(({ uri }) => uri === MID_EXTENSION);
  }

  #accepted(): void {
    this.#subscription?.offered();
    this.#subscription?.answered(new Set(this.#sending.keys()), new Set());
  }
}

async function consumeFitting(
  transport: WebRtcTransport,
  slot: OfferedSlot,
  options: Pick<Parameters<WebRtcTransport['consume']>[0], 'producerId' | 'rtpCapabilities'>,
): Promise<Consumer | undefined> {
  try {
    const consumer = await transport.consume({ ...options, paused: true, mid: slot.mid });
    if (fitsSlot(slot, consumer.rtpParameters)) return consumer;
    consumer.close();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
  }
  return undefined;
}
