import {
  Resource,
  Serial,
  SluiceError,
  describeStream,
  hasCode,
  isByHost,
  notFound,
  parseName,
  streamKey,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import type { SignalingMessage } from '@sluice/protocol';
import { mayEnter } from '@sluice/tokens';
import {
  ClientSessions,
  type ClientSessionsContext,
  type DataChannelClientProfile,
} from './client-sessions.js';
import type { DataChannels } from '../data/data-channels.js';
import { DuplexConnection } from '../sessions/duplex-connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import type { PulledStreams } from './pulled-streams.js';
import type { SessionEvent } from '../sessions/session-events.js';
import { publishingSettings, subscribingSettings } from '../sessions/session-settings.js';
import type { Session } from '../sessions/session.js';
import { NOTHING_ASKED, SignalingChannel } from './signaling-channel.js';
import { errorText } from './signaling-errors.js';

export interface DataChannelClientContext extends ClientSessionsContext {
  readonly pulls: PulledStreams;
  /** For its requests, asked for when it is made. */
  readonly newRequestScope: () => RequestScope;
}

/** Runs one request of a client as something that can be told apart from all others. */
export type RequestScope = <T>(type: string, work: () => Promise<T> | T) => Promise<T>;

/** What the PeerConnection is called inside; nobody else hears of it. */
const KEY = 'data-channel';
/** Messages that wait for the one before them. */
const WAITING_MAX = 64;
/** Waits between tries to get a stream of another server again that has ended. */
const ASK_AGAIN_DELAYS_MS = [0, 1_000, 3_000, 6_000];
/** For what a client is told last to reach it. */
const FAREWELL_MS = 1_000;

/**
 * A client that is signaled over a data channel of its own PeerConnection (SFU-to-SFU): there is no
 * gateway in between. It has a session for each participant in whose name it publishes, and for each
 * room in which it watches, all on that one PeerConnection.
 */
export class DataChannelClient extends Resource {
  readonly #sessions: ClientSessions;
  /** How the client asked for a stream. */
  readonly #requests = new Map<StreamKey, StreamRequest>();
  readonly #turn = new Serial();
  readonly #queue = new Serial(WAITING_MAX);
  readonly #signaling: SignalingChannel;
  #moving = false;
  /** Why a host has put it out of its last room; it is about to be closed. */
  #putOut: string | undefined;
  readonly #inRequest: RequestScope;

  private constructor(
    private readonly profile: DataChannelClientProfile,
    private readonly home: HomeRouter,
    private readonly connection: DuplexConnection,
    channels: DataChannels,
    private readonly context: DataChannelClientContext,
  ) {
    super();
    this.#sessions = new ClientSessions(profile, this.#turn, context, (session) =>
      this.#follow(session),
    );
    this.#inRequest = context.newRequestScope();
    connection.onClosed((reason) => this.close(reason));
    channels.onClosed((reason) => this.close(reason));
    this.#signaling = this.own(
      new SignalingChannel(channels, {
        clock: context.environment.clock,
        onMessage: (message) => this.#enqueue(message),
        onGone: (reason) => this.close(reason),
      }),
    );
    connection.sending.on('offered', (cause, sdp) => this.#offer(cause?.name, sdp));
  }

  /**
   * Answers the first offer, which has data channels and nothing else.
   *
   * @throws {SdpError} or {SluiceError}, and then nothing is left of it.
   */
  static async open(
    profile: DataChannelClientProfile,
    home: HomeRouter,
    sdp: string,
    context: DataChannelClientContext,
  ): Promise<{ readonly client: DataChannelClient; readonly answer: string }> {
    const attached: { client?: DataChannelClient } = {};
    const { environment } = context;
    const settings = {
      ...publishingSettings(environment),
      ...subscribingSettings(environment, () => attached.client?.reachable ?? false),
    };
    const connection = await DuplexConnection.open(KEY, home, settings, false);
    try {
      const answer = await connection.negotiate(sdp, ({ tracks }) => {
        if (tracks.length === 0) return Promise.resolve(new Map());
        throw new SluiceError('INVALID_ARGUMENT', 'the first offer is for data channels alone');
      });
      if (!connection.carriesData) {
        throw new SluiceError('INVALID_ARGUMENT', 'the offer has no data channels');
      }
      const channels = await connection.openData();
      const client = new DataChannelClient(profile, home, connection, channels, context);
      attached.client = client;
      if (connection.closed) client.close('connection lost');
      return { client, answer };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Whether it can be told anything. */
  get reachable(): boolean {
    return this.#signaling.open;
  }

  /** Tells the client to go elsewhere; ends once nothing of it is left here. */
  move(reason: string): void {
    if (this.#moving || this.closed) return;
    this.#moving = true;
    void this.#signaling.sendError(`${reason}: create a new session`).then(() => this.#endMoved());
  }

  override close(reason = 'requested'): void {
    if (this.closed) return;
    this.#sessions.close(reason);
    super.close(reason);
  }

  protected override release(): void {
    const { retired } = this.context.environment;
    // Whoever watched what has moved is fed a little longer.
    if (this.#moving && this.connection.receives) retired.keep(this.connection);
    else this.connection.close('client gone');
  }

  #enqueue(message: SignalingMessage): void {
    if (this.#queue.full) {
      void this.#signaling.sendError('Server over capacity: too many requests at once', message);
      return;
    }
    void this.#queue.run(async () => {
      try {
        if (this.closed) return;
        await this.#inRequest(message.event, () => this.#handle(message));
      } catch (error) {
        await this.#signaling.sendError(errorText(error), message);
      }
    });
  }

  #handle(message: SignalingMessage): Promise<void> {
    if (this.#putOut !== undefined) {
      return Promise.reject(new SluiceError('PERMISSION_DENIED', this.#putOut));
    }
    switch (message.event) {
      case 'publish':
        return this.#publish(message);
      case 'unpublish':
        return this.#unpublish(message);
      case 'subscribe':
        return this.#isAnswer(message) ? this.#answer(message) : this.#subscribe(message);
      case 'unsubscribe':
        return this.#unsubscribe(message);
      case 'error':
        // Of ours, or about what we said: nothing to be done, and never an error in return.
        return Promise.resolve();
    }
  }

  async #publish(message: SignalingMessage): Promise<void> {
    const name = this.#nameOf(message);
    if (this.context.pulls.nameOf(name, message.foci) !== name) {
      throw new SluiceError('INVALID_ARGUMENT', 'publish at the focus itself');
    }
    if (message.sdp === '') throw new SluiceError('INVALID_ARGUMENT', 'sdp is missing');
    const session = await this.#sessions.publishing(name);
    try {
      const { answer } = await session.publishNew(this.connection, name.purpose, message.sdp);
      session.setPresent(true);
      await this.#signaling.send({ ...message, sdp: answer });
    } finally {
      this.#tidy(session);
    }
  }

  async #unpublish(message: SignalingMessage): Promise<void> {
    const name = this.#nameOf(message);
    const session = this.#sessions.findPublishing(name);
    if (!session?.publications.find(name.purpose)) throw notFound('stream', describeStream(name));
    await session.unpublish(name.purpose);
    await this.#signaling.send({ ...message, sdp: '' });
  }

  /** Of either kind: an answer says who begins the handshake, an offer leaves it open. */
  #isAnswer({ sdp }: SignalingMessage): boolean {
    return sdp !== '' && this.connection.sending.pending !== undefined && !OFFERS.test(sdp);
  }

  async #answer({ sdp }: SignalingMessage): Promise<void> {
    await this.#turn.run(() => this.connection.sending.answer(sdp));
  }

  async #subscribe(message: SignalingMessage): Promise<void> {
    const asked = this.#nameOf(message);
    if (message.sdp !== '' && !OFFERS.test(message.sdp)) {
      throw new SluiceError('INVALID_STATE', 'no offer waits for an answer');
    }
    if (!this.profile.grants.subscribe) {
      throw new SluiceError('PERMISSION_DENIED', 'the token does not allow to subscribe');
    }
    const { pulls } = this.context;
    const name = pulls.nameOf(asked, message.foci);
    const session = await this.#sessions.watching(name);
    const key = streamKey(name);
    const byOffer = message.sdp !== '';
    const known = this.#requests.get(key);
    this.#requests.set(key, { name, message, byOffer });
    try {
      await pulls.ensure(this.home, asked, message.foci);
      const sdp = byOffer
        ? await session.subscribeOn(name, this.connection, message.sdp)
        : await session.subscribe(name, KEY);
      // Else it follows as an offer of its own.
      if (sdp !== '') await this.#signaling.send({ ...message, sdp });
    } catch (error) {
      if (known && session.subscriptions.has(name)) this.#requests.set(key, known);
      else this.#requests.delete(key);
      throw error;
    } finally {
      this.#tidy(session);
    }
  }

  async #unsubscribe(message: SignalingMessage): Promise<void> {
    const name = this.context.pulls.nameOf(this.#nameOf(message), message.foci);
    const session = this.#sessions.findWatching(name);
    if (!session?.subscriptions.has(name)) throw notFound('subscription', describeStream(name));
    await this.#signaling.send({ ...message, sdp: '' });
    await session.unsubscribe(name);
    this.#tidy(session);
  }

  /** An offer that the client did not wait for: the answer names it by the same id. */
  #offer(name: StreamName | undefined, sdp: string): void {
    const request = name && this.#requests.get(streamKey(name));
    const { id, callId, deviceId, purpose } = request?.message ?? NOTHING_ASKED;
    void this.#signaling.send({ event: 'subscribe', id, callId, deviceId, purpose, sdp });
  }

  /** @throws {SluiceError} INVALID_ARGUMENT, PERMISSION_DENIED. */
  #nameOf({ callId, deviceId, purpose }: SignalingMessage): StreamName {
    const name = {
      room: parseName('room', callId),
      participant: parseName('participant', deviceId),
      purpose: parseName('purpose', purpose),
    };
    if (mayEnter(this.profile.identity, name.room)) return name;
    throw new SluiceError('PERMISSION_DENIED', 'your token is for another call');
  }

  #follow(session: Session): void {
    session.borrow(this.connection);
    session.attach((event) => this.#hear(session, event));
    session.publications.on('ended', () => this.#tidySoon(session));
    session.onClosed((reason) => {
      if (isByHost(reason)) this.#leave(reason);
      this.#endMoved();
    });
  }

  #hear(session: Session, event: SessionEvent): void {
    if (event.type === 'move') this.move(`Server is leaving (${event.reason})`);
    if (event.type === 'subscriptionEnded') {
      this.#hearEnd(session, event.subscription.stream, event.reason);
    }
    if (event.type === 'ended' && isByHost(event.reason)) this.#tellOut(session, event.reason);
  }

  /** A client that offered by itself is told; others get an offer without the m-lines. */
  #hearEnd(session: Session, name: StreamName, reason: string): void {
    this.#tidySoon(session);
    const key = streamKey(name);
    const request = this.#requests.get(key);
    if (request?.byOffer)
      void this.#signaling.sendError(errorText(streamEnded(name)), request.message);
    // The offer that says so, if any, is made after this; later the id means nothing.
    queueMicrotask(() => {
      if (this.#requests.get(key) === request) this.#requests.delete(key);
    });
    const pulled = (request?.message.foci.length ?? 0) > 0;
    // What was ended, there or by a host, is not asked for again.
    const lost = reason === RELAY_REASONS.relayLost || reason === RELAY_REASONS.originLost;
    if (request && !request.byOffer && pulled && lost) void this.#askAgain(request);
  }

  /** Of another server: the node of ours that pulled it may have died, and now this one can. */
  async #askAgain({ name, message }: StreamRequest): Promise<void> {
    const { clock } = this.context.environment;
    const ask = async (): Promise<boolean> => {
      const gone = this.closed || this.#moving || this.#putOut !== undefined;
      if (gone || this.#requests.has(streamKey(name))) return true;
      try {
        await this.#subscribe(message);
        return true;
      } catch (error) {
        return !hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CAPACITY_EXHAUSTED');
      }
    };
    for (const delayMs of ASK_AGAIN_DELAYS_MS) {
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      // One that asks for too much at once is not helped.
      if (await this.#queue.run(ask).catch(() => true)) return;
    }
  }

  /** Says who was put out of which room, and of which requests nothing is left. */
  #tellOut({ profile: { room, participant } }: Session, reason: string): void {
    const nobody = { ...NOTHING_ASKED, callId: room, deviceId: participant };
    void this.#signaling.sendError(reason, nobody);
    if (participant !== this.profile.identity.subject) return;
    for (const [key, { name, message }] of this.#requests) {
      if (name.room !== room) continue;
      this.#requests.delete(key);
      void this.#signaling.sendError(reason, message);
    }
  }

  /** Nothing is left of it but what it has in other rooms, or under other names. */
  #leave(reason: string): void {
    if (this.closed) return;
    if (this.#sessions.size === 0) {
      this.#putOut = reason;
      this.context.environment.clock.after(FAREWELL_MS, () => this.close(reason));
    } else if (this.connection.sending.offerNeeded) {
      this.connection.sending.announce(undefined);
    }
  }

  /** After what is under way: a stream that ends may have made room for its successor. */
  #tidySoon(session: Session): void {
    void this.#queue.run(() => this.#tidy(session)).catch(() => undefined);
  }

  #tidy(session: Session): void {
    if (session.closed) return;
    const publishes = session.publications.list.length > 0;
    session.setPresent(publishes);
    if (!publishes && session.subscriptions.size === 0) session.close('left');
  }

  #endMoved(): void {
    if (this.#moving && this.#sessions.size === 0) this.close('moved');
  }
}

const OFFERS = /^a=setup:actpass\s*$/mu;

interface StreamRequest {
  /** As it is called here. */
  readonly name: StreamName;
  readonly message: SignalingMessage;
  /** In the form in which the client offers. */
  readonly byOffer: boolean;
}

function streamEnded(name: StreamName): SluiceError {
  return new SluiceError('NOT_FOUND', `${describeStream(name)} has ended`);
}
