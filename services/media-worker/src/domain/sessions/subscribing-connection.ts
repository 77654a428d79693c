import type { Consumer, WebRtcTransport } from 'mediasoup/types';
import { Resource, SluiceError, type ResourceEvents, type Timer } from '@sluice/core';
import { SdpError, type Mid } from '@sluice/sdp';
import type { Carried, Carrier, PendingOffer } from './carrier.js';
import { Connection, type ConnectionSettings } from './connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import { onFirstSent, type JoinPhase } from './join-phases.js';
import type { CopyTrack } from '../streams/stream-copy.js';

export interface SubscribingConnectionEvents extends ResourceEvents {
  /** The client must be told; `cause` is what changed last, where a subscription did. */
  offered: [cause: Carried | undefined, sdp: string];
  /** The client's answer ended tracks that it had sent. */
  removed: [mids: readonly Mid[]];
}

export interface SubscribingSettings extends ConnectionSettings {
  readonly answerMs: number;
  /** Whether somebody can pass an offer on to the client now. */
  readonly attached: () => boolean;
}

interface UnansweredOffer extends PendingOffer {
  readonly offeredAtMs: number;
}

/**
 * A PeerConnection on which a client receives one subscription, or several that it put there. We
 * offer, one offer at a time: what changes while one is unanswered is gathered into the next.
 */
export class SubscribingConnection
  extends Resource<SubscribingConnectionEvents>
  implements Carrier
{
  readonly #subscriptions = new Set<Carried>();
  #pending: UnansweredOffer | undefined;
  /** What waits for the exchange that is under way. */
  #due: { readonly cause: Carried | undefined } | undefined;
  #timer: Timer | undefined;
  #ending = false;
  /** The client will have no data channels. */
  #dataDeclined = false;

  /** On `connection`, which is its own from now on. */
  constructor(
    /** What the client calls it; empty when it belongs to one subscription alone. */
    readonly key: string,
    private readonly home: HomeRouter,
    readonly connection: Connection,
    private readonly settings: SubscribingSettings,
  ) {
    super();
    this.own(connection);
    connection.on('connected', () => {
      for (const subscription of this.#subscriptions) subscription.connected();
    });
    connection.on('dataConnected', () => {
      for (const subscription of this.#subscriptions) subscription.dataConnected();
    });
    connection.onClosed((reason) => this.close(reason));
  }

  static async open(
    home: HomeRouter,
    key: string,
    settings: SubscribingSettings,
  ): Promise<SubscribingConnection> {
    const connection = await Connection.open(home, 'subscribing', settings);
    return new SubscribingConnection(key, home, connection, settings);
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  get transport(): WebRtcTransport {
    return this.connection.transport;
  }

  /** Whether something changed that the client has not been offered. */
  get offerNeeded(): boolean {
    return !this.#ending && this.connection.negotiation.offerNeeded;
  }

  get data(): Carrier['data'] {
    const { data: channels, negotiation } = this.connection;
    return channels && negotiation.data && { channels, ...negotiation.data };
  }

  get pending(): PendingOffer | undefined {
    return this.#pending;
  }

  /** Puts a subscription on it, until that closes. */
  carry(subscription: Carried): void {
    this.#subscriptions.add(subscription);
    subscription.onClosed(() => this.#subscriptions.delete(subscription));
  }

  /** Tells, when `consumer` has sent its first media, how long the subscription took. */
  watchFirstMedia(consumer: Consumer, askedAtMs: number): void {
    const { clock, joins } = this.settings;
    const resumedAtMs = clock.nowMs();
    onFirstSent(consumer, () => {
      const phase = consumer.kind === 'video' ? 'first_keyframe' : 'first_packet';
      this.#measure(phase, resumedAtMs);
      joins.onFirstMedia('subscribing', clock.nowMs() - askedAtMs);
    });
  }

  /** Makes a paused consumer for a track, on the m-line `mid` or a new one. */
  async consume(track: CopyTrack, streamId: string, mid?: Mid): Promise<[Mid, Consumer]> {
    const { negotiation, transport } = this.connection;
    const { kind, id: producerId } = track.producer;
    const reserved = mid ?? negotiation.reserve(kind);
    // On an m-line that carries a track already, what that one could use, its successor can.
    const rtpCapabilities =
      mid === undefined
        ? negotiation.consumerCapabilities(reserved)
        : this.home.router.rtpCapabilities;
    try {
      const consumer = await transport.consume({
        producerId,
        rtpCapabilities,
        paused: true,
        mid: reserved,
      });
      const { rtpParameters } = consumer;
      negotiation.setSending(reserved, { kind, rtpParameters, streamId, trackId: track.trackId });
      return [reserved, consumer];
    } catch (error) {
      if (mid === undefined && !this.closed) negotiation.stopSending(reserved);
      throw error;
    }
  }

  wantData(): void {
    if (this.#dataDeclined || this.closed) return;
    try {
      this.connection.negotiation.wantData();
    } catch (error) {
      // There is no room for another m-line: then the stream comes without its data.
      if (!(error instanceof SdpError)) throw error;
    }
  }

  stop(mid: Mid): void {
    if (!this.closed) this.connection.negotiation.stopSending(mid);
  }

  /** Our offer of all there is now; undefined while an earlier one is unanswered. */
  offer(cause: Carried | undefined): string | undefined {
    if (this.connection.negotiation.state !== 'stable') {
      this.#due = { cause };
      return undefined;
    }
    const sdp = this.connection.negotiation.createOffer();
    for (const subscription of this.#subscriptions) subscription.offered();
    this.#pending = { sdp, cause, offeredAtMs: this.settings.clock.nowMs() };
    this.#startTimer();
    return sdp;
  }

  /** Like {@link offer}, for what the client did not ask for. */
  announce(cause: Carried | undefined): void {
    const sdp = this.offer(cause);
    if (sdp !== undefined) this.emit('offered', cause, sdp);
  }

  /** An offer of the client was read, which rolled ours back; {@link offerDue} makes it again. */
  yielded(): void {
    if (!this.#pending) return;
    this.#due ??= { cause: this.#pending.cause };
    this.#pending = undefined;
    this.#timer?.cancel();
  }

  /** Our m-lines that an offer of the client stopped. */
  rejected(mids: readonly Mid[]): void {
    if (mids.length === 0) return;
    for (const subscription of [...this.#subscriptions]) {
      subscription.answered(new Set(), new Set(mids));
    }
  }

  /** Offers what had to wait, if there still is anything. */
  offerDue(): void {
    const due = this.#due;
    this.#due = undefined;
    if (due && !this.closed && this.offerNeeded) this.announce(due.cause);
  }

  /** Says again what may not have reached the client. */
  repeat(): void {
    if (!this.#pending) return;
    this.#startTimer();
    this.emit('offered', this.#pending.cause, this.#pending.sdp);
  }

  /** @throws {SdpError} or {SluiceError}, and then the offer is still unanswered. */
  async answer(sdp: string): Promise<void> {
    if (!this.#pending) throw new SluiceError('INVALID_STATE', 'no offer waits for an answer');
    const { offeredAtMs } = this.#pending;
    const { connect, accepted, rejected, removed } = this.connection.negotiation.receiveAnswer(sdp);
    if (connect) this.#measure('answer', offeredAtMs);
    this.#pending = undefined;
    this.#timer?.cancel();
    this.connection.meet(sdp, 'answer');
    await this.connection.connect(connect);
    if (this.connection.negotiation.data) await this.connection.openData();
    else this.#dataDeclined ||= /^m=application /mu.test(sdp);
    for (const subscription of [...this.#subscriptions]) {
      subscription.answered(new Set(accepted), new Set(rejected));
    }
    if (removed.length > 0) this.emit('removed', removed);
    this.offerDue();
  }

  /** New ICE credentials, which the next offer brings. */
  async restartIce(): Promise<void> {
    this.connection.negotiation.restartIce(await this.connection.restartIce());
  }

  override close(reason = 'requested'): void {
    if (this.closed) return;
    this.#ending = true;
    for (const subscription of [...this.#subscriptions]) subscription.close(reason);
    super.close(reason);
  }

  protected override release(): void {
    this.#timer?.cancel();
  }

  #measure(phase: JoinPhase, sinceMs: number): void {
    const { clock, joins } = this.settings;
    joins.onPhase('subscribing', phase, clock.nowMs() - sinceMs);
  }

  #startTimer(): void {
    this.#timer?.cancel();
    this.#timer = this.settings.clock.after(this.settings.answerMs, () => {
      // Nobody could answer; the offer is said again to whoever comes.
      if (!this.settings.attached()) return;
      this.close('offer not answered');
      this.settings.onLost?.('offer not answered');
    });
  }
}
