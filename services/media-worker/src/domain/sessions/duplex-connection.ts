import { Resource, type ResourceEvents, type Timer } from '@sluice/core';
import type { IncomingTrack, Mid, OfferReceived, OutgoingTrack } from '@sluice/sdp';
import { Connection, connectionLost } from './connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { DataChannels } from '../data/data-channels.js';
import { IncomingTracks } from './incoming-tracks.js';
import type { PublishingSettings } from './incoming-stream.js';
import type { OfferedSlots } from './offered-connection.js';
import { checkTracks, nothingReceivable } from './publishing-connection.js';
import { SubscribingConnection, type SubscribingSettings } from './subscribing-connection.js';

/** What of an offer belongs to no stream yet. */
export interface OfferedTracks {
  readonly tracks: readonly IncomingTrack[];
  /** Tracks that a stream keeps, by its key. */
  readonly kept: (streamKey: string) => number;
}

/** Chooses what is sent on m-lines on which the client offers to receive. */
export type SlotPlan = (slots: OfferedSlots) => Promise<ReadonlyMap<Mid, OutgoingTrack>>;

export interface DuplexConnectionEvents extends ResourceEvents {
  /** The client stopped m-lines on which we sent. */
  stopped: [mids: ReadonlySet<Mid>];
}

/**
 * Says to which stream each of the offered tracks belongs, by the stream's key; a track left out
 * waits for a later offer. Throwing refuses the offer.
 */
export type TrackPlan = (offered: OfferedTracks) => Promise<ReadonlyMap<Mid, string>>;

/**
 * One PeerConnection on which a client sends streams and is sent others. Either side offers; when
 * both do at once, we yield, and offer again after the client's.
 */
export class DuplexConnection extends Resource<DuplexConnectionEvents> {
  /** What we send on it. */
  readonly sending: SubscribingConnection;
  readonly #streams = new Map<string, IncomingTracks>();
  /** What the client sends, also what belongs to no stream any more. */
  readonly #tracks = new Map<Mid, IncomingTrack>();
  #dueTimer: Timer | undefined;
  #carriesData = false;

  private constructor(
    readonly key: string,
    private readonly home: HomeRouter,
    private readonly connection: Connection,
    private readonly settings: PublishingSettings & SubscribingSettings,
    private readonly offersUnasked: boolean,
  ) {
    super();
    this.own(connection);
    this.sending = this.own(new SubscribingConnection(key, home, connection, settings));
    this.sending.on('removed', (mids) => this.#settle(this.#remove(mids)));
    this.sending.onClosed((reason) => this.close(reason));
    connection.onClosed((reason) => this.close(reason));
  }

  /** Where it is not `offersUnasked`, the client gets an offer only because of what it subscribes to. */
  static async open(
    key: string,
    home: HomeRouter,
    settings: PublishingSettings & SubscribingSettings,
    offersUnasked = true,
  ): Promise<DuplexConnection> {
    const connection = await Connection.open(home, 'duplex', settings);
    return new DuplexConnection(key, home, connection, settings, offersUnasked);
  }

  /** Whether any stream arrives on it. */
  get receives(): boolean {
    return this.#streams.size > 0;
  }

  /** Its data channels. @throws {SluiceError} UNAVAILABLE. */
  openData(): Promise<DataChannels> {
    return this.connection.openData();
  }

  /** Whether data channels were negotiated. */
  get carriesData(): boolean {
    return this.#carriesData;
  }

  get transport(): Connection['transport'] {
    return this.connection.transport;
  }

  /** Whether an offer is of this PeerConnection of the client and not of a new one. */
  continues(sdp: string): boolean {
    return this.connection.negotiation.continues(sdp);
  }

  /** A stream that arrives on it. */
  find(streamKey: string): IncomingTracks | undefined {
    return this.#streams.get(streamKey);
  }

  /**
   * Answers an offer of the client. What we have to offer in turn follows as an event.
   *
   * @throws {SdpError} or {SluiceError}, and then the negotiation is as it was.
   */
  async negotiate(sdp: string, planFor: TrackPlan, serve?: SlotPlan): Promise<string> {
    let plan: ReadonlyMap<Mid, string> = new Map();
    let changed: ReadonlySet<IncomingTracks> = new Set();
    let stopped: readonly Mid[] = [];
    try {
      const answer = await this.connection.answerOffer(
        sdp,
        async (offer) => {
          this.sending.yielded();
          plan = await this.#admit(offer, planFor);
        },
        async (offer) => {
          stopped = offer.rejected;
          const removed = this.#remove(offer.removed);
          const { rejected, changed: grown } = await this.#take(offer, plan);
          changed = new Set([...removed, ...grown]);
          this.#carriesData = offer.data;
          if (offer.data) await this.connection.openData();
          return { rejected, ...(serve && { sending: await serve(this.#slotsOf(offer)) }) };
        },
      );
      this.sending.rejected(stopped);
      if (stopped.length > 0) this.emit('stopped', new Set(stopped));
      this.#settle(changed);
      return answer;
    } finally {
      this.#offerSoon();
    }
  }

  override close(reason = 'requested'): void {
    // First, so that subscriptions on it end for the same reason.
    this.sending.close(reason);
    super.close(reason);
  }

  protected override release(): void {
    this.#dueTimer?.cancel();
  }

  async #admit(offer: OfferReceived, planFor: TrackPlan): Promise<ReadonlyMap<Mid, string>> {
    const removed = new Set(offer.removed);
    const spare = this.#spare().filter(({ mid }) => !removed.has(mid));
    const kept = (streamKey: string) =>
      (this.find(streamKey)?.mids ?? []).filter((mid) => !removed.has(mid)).length;
    const plan = await planFor({ tracks: [...spare, ...offer.added], kept });
    for (const streamKey of new Set(plan.values())) {
      const added = [...plan.values()].filter((key) => key === streamKey).length;
      checkTracks(kept(streamKey) + added, this.settings.tracksMax);
    }
    if (this.closed) throw connectionLost();
    return plan;
  }

  /** The streams that lost tracks. */
  #remove(mids: readonly Mid[]): ReadonlySet<IncomingTracks> {
    for (const mid of mids) this.#tracks.delete(mid);
    const losers = [...this.#streams.values()].filter(
      (stream) => mids.filter((mid) => stream.remove(mid)).length > 0,
    );
    return new Set(losers);
  }

  async #take(offer: OfferReceived, plan: ReadonlyMap<Mid, string>) {
    for (const track of offer.added) this.#tracks.set(track.mid, track);
    const planned = this.#spare().filter(({ mid }) => plan.has(mid));
    const changed = new Set<IncomingTracks>();
    const results = await Promise.all(
      [...Map.groupBy(planned, ({ mid }) => plan.get(mid) ?? '')].map(([streamKey, tracks]) => {
        const stream = this.find(streamKey) ?? this.#open(streamKey);
        changed.add(stream);
        return stream.produce(tracks);
      }),
    );
    const rejected = new Set(results.flatMap((mids) => [...mids]));
    for (const mid of rejected) this.#tracks.delete(mid);
    if (this.closed) throw connectionLost();
    if (rejected.size > 0 && rejected.size === planned.length) {
      this.#settle(changed);
      throw nothingReceivable();
    }
    return { rejected, changed };
  }

  /** Where the client sends nothing itself. */
  #slotsOf({ slots }: OfferReceived): OfferedSlots {
    const { home, connection } = this;
    return { home, connection, slots: slots.filter(({ mid }) => !this.#tracks.has(mid)) };
  }

  /** Tracks that belong to no stream. */
  #spare(): IncomingTrack[] {
    const used = new Set([...this.#streams.values()].flatMap(({ mids }) => mids));
    return [...this.#tracks.values()].filter(({ mid }) => !used.has(mid));
  }

  #open(streamKey: string): IncomingTracks {
    const stream = this.own(new IncomingTracks(this.connection, this.settings, true));
    this.#streams.set(streamKey, stream);
    stream.onClosed(() => {
      if (this.#streams.get(streamKey) === stream) this.#streams.delete(streamKey);
    });
    return stream;
  }

  #settle(changed: ReadonlySet<IncomingTracks>): void {
    for (const stream of changed) stream.settle();
  }

  /** Not before the client has our answer, nor while something else is negotiated. */
  #offerSoon(): void {
    if (this.closed) return;
    this.#dueTimer?.cancel();
    this.#dueTimer = this.settings.clock.after(0, () => {
      if (this.offersUnasked && this.sending.offerNeeded) this.sending.announce(undefined);
      else this.sending.offerDue();
    });
  }
}
