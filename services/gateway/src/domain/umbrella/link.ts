import { SluiceError, hasCode, isByHost, type Timer } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import { FrameBudget } from '../access/frame-budget.js';
import { requireCandidate } from '../sessions/ice-candidate.js';
import type { MembershipPorts } from '../rooms-dialect/membership.js';
import { requireFresh, requireRoom } from '../access/permissions.js';
import type { RequestScope } from '../ports.js';
import { RequestQueue } from '../rooms-dialect/request-queue.js';
import { Visit, interruption } from '../rooms/visit.js';
import { Acceptance } from './acceptance.js';
import { Demand } from './demand.js';
import type { TrickledCandidate, UmbrellaMessage, UmbrellaTrack } from './messages.js';
import { INCOMING_CONNECTION, Receiving } from './receiving.js';
import { OUTGOING_CONNECTION, Sending } from './sending.js';
import { candidateIn, descriptionIn } from './session-descriptions.js';
import { isClusterId, participantOfPeer, type TrackNames } from './track-names.js';

export interface UmbrellaPorts extends MembershipPorts {
  readonly names: TrackNames;
  /** Seconds since 1970, only to be compared with what a token says. */
  readonly nowS: () => number;
  /** Told of each message, and of the beginning. */
  readonly inRequest: RequestScope;
}

/** The peer's WebSocket. */
export interface UmbrellaSocket {
  /** Dropped when it is closed already. */
  send(message: UmbrellaMessage): void;
  close(code: number, reason: string): void;
}

export interface UmbrellaPeer {
  /** @throws {SluiceError} UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE */
  readonly identify: () => Promise<Identity>;
  /** The room whose streams are exchanged. */
  readonly roomName: string;
  /** For people: the address it came from, or that was dialled. */
  readonly label: string;
  /** Where we dialled. */
  readonly trunkUrl?: string | undefined;
}

/** Streams of one link: as many as a message may list. */
const PUBLICATIONS_MAX = 128;

/** What a message may be of, that which costs most first. */
const PARTS = [
  'offer',
  'answer',
  'upstreamTracks',
  'acceptTracks',
  'midMappings',
  'hello',
  'candidate',
] as const;

/** All frames of a link follow each other. */
const LANE = 'all';

/** One signaling connection of Umbrella: a browser, or a trunk that another server dialled. */
export class UmbrellaLink {
  readonly #queue = new RequestQueue();
  readonly #budget: FrameBudget;
  #visit: Visit | undefined;
  #receiving: Receiving | undefined;
  #sending: Sending | undefined;
  readonly #demand = new Demand();
  #peerClusterId: string | undefined;
  readonly #acceptance = new Acceptance();
  #reviewing: Timer | undefined;
  #tellingDemand: Timer | undefined;
  #closed = false;

  constructor(
    private readonly socket: UmbrellaSocket,
    readonly peer: UmbrellaPeer,
    private readonly ports: UmbrellaPorts,
    onAuthenticated: () => void,
  ) {
    this.#budget = new FrameBudget(ports.clock);
    this.#push(0, () => this.ports.inRequest('begin', () => this.#begin(onAuthenticated)));
  }

  get incomingTracks(): readonly UmbrellaTrack[] {
    return [...(this.#receiving?.imported.values() ?? [])];
  }

  get outgoingTracks(): readonly UmbrellaTrack[] {
    const sending = this.#sending;
    return sending?.tracks.filter(({ umbrellaId }) => sending.sends(umbrellaId)) ?? [];
  }

  /** A frame that was understood. */
  receive(message: UmbrellaMessage, sizeBytes: number): void {
    if (this.#closed || !this.#admit()) return;
    const type = PARTS.find((part) => message[part] !== undefined) ?? 'nothing';
    this.#push(sizeBytes, () => this.ports.inRequest(type, () => this.#handle(message)));
  }

  /** Any other frame. */
  receiveUnreadable(explanation: string): void {
    if (this.#closed || !this.#admit()) return;
    this.#explain(new SluiceError('INVALID_ARGUMENT', explanation));
  }

  /** The WebSocket is gone, or goes. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reviewing?.cancel();
    this.#tellingDemand?.cancel();
    this.#sending?.close('left');
    this.#visit?.close('left');
  }

  #admit(): boolean {
    const verdict = this.#budget.judge();
    if (verdict === 'end') this.#close(CLOSE_CODES.flooding, 'too many messages');
    if (verdict === 'warn') this.#explain(new SluiceError('RATE_LIMITED', 'too many messages'));
    return verdict === 'take';
  }

  #push(sizeBytes: number, task: () => Promise<void>): void {
    const run = () => this.#run(task);
    if (this.#queue.push({ sizeBytes, lane: () => LANE, run })) return;
    this.#close(CLOSE_CODES.flooding, 'too many requests wait for their answer');
  }

  async #run(task: () => Promise<void>): Promise<void> {
    if (this.#closed) return;
    const { clock, observer } = this.ports;
    const startedMs = clock.nowMs();
    let outcome = 'OK';
    try {
      await task();
    } catch (error) {
      const failure = SluiceError.from(error);
      outcome = failure.code;
      if (outcome === 'INTERNAL') observer.trouble(error, 'handling a message of Umbrella');
      this.#explain(failure);
      // Without a session nothing can follow.
      if (!this.#visit) this.#close(closeCodeOf(failure), failure.message);
    }
    observer.requestHandled('umbrella', outcome, clock.nowMs() - startedMs);
  }

  async #begin(onAuthenticated: () => void): Promise<void> {
    const { ports, peer } = this;
    const identity = await peer.identify();
    if (this.#isClosed()) return;
    onAuthenticated();
    requireRoom(identity, peer.roomName);
    requireFresh(identity, ports.nowS());
    const participant = participantOfPeer(identity.subject);
    const visitor = {
      connectionId: ports.newId(),
      identity: { ...identity, subject: participant },
      kind: {
        dials: peer.trunkUrl !== undefined,
        publicationsMax: PUBLICATIONS_MAX,
        tellsDemand: true,
      },
    };
    const visit = await Visit.begin(peer.roomName, visitor, ports);
    if (this.#isClosed()) {
      visit.close('left');
      return;
    }
    this.#visit = visit;
    visit.on('interrupted', (reason) => {
      this.#explain(interruption(reason));
      if (isByHost(reason)) this.#close(CLOSE_CODES.forbidden, reason);
      else this.#close(CLOSE_CODES.restarting, 'connect again');
    });
    this.socket.send({ hello: { clusterId: ports.names.clusterId } });
    this.#exchange(visit, participant, identity);
  }

  /** Sets both directions up. */
  #exchange(visit: Visit, participant: string, { grants }: Identity): void {
    const { names, clock, observer } = this.ports;
    const { session, room } = visit;
    const receiving = new Receiving({
      session,
      names,
      roomName: room.name,
      view: room.view,
      participant,
      sentThere: (umbrellaId) => this.#sending?.sends(umbrellaId) ?? false,
      isOurs: () => this.#peerClusterId !== undefined,
      onBegin: (purpose) => this.#demand.begin(purpose),
    });
    session.on('demandChanged', ({ purpose, wanted }) => {
      this.#demand.note(purpose, wanted);
      this.#tellDemandSoon();
    });
    this.#receiving = receiving;
    room.on('changed', this.#onRoomChanged);
    visit.onClosed(() => room.off('changed', this.#onRoomChanged));
    if (!grants.subscribe && !grants.admin) return;
    this.#sending = new Sending({
      session,
      room,
      names,
      participant,
      cameFromThere: (umbrellaId) =>
        receiving.announced.some((track) => track.umbrellaId === umbrellaId),
      peerClusterId: () => this.#peerClusterId,
      clock,
      observer,
    });
    this.#sending.on('announced', (upstreamTracks) => this.socket.send({ upstreamTracks }));
    this.#sending.on('offered', (sdp) => {
      this.socket.send({ offer: JSON.stringify({ type: 'offer', sdp }) });
    });
  }

  /** In the order in which peers of this dialect expect it. */
  async #handle(message: UmbrellaMessage): Promise<void> {
    const { candidate, answer, offer, acceptTracks, upstreamTracks, midMappings } = message;
    if (message.hello) this.#greet(message.hello.clusterId);
    if (candidate) await this.#trickle(candidate);
    if (answer !== undefined) await this.#handleAnswer(answer);
    if (offer !== undefined) await this.#handleOffer(offer);
    if (acceptTracks) this.#sending?.accept(acceptTracks);
    if (message.unwanted) this.#sending?.wantOnly(message.unwanted);
    if (upstreamTracks) {
      this.#receiving?.announce(upstreamTracks);
      this.#accept();
      this.#sending?.review();
    }
    if (midMappings) this.#receiving?.map(midMappings);
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
    if (line === '' || !this.#visit) return;
    const { node, sessionId } = this.#visit.session;
    // Its incoming one is our outgoing one.
    const connection = incoming ? OUTGOING_CONNECTION : INCOMING_CONNECTION;
    await node.addIceCandidate(sessionId, line, connection);
  }

  async #handleAnswer(answer: string): Promise<void> {
    const mapping = await this.#sending?.answer(descriptionIn(answer, 'answer'));
    if (mapping && !this.#closed) this.socket.send({ midMappings: mapping });
  }

  async #handleOffer(offer: string): Promise<void> {
    const sdp = await this.#receiving?.answer(descriptionIn(offer, 'offer'));
    if (sdp === undefined || this.#closed) return;
    this.socket.send({ answer: JSON.stringify({ type: 'answer', sdp }) });
    // What was passed over has to be told.
    this.#reviewSoon();
  }

  /** Tells the peer what we take of what it has; a cluster of ours only what has changed. */
  #accept(): void {
    const receiving = this.#receiving;
    if (!receiving) return;
    const wanted = receiving.accepted();
    const lists =
      this.#peerClusterId === undefined
        ? [wanted]
        : this.#acceptance.next(wanted, receiving.takeRefused());
    for (const acceptTracks of lists) this.socket.send({ acceptTracks });
  }

  /** Only between clusters of ours: others would not know what it means. */
  #tellDemandSoon(): void {
    if (this.#closed || this.#tellingDemand || this.#peerClusterId === undefined) return;
    this.#tellingDemand = this.ports.clock.after(DEMAND_DELAY_MS, () => {
      this.#tellingDemand = undefined;
      const unwanted = this.#demand.news(this.incomingTracks);
      if (unwanted) this.socket.send({ unwanted });
    });
  }

  /** A track that we have by another way may have ended there, or come there as well. */
  readonly #onRoomChanged = () => this.#reviewSoon();

  #reviewSoon(): void {
    if (this.#closed || this.#reviewing) return;
    this.#reviewing = this.ports.clock.after(REVIEW_DELAY_MS, () => {
      this.#reviewing = undefined;
      void this.#dropDuplicates();
      // To other servers of this dialect it is the occasion to offer again.
      if (this.#peerClusterId !== undefined || this.#receiving?.missesSomething) this.#accept();
    });
  }

  async #dropDuplicates(): Promise<void> {
    const session = this.#visit?.session;
    if (!session || !this.#receiving) return;
    for (const purpose of this.#receiving.dropDuplicates()) {
      await session.unpublish(purpose).catch((error: unknown) => {
        if (!hasCode(error, 'NOT_FOUND')) this.ports.observer.trouble(error, 'ending a duplicate');
      });
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #explain({ code, message }: SluiceError): void {
    if (!this.#closed) this.socket.send({ problem: { code, message } });
  }

  #close(code: number, reason: string): void {
    this.end();
    this.socket.close(code, reason);
  }
}

/** How long the room may change until we look at what it means for a link. */
const REVIEW_DELAY_MS = 250;
/** Who changes what he watches leaves one stream and takes another. */
const DEMAND_DELAY_MS = 100;

function closeCodeOf(error: SluiceError): number {
  if (hasCode(error, 'UNAUTHENTICATED')) return CLOSE_CODES.unauthenticated;
  return hasCode(error, 'PERMISSION_DENIED') ? CLOSE_CODES.forbidden : CLOSE_CODES.tryAgainLater;
}
