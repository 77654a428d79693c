import {
  Resource,
  SluiceError,
  notFound,
  describeStream,
  streamKey,
  type Clock,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import { numberingOf, slotsOf } from '@sluice/sdp';
import type { Carrier } from './carrier.js';
import { Carriers } from './carriers.js';
import type { DuplexConnection, TrackPlan } from './duplex-connection.js';
import { findAgain } from './find-again.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { SessionEvent, SubscriptionRef } from './session-events.js';
import type { StreamSource } from '../streams/stream-copies.js';
import type { StreamCopy } from '../streams/stream-copy.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import { OfferedConnection } from './offered-connection.js';
import type { NumberedCopies } from '../streams/numbered-copies.js';
import type { SubscribingConnection, SubscribingSettings } from './subscribing-connection.js';
import { Subscription, type Layers, type SubscriptionEvents } from './subscription.js';

export interface SubscriptionsContext {
  readonly home: HomeRouter;
  readonly source: StreamSource;
  readonly numbered: NumberedCopies;
  readonly clock: Clock;
  readonly settings: SubscribingSettings;
  readonly subscriptionsMax: number;
  readonly connectionsMax: number;
  /** See SessionTimings. */
  readonly recoveryDelaysMs: readonly number[];
  readonly tell: (event: SessionEvent) => void;
  /** A subscription has ended, however. */
  readonly onEnded: () => void;
  readonly onConnectionClosed: () => void;
  /** Runs what changes the session after what does so already. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly report: (error: unknown) => void;
}

export interface SubscribeHow {
  /** See SubscriptionOptions. */
  readonly overlap?: boolean;
  /** Makes no offer: more follows on that connection. */
  readonly gather?: boolean;
  /** On a PeerConnection on which the client may publish too. */
  readonly bothWays?: boolean;
  /** See Layers. */
  readonly withheld?: ReadonlySet<string> | undefined;
}

/** What the client gets for a subscription whose offer follows as an event. */
const OFFER_FOLLOWS = '';

/** Where a stream was found, and when it was asked for. */
interface Found {
  readonly copy: StreamCopy;
  readonly askedAtMs: number;
}

/** Everything that one session receives. Its methods run in the session's turn. */
export class Subscriptions extends Resource {
  readonly #byStream = new Map<StreamKey, Subscription>();
  readonly #carriers: Carriers;
  readonly #updating = new Set<Subscription>();

  constructor(private readonly context: SubscriptionsContext) {
    super();
    const { home, settings, connectionsMax, tell, onConnectionClosed } = context;
    this.#carriers = this.own(
      new Carriers({
        ...{ home, settings, connectionsMax },
        onOffered: (subscription, sdp) => tell({ type: 'subscriptionOffered', subscription, sdp }),
        onClosed: onConnectionClosed,
      }),
    );
  }

  get size(): number {
    return this.#byStream.size;
  }

  /** Tracks that are sent, over all subscriptions. */
  get tracks(): number {
    return this.list.reduce((sum, { tracks }) => sum + tracks.length, 0);
  }

  get refs(): readonly SubscriptionRef[] {
    return this.list.map((subscription) => subscription.ref);
  }

  get list(): readonly Subscription[] {
    return [...this.#byStream.values()];
  }

  get connections(): readonly Carrier[] {
    return this.#carriers.list;
  }

  /**
   * Our offer; empty when an earlier one of the same connection is unanswered or the stream has no
   * tracks now: it then follows as an event.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes the stream.
   */
  async subscribe(name: StreamName, key: string, how: SubscribeHow = {}): Promise<string> {
    const { overlap = false, gather = false, withheld } = how;
    const known = this.#byStream.get(streamKey(name));
    if (known?.connection.pending) return known.connection.pending.sdp;
    if (known && known.connection.key === key && key !== '') return this.#again(known, withheld);
    this.#admit(known);
    const found = await this.#find(name, this.context.source);
    // Asked again with a PeerConnection of its own: the client has made a new one.
    known?.close();
    const connection = await this.#carriers.open(key);
    const subscription = this.#add(name, connection, found, { overlap, withheld });
    try {
      await this.#begin(subscription, found);
      if (subscription.closed) throw new SluiceError('UNAVAILABLE', 'the connection was lost');
      return gather ? OFFER_FOLLOWS : this.#offer(subscription);
    } catch (error) {
      subscription.close();
      throw error;
    }
  }

  /**
   * Our answer to a client that offers to receive a stream.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes it, CANNOT_CONSUME when the client knows
   * none of its codecs; {SdpError}.
   */
  async subscribeByOffer(name: StreamName, sdp: string): Promise<string> {
    const numbering = numberingOf(slotsOf(sdp));
    const known = this.#byStream.get(streamKey(name));
    this.#admit(known);
    this.#carriers.admit();
    const { home, settings, numbered } = this.context;
    const source = numbered.in(numbering);
    const found = await this.#find(name, source);
    known?.close();
    const offer = { sdp, numbering, source };
    const connection = this.#carriers.add(await OfferedConnection.open(home, offer, settings));
    const subscription = this.#add(name, connection, found);
    try {
      await this.#begin(subscription, found);
      if (connection.closed) throw new SluiceError('UNAVAILABLE', 'the connection was lost');
      if (subscription.tracks.length === 0) throw nothingInCommon();
      return connection.acceptOffer();
    } catch (error) {
      subscription.close();
      throw error;
    }
  }

  /**
   * Our answer to an offer to receive a stream, on a PeerConnection that another owns.
   *
   * @throws as {@link subscribeByOffer}, and then the negotiation is as it was.
   */
  async subscribeOn(name: StreamName, duplex: DuplexConnection, sdp: string): Promise<string> {
    const numbering = numberingOf(slotsOf(sdp));
    const known = this.#byStream.get(streamKey(name));
    this.#admit(known);
    const { settings, numbered } = this.context;
    const source = numbered.in(numbering);
    const found = await this.#find(name, source);
    if (found.copy.tracks.size === 0) {
      throw new SluiceError('UNAVAILABLE', 'the stream has no tracks just now; try again');
    }
    const made: { carrier?: OfferedConnection } = {};
    try {
      const answer = await duplex.negotiate(sdp, noTracks, async (slots) => {
        known?.close();
        const offered = OfferedConnection.within(slots, { numbering, source }, settings);
        const carrier = (made.carrier = this.#carriers.add(offered));
        const subscription = this.#add(name, carrier, found);
        await this.#begin(subscription, found);
        if (subscription.tracks.length > 0) return carrier.sending;
        throw nothingInCommon();
      });
      duplex.on('stopped', (mids) => made.carrier?.rejected(mids));
      made.carrier?.offerAccepted();
      return answer;
    } catch (error) {
      made.carrier?.close();
      throw error;
    }
  }

  /** @throws {SdpError} or {SluiceError}, and then the offer is still unanswered. */
  async answer(name: StreamName, sdp: string): Promise<void> {
    const key = streamKey(name);
    const connection = this.#byStream.get(key)?.connection ?? this.#carriers.waitingFor(key);
    if (!connection) throw notSubscribed(name);
    await connection.answer(sdp);
  }

  /** @throws as {@link answer}. */
  async answerOn(key: string, sdp: string): Promise<void> {
    await this.#carriers.get(key).answer(sdp);
  }

  has(name: StreamName): boolean {
    return this.#byStream.has(streamKey(name));
  }

  /** Whether there is a PeerConnection of that key. */
  receivesOn(key: string): boolean {
    return this.#carriers.hasKey(key);
  }

  /**
   * Sends what is subscribed to with its key on a PeerConnection that another owns, who may pass its
   * offers on by himself.
   */
  share(connection: SubscribingConnection, how: { readonly tells: boolean }): void {
    this.#carriers.share(connection, how);
  }

  /** What is sent on it ends, without an offer that says so. */
  unshare(connection: SubscribingConnection, reason: string): void {
    this.#carriers.forget(connection);
    for (const subscription of this.list) {
      if (subscription.connection === connection) subscription.close(reason);
    }
  }

  /** Idempotent. */
  unsubscribe(name: StreamName): void {
    this.#byStream.get(streamKey(name))?.close();
  }

  async setLayers(name: StreamName, layers: Layers): Promise<void> {
    const subscription = this.#get(name);
    await subscription.setLayers(layers);
    if (layers.withheld) this.#update(subscription);
  }

  /** Our next offer, with new ICE credentials; empty when it follows as an event. */
  async restartIce(name: StreamName): Promise<string> {
    const subscription = this.#get(name);
    await subscription.connection.restartIce();
    return this.#offer(subscription);
  }

  /** Says again what may have been lost with the one who was to pass it on. */
  repeat(): void {
    for (const connection of this.connections) connection.repeat();
  }

  /** Those on connections that others own. */
  protected override release(reason: string): void {
    for (const subscription of this.list) subscription.close(reason);
  }

  #get(name: StreamName): Subscription {
    const subscription = this.#byStream.get(streamKey(name));
    if (!subscription) throw notSubscribed(name);
    return subscription;
  }

  async #again(known: Subscription, withheld: Layers['withheld']): Promise<string> {
    if (withheld) await known.setLayers({ withheld });
    await known.reconcile();
    return this.#offer(known);
  }

  #admit(known: Subscription | undefined): void {
    if (known || this.size < this.context.subscriptionsMax) return;
    const noun = 'subscriptions';
    throw new SluiceError('RATE_LIMITED', `a session cannot hold more ${noun}`, { noun });
  }

  async #find(name: StreamName, source: StreamSource): Promise<Found> {
    const { home, clock, settings } = this.context;
    const askedAtMs = clock.nowMs();
    const copy = await source.ensure(home.routerId, name);
    settings.joins.onPhase('subscribing', 'source', clock.nowMs() - askedAtMs);
    return { copy, askedAtMs };
  }

  async #begin(subscription: Subscription, { copy }: Found): Promise<void> {
    subscription.feed(copy);
    await subscription.reconcile();
  }

  #offer(subscription: Subscription): string {
    if (subscription.empty) return OFFER_FOLLOWS;
    return subscription.connection.offer(subscription) ?? OFFER_FOLLOWS;
  }

  #add(
    name: StreamName,
    connection: Carrier,
    { askedAtMs }: Found,
    { overlap = false, withheld }: Pick<SubscribeHow, 'overlap' | 'withheld'> = {},
  ): Subscription {
    const { clock, tell } = this.context;
    const events: SubscriptionEvents = {
      tracksChanged: () => this.#update(subscription),
      copyClosed: (reason) => this.#onCopyClosed(subscription, reason),
      channelOpened: (trackId, { streamId }) => {
        tell({ type: 'channelOpened', subscription: subscription.ref, trackId, streamId });
      },
      notRead: (trackId) => {
        const error = new SluiceError('CAPACITY_EXHAUSTED', 'data was not read fast enough');
        tell({ type: 'failed', stream: name, trackId, error });
      },
      trackRefused: ({ trackId, producer }) => {
        const mimeType = producer.rtpParameters.codecs[0]?.mimeType ?? producer.kind;
        tell({ type: 'trackRefused', subscription: subscription.ref, trackId, mimeType });
      },
    };
    const options = { clock, overlap, askedAtMs, withheld };
    const subscription = new Subscription(name, connection, events, options);
    this.#byStream.set(subscription.key, subscription);
    subscription.onClosed((reason) => this.#onClosed(subscription, reason));
    return subscription;
  }

  #onClosed(subscription: Subscription, reason: string): void {
    if (this.#byStream.get(subscription.key) === subscription) {
      this.#byStream.delete(subscription.key);
    }
    if (this.closed) return;
    if (reason !== 'requested') {
      this.context.tell({ type: 'subscriptionEnded', subscription: subscription.ref, reason });
    }
    const { connection } = subscription;
    // A shared one stays for what comes next: the client's PeerConnection does, too.
    if (connection.key === '') connection.close();
    else if (this.#carriers.has(connection) && connection.offerNeeded) {
      connection.announce(subscription);
    }
    this.context.onEnded();
  }

  /** Brings the client's m-lines in line with the stream's tracks, once for several changes. */
  #update(subscription: Subscription): void {
    if (this.#updating.has(subscription)) return;
    this.#updating.add(subscription);
    this.context
      .inTurn(async () => {
        this.#updating.delete(subscription);
        await subscription.reconcile();
        const { connection, tracks } = subscription;
        if (connection.endsWhenEmpty === true && tracks.length === 0) {
          subscription.close('no tracks');
        }
        if (!connection.closed && connection.offerNeeded) connection.announce(subscription);
      })
      .catch(this.context.report);
  }

  #onCopyClosed(subscription: Subscription, reason: string): void {
    const { streamEnded, originLost } = RELAY_REASONS;
    if (reason === streamEnded || reason === originLost) subscription.close(reason);
    else this.#recover(subscription).catch(this.context.report);
  }

  async #recover(subscription: Subscription): Promise<void> {
    const { home, clock, recoveryDelaysMs } = this.context;
    const source = subscription.connection.source ?? this.context.source;
    const copy = await findAgain(subscription, {
      clock,
      delaysMs: recoveryDelaysMs,
      ensure: () => source.ensure(home.routerId, subscription.name),
    });
    if (!copy) subscription.close(RELAY_REASONS.relayLost);
    else {
      subscription.feed(copy);
      this.#update(subscription);
    }
  }
}

const noTracks: TrackPlan = () => Promise.resolve(new Map());

function nothingInCommon(): SluiceError {
  return new SluiceError('CANNOT_CONSUME', 'no codec in common with the stream');
}

function notSubscribed(name: StreamName): SluiceError {
  return notFound('subscription', describeStream(name));
}
