import type { RouterRef, SessionRef } from '@sluice/proto-gen/common';
import { Resource, Serial, SluiceError, type StreamName } from '@sluice/core';
import { readIceFragment, readRemoteCandidate, type OfferHints } from '@sluice/sdp';
import type { Connection, IceUpdate } from './connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { IncomingStream } from './incoming-stream.js';
import type { DuplexConnection } from './duplex-connection.js';
import { DuplexConnections } from './duplex-connections.js';
import type { Answered, Publication } from './publication.js';
import { Publications } from './publications.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import { SessionCommands } from './session-commands.js';
import type { SessionEnvironment } from './session-environment.js';
import type { Attachment, SessionEvent } from './session-events.js';
import { SESSION_REASONS, SessionLifespan } from './session-lifespan.js';
import type { SessionProfile, SessionStart } from './session-profile.js';
import { dialingSettings, publishingSettings, subscribingSettings } from './session-settings.js';
import { SessionWatching, tooLate } from './session-watching.js';
import type { Layers } from './subscription.js';
import { Subscriptions, type SubscribeHow } from './subscriptions.js';
import type { Measured } from '../traffic.js';
import { TrickledCandidates } from './trickled-candidates.js';

/**
 * One participant's connection to the cluster, on one home router, with all that hangs on it. It
 * lives while somebody watches it and a grace time longer.
 */
export class Session extends Resource {
  readonly publications: Publications;
  readonly subscriptions: Subscriptions;
  readonly #duplexes: DuplexConnections;
  readonly #commands: SessionCommands;
  readonly #watching: SessionWatching;
  readonly #lifespan: SessionLifespan;
  readonly #trickled: TrickledCandidates;
  #present: boolean;
  /** What every watcher is told, once it is known that the session must go. */
  #moving: (() => SessionEvent) | undefined;

  constructor(
    readonly profile: SessionProfile,
    readonly home: HomeRouter,
    origin: RouterRef,
    { present, turn = new Serial() }: SessionStart,
    private readonly environment: SessionEnvironment,
  ) {
    super();
    this.#present = present;
    this.#commands = new SessionCommands({
      turn,
      waitingMax: environment.limits.waitingCommands,
      isOver: () => this.closed,
      onDone: () => this.#lifespan.endUnattended(),
    });
    this.#watching = this.#watchers();
    this.#lifespan = this.#life();
    this.publications = this.own(this.#publications(origin));
    this.subscriptions = this.own(this.#subscriptions());
    this.#duplexes = this.own(this.#duplexConnections());
    this.#trickled = new TrickledCandidates(
      () => this.subscriptions.connections,
      environment.limits.candidates,
    );
    environment.facts.sessionOpened(this.ref());
    this.#lifespan.startGrace();
  }

  get attached(): boolean {
    return this.#watching.attached;
  }

  /** Whether its client was asked to go elsewhere. */
  get moving(): boolean {
    return this.#moving !== undefined;
  }

  /** All that carries its media, for measuring. */
  get transports(): readonly Measured[] {
    const feeds = this.publications.list.flatMap(({ feeds }) => feeds);
    return [...this.#connections.map(({ transport }) => transport), ...feeds];
  }

  ref(): SessionRef {
    const { sessionId, room, participant, username, connectionId } = this.profile;
    return {
      sessionId,
      room,
      participant,
      username,
      connectionId,
      attached: this.attached,
      present: this.#present,
      routerId: this.home.routerId,
    };
  }

  /** Says everything to `write` from now on, beginning with what there is; an older watcher ends. */
  attach(write: (event: SessionEvent) => void): Attachment {
    return this.closed ? tooLate(write) : this.#watching.attach(write);
  }

  setPresent(present: boolean): void {
    if (this.closed || present === this.#present) return;
    this.#present = present;
    this.environment.facts.sessionChanged(this.ref());
  }

  /** @throws {SdpError} or {SluiceError}, and then all is as it was. */
  async publish(purpose: string, sdp: string, hints?: OfferHints): Promise<Answered> {
    this.#need('publish');
    return this.#command(() => this.publications.publish(this.#own(purpose), sdp, hints));
  }

  /**
   * The client's offer on the PeerConnection of that key, on which it publishes and is sent what it
   * subscribes to there. Tracks that are new belong to the stream of `purposeOf` their m-line.
   *
   * @throws {SdpError} or {SluiceError}, and then all is as it was.
   */
  negotiate(
    connectionKey: string,
    sdp: string,
    purposeOf: (mid: string) => string,
  ): Promise<Answered> {
    return this.#command(async () => {
      const answered = await this.#duplexes.negotiate(connectionKey, sdp, ({ mid }) => {
        this.#need('publish');
        return this.#own(purposeOf(mid));
      });
      this.#trickled.pass(connectionKey);
      return answered;
    });
  }

  /**
   * Publishes a stream that is new, on a PeerConnection that another owns.
   *
   * @throws as {@link negotiate}; ALREADY_EXISTS also when this very session publishes it.
   */
  publishNew(connection: DuplexConnection, purpose: string, sdp: string): Promise<Answered> {
    this.#need('publish');
    return this.#command(() => {
      const name = this.#own(purpose);
      if (this.publications.find(purpose)) {
        throw new SluiceError('ALREADY_EXISTS', 'Stream already exists');
      }
      return this.publications.publishOn(connection, sdp, () => name, { bringsTracks: true });
    });
  }

  /** Publishes what arrives otherwise than from its client. @throws as {@link publish}. */
  publishIncoming(purpose: string, stream: IncomingStream): Promise<Publication> {
    this.#need('publish');
    return this.#command(() => this.publications.publishIncoming(this.#own(purpose), stream));
  }

  /** What it subscribes to with that connection's key is sent there; another owns it. */
  borrow(connection: DuplexConnection): void {
    this.subscriptions.share(connection.sending, { tells: false });
  }

  /** Publishes what no client sends. @throws {SluiceError} ALREADY_EXISTS, UNAVAILABLE. */
  feed(purpose: string, stream: IncomingStream): Promise<void> {
    return this.#command(() => this.publications.feed(this.#own(purpose), stream));
  }

  unpublish(purpose: string): Promise<void> {
    return this.#command(() => this.publications.unpublish(purpose));
  }

  /** Our offer; empty when it follows as an event. */
  async subscribe(stream: StreamName, key: string, how: SubscribeHow = {}): Promise<string> {
    this.#need('subscribe');
    this.#commands.admit();
    // Under way at once, so that many subscriptions wait for their relays together.
    this.environment.source.ensure(this.home.routerId, stream).catch(() => undefined);
    return this.#command(() =>
      this.#duplexes.prepare(key, how).then(() => this.subscriptions.subscribe(stream, key, how)),
    );
  }

  /** Our answer to a client that offers to receive. */
  async subscribeByOffer(stream: StreamName, sdp: string): Promise<string> {
    this.#need('subscribe');
    return this.#command(() => this.subscriptions.subscribeByOffer(stream, sdp));
  }

  /** The same on a PeerConnection that another owns. */
  async subscribeOn(stream: StreamName, duplex: DuplexConnection, sdp: string): Promise<string> {
    this.#need('subscribe');
    return this.#command(() => this.subscriptions.subscribeOn(stream, duplex, sdp));
  }

  /** Our offer on the PeerConnection of that key, which may have nothing to carry yet. */
  offerConnection(connectionKey: string): Promise<string> {
    return this.#command(() => this.#duplexes.offer(connectionKey));
  }

  answer(stream: StreamName, sdp: string): Promise<void> {
    return this.#command(() => this.subscriptions.answer(stream, sdp));
  }

  /** To our offer on the PeerConnection of that key. */
  answerOn(connectionKey: string, sdp: string): Promise<void> {
    return this.#command(() => this.subscriptions.answerOn(connectionKey, sdp));
  }

  unsubscribe(stream: StreamName): Promise<void> {
    return this.#command(() => this.subscriptions.unsubscribe(stream));
  }

  setLayers(stream: StreamName, layers: Layers): Promise<void> {
    return this.#command(() => this.subscriptions.setLayers(stream, layers));
  }

  /** For a publishing connection: the client's next offer restarts ICE by itself. */
  async restartPublishing(purpose: string): Promise<void> {
    await this.#command(() => this.publications.get(purpose));
  }

  restartSubscribing(stream: StreamName): Promise<string> {
    return this.#command(() => this.subscriptions.restartIce(stream));
  }

  /**
   * Trickle ICE and ICE restarts of a client with one PeerConnection.
   *
   * @throws {SdpError} or {SluiceError}.
   */
  updateIce(known: string, text: string): Promise<IceUpdate> {
    const fragment = readIceFragment(text);
    this.#trickled.count(fragment.candidates.length);
    return this.#command(() => {
      const [connection, another] = this.#connections;
      if (connection && !another) return connection.updateIce(known, fragment);
      throw new SluiceError('INVALID_STATE', 'the session has not one PeerConnection');
    });
  }

  /**
   * Needed only where we dial: for the connection of that key, also before its description.
   *
   * @throws {SdpError} when malformed.
   */
  addCandidate(candidate: string, connectionKey = ''): void {
    const read = readRemoteCandidate(candidate);
    this.#trickled.count(1);
    if (read && this.profile.dials === true) this.#trickled.add(connectionKey, read);
  }

  move(reason: string, remainingMs: () => number): void {
    if (this.#moving || this.closed) return;
    this.#moving = () => ({ type: 'move', reason, deadlineMs: remainingMs() });
    this.#watching.tellOfMove();
  }

  stay(): void {
    this.#moving = undefined;
  }

  /** Lets a stream go to the session that takes over from this one. */
  handOver(purpose: string): void {
    this.publications.find(purpose)?.close(RELAY_REASONS.moved);
    this.#lifespan.supersede('by its heir');
  }

  /** Whether it is of use to somebody, so that its streams' names cannot go to another session. */
  isInUse(purpose: string): boolean {
    if (this.moving) return false;
    if (!this.profile.unattended) return this.attached;
    return this.publications.find(purpose)?.receiving === true;
  }

  /** Ends all at once because its core is gone; its client is to begin again elsewhere. */
  workerLost(): void {
    this.move('worker lost', () => 0);
    this.close(SESSION_REASONS.workerLost);
  }

  override close(reason = 'requested'): void {
    if (this.closed) return;
    // First: otherwise whoever watches would take the streams for ended.
    if (this.moving || Object.values<string>(SESSION_REASONS).includes(reason)) {
      this.publications.handOver();
      this.#duplexes.handOver();
    }
    super.close(reason);
  }

  protected override release(reason: string): void {
    this.#lifespan.endGrace();
    this.#watching.end(reason);
    this.environment.facts.sessionClosed(this.ref(), reason);
  }

  #watchers(): SessionWatching {
    return new SessionWatching({
      snapshot: () => ({
        type: 'snapshot',
        publications: this.publications.list.map(({ name }) => name.purpose),
        subscriptions: this.subscriptions.refs,
      }),
      move: () => this.#moving?.(),
      repeatOffers: () => this.subscriptions.repeat(),
      onChanged: () => {
        this.environment.facts.sessionChanged(this.ref());
        if (this.attached) this.#lifespan.endGrace();
        else {
          this.#lifespan.startGrace();
          this.#lifespan.endWhenMoved();
        }
      },
    });
  }

  #life(): SessionLifespan {
    const { clock, timings } = this.environment;
    return new SessionLifespan({
      clock,
      timings,
      unattended: this.profile.unattended === true,
      attached: () => this.attached,
      publishes: () => this.publications.list.length > 0,
      receives: () => this.subscriptions.size > 0,
      reachable: () => !this.#commands.idle || this.transports.length > 0,
      close: (reason) => this.close(reason),
    });
  }

  #publications(origin: RouterRef): Publications {
    const { environment, profile, home } = this;
    const { claims, copies, facts, speakers, retired, limits } = environment;
    const settings = publishingSettings(environment, this.#dialing);
    const { sessionId, username, replacesSessionId, tellsDemand = false } = profile;
    return new Publications(
      {
        ...{ claims, copies, facts, speakers, retired, settings },
        ...{ home, origin, sessionId, replacesSessionId, username },
        moving: () => this.moving,
        onFenced: () => this.#lifespan.supersede('by some origin'),
        onRefused: (stream, error) => this.#watching.tell({ type: 'failed', stream, error }),
        onEnded: () => this.#lifespan.endUnattended(),
        onDemand: tellsDemand
          ? (purpose, wanted) => this.#watching.tell({ type: 'demandChanged', purpose, wanted })
          : undefined,
      },
      profile.publicationsMax ?? limits.publications,
    );
  }

  #subscriptions(): Subscriptions {
    const { source, numbered, clock, limits, timings, report } = this.environment;
    const attached = () => this.profile.unattended === true || this.attached;
    return new Subscriptions({
      home: this.home,
      source,
      numbered,
      clock,
      settings: subscribingSettings(this.environment, attached, this.#dialing),
      subscriptionsMax: limits.subscriptions,
      connectionsMax: limits.connections,
      recoveryDelaysMs: timings.recoveryDelaysMs,
      tell: (event) => this.#watching.tell(event),
      onEnded: () => this.#lifespan.endWhenMoved(),
      onConnectionClosed: () => this.#lifespan.endUnattended(),
      inTurn: (task) => this.#commands.between(task),
      report,
    });
  }

  #duplexConnections(): DuplexConnections {
    const { home, publications, subscriptions } = this;
    const { retired, limits } = this.environment;
    // Who is told of no later offer answers the first one alone.
    const isNew = () => !this.#connections.some(({ connected }) => connected);
    const answers = () => (this.profile.unattended ? isNew() : this.attached);
    const settings = {
      ...publishingSettings(this.environment, this.#dialing),
      ...subscribingSettings(this.environment, answers, this.#dialing),
    };
    const connectionsMax = limits.duplexConnections;
    const context = { home, publications, subscriptions, retired, settings, connectionsMax };
    return new DuplexConnections(context);
  }

  get #dialing() {
    return dialingSettings(this.profile, this.environment, (reason) => this.close(reason));
  }

  get #connections(): readonly Connection[] {
    return [
      ...new Set([
        ...this.publications.list.flatMap(({ connections }) => connections),
        ...this.subscriptions.connections.map(({ connection }) => connection),
      ]),
    ];
  }

  #command<T>(task: () => Promise<T> | T): Promise<T> {
    return this.#commands.run(task);
  }

  #own(purpose: string): StreamName {
    const { room, participant } = this.profile;
    return { room, participant, purpose };
  }

  #need(grant: 'publish' | 'subscribe'): void {
    if (this.profile.grants[grant]) return;
    throw new SluiceError('PERMISSION_DENIED', `the token does not allow to ${grant}`);
  }
}
