import {
  Resource,
  SessionId,
  SingleFlight,
  hasCode,
  streamKey,
  type StreamKey,
  type StreamName,
  type Timer,
} from '@sluice/core';
import { chooseFocus, pulledName, type FociPolicy, type Focus } from './foci.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { IncomingStream } from '../sessions/incoming-stream.js';
import type { Publication } from '../sessions/publication.js';
import type { SessionProfile } from '../sessions/session-profile.js';
import type { Session, SessionEnvironment } from '../sessions/session.js';

export interface PulledStreamsContext {
  readonly policy: FociPolicy;
  readonly environment: SessionEnvironment;
  /** @throws {SluiceError} as MediaNode.openSession. */
  readonly openSession: (profile: SessionProfile, routerId: string) => Session;
  /** Has the other server send a stream. */
  readonly open: (home: HomeRouter, focus: Focus, name: StreamName) => Promise<IncomingStream>;
  /** A new unguessable id. */
  readonly newId: () => string;
  readonly lingerMs: number;
}

/** Waits between tries to get a stream again whose connection was lost. */
const REDIAL_DELAYS_MS = [0, 500, 1_000, 2_000, 4_000];
/** Waits for another node of ours that pulls the same stream in the same moment. */
const ELSEWHERE_DELAYS_MS = [0, 200, 500, 1_000];

/**
 * Streams of other servers, each pulled once for all of this cluster who want it: whoever pulls it
 * claims its name, as a publisher does, and the other nodes relay it from there.
 */
export class PulledStreams extends Resource {
  readonly #pulls = new SingleFlight<StreamKey, PulledStream>();

  constructor(private readonly context: PulledStreamsContext) {
    super();
  }

  /**
   * What the stream is called here that is wanted from one of `foci`.
   *
   * @throws {SluiceError} PERMISSION_DENIED, INVALID_ARGUMENT.
   */
  nameOf(name: StreamName, foci: readonly string[]): StreamName {
    const focus = chooseFocus(foci, this.context.policy);
    return focus ? pulledName(name, focus) : name;
  }

  /**
   * The same, once it can be had here.
   *
   * @throws also {SluiceError} NOT_FOUND when the other server does not have it, UNAVAILABLE.
   */
  async ensure(home: HomeRouter, name: StreamName, foci: readonly string[]): Promise<StreamName> {
    const focus = chooseFocus(foci, this.context.policy);
    if (!focus) return name;
    const local = pulledName(name, focus);
    if (await this.#isHere(home, local)) return local;
    try {
      await this.#pulls.ensure(streamKey(local), async () =>
        this.own(await PulledStream.open(this.context, { home, focus, name, local })),
      );
    } catch (error) {
      if (!hasCode(error, 'ALREADY_EXISTS')) throw error;
      await this.#comesFromElsewhere(home, local, error);
    }
    return local;
  }

  async #isHere(home: HomeRouter, local: StreamName): Promise<boolean> {
    try {
      await this.context.environment.source.ensure(home.routerId, local);
      return true;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  async #comesFromElsewhere(home: HomeRouter, local: StreamName, refusal: unknown): Promise<void> {
    const { clock } = this.context.environment;
    for (const delayMs of ELSEWHERE_DELAYS_MS) {
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      if (await this.#isHere(home, local)) return;
    }
    throw refusal;
  }
}

interface Pull {
  readonly home: HomeRouter;
  readonly focus: Focus;
  /** As the other server calls it. */
  readonly name: StreamName;
  readonly local: StreamName;
}

/** One stream that is pulled; it ends when nobody watches it for the linger. */
class PulledStream extends Resource {
  #timer: Timer | undefined;

  private constructor(
    private readonly context: PulledStreamsContext,
    private readonly pull: Pull,
    private readonly session: Session,
    private readonly publication: Publication,
    stream: IncomingStream,
  ) {
    super();
    this.own(session);
    session.onClosed((reason) => this.close(reason));
    publication.onClosed((reason) => this.close(reason));
    this.#follow(stream);
    const { home, local } = pull;
    const copy = context.environment.copies.find(home.routerId, local);
    copy?.on('watchedChanged', (watched) => this.#onWatched(watched));
    this.#onWatched(false);
  }

  static async open(context: PulledStreamsContext, pull: Pull): Promise<PulledStream> {
    const { home, focus, name, local } = pull;
    const stream = await context.open(home, focus, name);
    const id = context.newId();
    let session: Session | undefined;
    try {
      session = context.openSession(
        {
          sessionId: SessionId(id),
          room: local.room,
          participant: local.participant,
          username: local.participant,
          connectionId: id,
          grants: { publish: true, subscribe: false },
        },
        home.routerId,
      );
      const publication = await session.publishIncoming(local.purpose, stream);
      const pulled = new PulledStream(context, pull, session, publication, stream);
      // Of a node that drains it goes with those who watch here; others pull it anew.
      session.attach((event) => {
        if (event.type === 'move') pulled.close('the node is leaving');
      });
      return pulled;
    } catch (error) {
      stream.close();
      session?.close('not pulled');
      throw error;
    }
  }

  protected override release(): void {
    this.#timer?.cancel();
  }

  #onWatched(watched: boolean): void {
    this.#timer?.cancel();
    if (watched || this.closed) return;
    const { environment, lingerMs } = this.context;
    this.#timer = environment.clock.after(lingerMs, () => this.close('nobody watches'));
  }

  #follow(stream: IncomingStream): void {
    this.onClosed((reason) => stream.close(reason));
    stream.onClosed(() => void this.#redial());
  }

  /** The publication waits a moment for what takes over. */
  async #redial(): Promise<void> {
    const { home, focus, name } = this.pull;
    for (const delayMs of REDIAL_DELAYS_MS) {
      await new Promise<void>((resolve) => this.context.environment.clock.after(delayMs, resolve));
      if (this.closed || home.closed) return;
      try {
        const stream = await this.context.open(home, focus, name);
        if (this.#isOver()) {
          stream.close();
          return;
        }
        this.publication.continueOn(stream);
        this.#follow(stream);
        return;
      } catch (error) {
        if (hasCode(error, 'NOT_FOUND')) break;
      }
    }
    this.close('lost');
  }

  /** The compiler takes what it saw before an await for still true. */
  #isOver(): boolean {
    return this.closed || this.session.closed;
  }
}
