import {
  Resource,
  SluiceError,
  hasCode,
  type Clock,
  type ResourceEvents,
  type Timer,
} from '@sluice/core';
import type { Observer } from '../ports.js';
import type { RoomChange } from '../rooms/room-view.js';
import type { Visit } from '../rooms/visit.js';
import { requireCandidate } from '../sessions/ice-candidate.js';
import { Acceptance } from './acceptance.js';
import { Demand } from './demand.js';
import type { TrickledCandidate, UmbrellaMessage, UmbrellaTrack } from './messages.js';
import { INCOMING_CONNECTION, Receiving } from './receiving.js';
import { OUTGOING_CONNECTION, Sending } from './sending.js';
import { candidateIn, descriptionIn } from './session-descriptions.js';
import { isClusterId, type TrackNames } from './track-names.js';

interface ExchangeEvents extends ResourceEvents {
  /** To be sent to the peer. */
  said: [message: UmbrellaMessage];
}

export interface ExchangeOptions {
  readonly visit: Visit;
  /** As whom the peer's tracks are published. */
  readonly participant: string;
  /** Whether the peer may be sent anything. */
  readonly sends: boolean;
  readonly names: TrackNames;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** How long the room may change until we look at what it means for a link. */
const REVIEW_DELAY_MS = 250;
/** Between tries to get what another link of the same peer still has. */
const CONTEST_DELAY_MS = 5_000;
/** Who changes what he watches leaves one stream and takes another. */
const DEMAND_DELAY_MS = 100;

/** What the two ends of a link say of their tracks, and what follows from it in both directions. */
export class Exchange extends Resource<ExchangeEvents> {
  readonly #receiving: Receiving;
  readonly #sending: Sending | undefined;
  readonly #demand = new Demand();
  readonly #acceptance = new Acceptance();
  #peerClusterId: string | undefined;
  #reviewing: Timer | undefined;
  #contesting: Timer | undefined;
  #tellingDemand: Timer | undefined;

  constructor(private readonly options: ExchangeOptions) {
    super();
    const { session, room } = options.visit;
    this.#receiving = new Receiving({
      session,
      names: options.names,
      roomName: room.name,
      view: room.view,
      participant: options.participant,
      sentThere: (umbrellaId) => this.#sending?.sends(umbrellaId) ?? false,
      isOurs: () => this.#isOurs,
      onBegin: (purpose) => this.#demand.begin(purpose),
    });
    this.#sending = options.sends ? this.#openSending() : undefined;
    session.on('demandChanged', ({ purpose, wanted }) => {
      this.#demand.note(purpose, wanted);
      this.#tellDemandSoon();
    });
    room.on('changed', this.#onRoomChanged);
  }

  get incomingTracks(): readonly UmbrellaTrack[] {
    return [...this.#receiving.imported.values()];
  }

  get outgoingTracks(): readonly UmbrellaTrack[] {
    const sending = this.#sending;
    return sending?.tracks.filter(({ umbrellaId }) => sending.sends(umbrellaId)) ?? [];
  }

  /** Says who we are, before all else. */
  begin(): void {
    this.#say({ hello: { clusterId: this.options.names.clusterId } });
  }

  /** Handles the parts of a message in the order in which peers of this dialect expect it. */
  async handle(message: UmbrellaMessage): Promise<void> {
    const { candidate, answer, offer, acceptTracks, upstreamTracks, midMappings } = message;
    if (message.hello) this.#greet(message.hello.clusterId);
    if (candidate) await this.#trickle(candidate);
    if (answer !== undefined) await this.#handleAnswer(answer);
    if (offer !== undefined) await this.#handleOffer(offer);
    if (this.closed) return;
    if (acceptTracks) this.#sending?.accept(acceptTracks);
    if (message.unwanted) this.#sending?.wantOnly(message.unwanted);
    if (upstreamTracks) {
      this.#receiving.announce(upstreamTracks);
      this.#accept();
      this.#sending?.review();
    }
    if (midMappings) this.#receiving.map(midMappings);
  }

  protected override release(): void {
    this.options.visit.room.off('changed', this.#onRoomChanged);
    this.#reviewing?.cancel();
    this.#contesting?.cancel();
    this.#tellingDemand?.cancel();
  }

  /** A cluster of ours is at the other end. */
  get #isOurs(): boolean {
    return this.#peerClusterId !== undefined;
  }

  #openSending(): Sending {
    const { visit, names, participant, clock, observer } = this.options;
    const { session, room } = visit;
    const sending = this.own(
      new Sending({
        session,
        room,
        names,
        participant,
        cameFromThere: (umbrellaId) =>
          this.#receiving.announced.some((track) => track.umbrellaId === umbrellaId),
        peerClusterId: () => this.#peerClusterId,
        clock,
        observer,
      }),
    );
    sending.on('announced', (upstreamTracks) => this.#say({ upstreamTracks }));
    sending.on('offered', (sdp) => this.#say({ offer: JSON.stringify({ type: 'offer', sdp }) }));
    return sending;
  }

  #greet(clusterId: string): void {
    if (!isClusterId(clusterId)) {
      throw new SluiceError('INVALID_ARGUMENT', 'hello.clusterId is malformed');
    }
    this.#peerClusterId = clusterId;
    this.#sending?.review();
    this.#tellDemandSoon();
  }

  async #trickle({ candidate, incoming }: TrickledCandidate): Promise<void> {
    const line = candidateIn(candidate);
    requireCandidate(line);
    if (line === '') return;
    const { node, sessionId } = this.options.visit.session;
    // Its incoming one is our outgoing one.
    const connection = incoming ? OUTGOING_CONNECTION : INCOMING_CONNECTION;
    await node.addIceCandidate(sessionId, line, connection);
  }

  async #handleAnswer(answer: string): Promise<void> {
    const midMappings = await this.#sending?.answer(descriptionIn(answer, 'answer'));
    if (midMappings) this.#say({ midMappings });
  }

  async #handleOffer(offer: string): Promise<void> {
    const sdp = await this.#receiving.answer(descriptionIn(offer, 'offer'));
    this.#say({ answer: JSON.stringify({ type: 'answer', sdp }) });
    // What was passed over has to be told.
    this.#reviewSoon();
    if (this.#receiving.contested) this.#contestLater();
  }

  /** Tells the peer what we take of what it has; a cluster of ours only what has changed. */
  #accept(): void {
    const wanted = this.#receiving.accepted();
    const lists = this.#isOurs
      ? this.#acceptance.next(wanted, this.#receiving.takeRefused())
      : [wanted];
    for (const acceptTracks of lists) this.#say({ acceptTracks });
  }

  /** Only between clusters of ours: others would not know what it means. */
  #tellDemandSoon(): void {
    if (this.closed || this.#tellingDemand || !this.#isOurs) return;
    this.#tellingDemand = this.options.clock.after(DEMAND_DELAY_MS, () => {
      this.#tellingDemand = undefined;
      const unwanted = this.#demand.news(this.incomingTracks);
      if (unwanted) this.#say({ unwanted });
    });
  }

  /** A track that we have by another way may have ended there, or come there as well. */
  readonly #onRoomChanged = (change: RoomChange) => {
    const { participant } = this.options;
    if (change.kind === 'publisherRemoved' && change.publisher.participant === participant) {
      this.#receiving.forgetContested();
    }
    this.#reviewSoon();
  };

  #contestLater(): void {
    if (this.closed || this.#contesting) return;
    this.#contesting = this.options.clock.after(CONTEST_DELAY_MS, () => {
      this.#contesting = undefined;
      this.#receiving.forgetContested();
      this.#reviewSoon();
    });
  }

  #reviewSoon(): void {
    if (this.closed || this.#reviewing) return;
    this.#reviewing = this.options.clock.after(REVIEW_DELAY_MS, () => {
      this.#reviewing = undefined;
      void this.#dropDuplicates();
      // To other servers of this dialect it is the occasion to offer again.
      if (this.#isOurs || this.#receiving.missesSomething) this.#accept();
    });
  }

  async #dropDuplicates(): Promise<void> {
    const { visit, observer } = this.options;
    for (const purpose of this.#receiving.dropDuplicates()) {
      await visit.session.unpublish(purpose).catch((error: unknown) => {
        if (!hasCode(error, 'NOT_FOUND')) observer.trouble(error, 'ending a duplicate');
      });
    }
  }

  #say(message: UmbrellaMessage): void {
    if (!this.closed) this.emit('said', message);
  }
}
