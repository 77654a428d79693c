import {
  Resource,
  SessionId,
  hasCode,
  isByHost,
  type Random,
  type ResourceEvents,
  type StreamName,
  type Timer,
} from '@sluice/core';
import type { Focus } from './foci.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { IncomingStream, IncomingStreamEvents } from '../sessions/incoming-stream.js';
import { retryDelayMs } from '../retry-delay.js';
import type { Publication } from '../sessions/publication.js';
import type { SessionProfile } from '../sessions/session-profile.js';
import type { SessionEnvironment } from '../sessions/session-environment.js';
import type { Session } from '../sessions/session.js';

export interface ForeignSourceEvents extends IncomingStreamEvents {
  /** Nothing has come for a while, and nobody said why. */
  silent: [];
}

/** A stream as another server sends it. */
export interface ForeignSource extends Omit<IncomingStream, 'on'> {
  /** Until something comes again. */
  readonly silent: boolean;
  on<Event extends Exclude<keyof ForeignSourceEvents, keyof ResourceEvents>>(
    event: Event,
    listener: (...values: ForeignSourceEvents[Event]) => void,
  ): unknown;
}

export interface Pull {
  readonly home: HomeRouter;
  readonly focus: Focus;
  /** As the other server calls it. */
  readonly name: StreamName;
  readonly local: StreamName;
  /** The session of another node that pulls it until this one does. */
  readonly replacesSessionId?: SessionId;
}

export interface PullContext {
  readonly environment: SessionEnvironment;
  /** @throws {SluiceError} as MediaNode.openSession. */
  readonly openSession: (profile: SessionProfile, routerId: string) => Session;
  /** Has the other server send a stream. */
  readonly open: (home: HomeRouter, focus: Focus, name: StreamName) => Promise<ForeignSource>;
  /** Has another node of ours pull it in place of this session. */
  readonly handOver: (pull: Pull, sessionId: SessionId) => Promise<void>;
  /** A new unguessable id. */
  readonly newId: () => string;
  readonly random: Random;
  readonly lingerMs: number;
}

/** For what was dialled anew to send something; else it is as silent as what it should replace. */
const FLOWING_MS = 4_000;
/** What lasted so long was not in vain. */
const STEADY_MS = 10_000;
/** How much longer than the linger it takes those who watch to come over from another node. */
const COMING_OVER_MS = 15_000;
/** Between tries to have another node pull it; one that does shows that by taking the name. */
const HAND_OVER_MS = { first: 500, last: 5_000 } as const;

/**
 * One stream that is pulled: a publication whose source is dialled anew, with waits that grow, for as
 * long as somebody watches. It ends when nobody does for the linger.
 */
export class PulledStream extends Resource {
  #timer: Timer | undefined;
  #renewing = false;
  #failures = 0;
  #since: number;

  private constructor(
    private readonly context: PullContext,
    private readonly pull: Pull,
    private readonly session: Session,
    private readonly publication: Publication,
    private source: ForeignSource,
  ) {
    super();
    this.own(session);
    session.onClosed((reason) => this.close(reason));
    publication.onClosed((reason) => this.close(reason));
    this.#since = context.environment.clock.nowMs();
    this.#follow(source);
    const { home, local, replacesSessionId } = pull;
    const copy = context.environment.copies.find(home.routerId, local);
    copy?.on('watchedChanged', (watched) => this.#onWatched(watched, 0));
    this.#onWatched(false, replacesSessionId === undefined ? 0 : COMING_OVER_MS);
    session.attach((event) => {
      if (event.type === 'move') void this.#handOver();
    });
  }

  /** @throws {SluiceError} ALREADY_EXISTS while another pulls it; what the other server says. */
  static async open(context: PullContext, pull: Pull): Promise<PulledStream> {
    const { home, focus, name, local, replacesSessionId } = pull;
    const source = await context.open(home, focus, name);
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
          ...(replacesSessionId !== undefined && { replacesSessionId }),
        },
        home.routerId,
      );
      const publication = await session.publishIncoming(local.purpose, source);
      return new PulledStream(context, pull, session, publication, source);
    } catch (error) {
      source.close();
      session?.close('not pulled');
      throw error;
    }
  }

  protected override release(): void {
    this.#timer?.cancel();
  }

  #onWatched(watched: boolean, moreMs: number): void {
    this.#timer?.cancel();
    if (watched || this.closed) return;
    const { environment, lingerMs } = this.context;
    this.#timer = environment.clock.after(lingerMs + moreMs, () => this.close('nobody watches'));
  }

  #follow(source: ForeignSource): void {
    this.source = source;
    const renew = () => {
      if (this.source === source) void this.#renew();
    };
    source.on('silent', renew);
    source.onClosed((reason) => {
      // Its host does not want us there: we do not come back by ourselves.
      if (isByHost(reason)) this.close(reason);
      else renew();
    });
  }

  /** The compiler takes what it saw before an await for still true. */
  #isWell(): boolean {
    return !this.source.closed && !this.source.silent;
  }

  /** Dials again while the source is silent or lost, one at a time. */
  async #renew(): Promise<void> {
    if (this.#renewing || this.closed) return;
    this.#renewing = true;
    const { clock } = this.context.environment;
    if (clock.nowMs() - this.#since > STEADY_MS) this.#failures = 0;
    while (!this.#isOver() && !this.#isWell()) {
      if (this.#failures > 0) await this.#wait(retryDelayMs(this.#failures, this.context.random));
      if (this.#isOver() || this.#isWell()) break;
      this.#failures += 1;
      await this.#dialAgain();
    }
    this.#since = clock.nowMs();
    this.#renewing = false;
  }

  async #dialAgain(): Promise<void> {
    const { home, focus, name } = this.pull;
    try {
      const next = await this.context.open(home, focus, name);
      if (this.#isOver()) next.close();
      else await this.#tryOut(next);
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) this.close('ended there');
      // Whoever does not answer does not send either: those who watch see that it is gone.
      else this.source.close('lost');
    }
  }

  /** What is silent is replaced by what flows. It may be mute there, and the other then is as well. */
  async #tryOut(next: ForeignSource): Promise<void> {
    this.publication.continueOn(next);
    if (this.source.closed || (await this.#flows(next))) this.#follow(next);
    else next.close('silent as well');
  }

  async #flows(next: ForeignSource): Promise<boolean> {
    if (flows(next)) return true;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    next.on('flowing', () => resolve(undefined));
    next.onClosed(() => resolve(undefined));
    this.source.onClosed(() => resolve(undefined));
    this.onClosed(() => resolve(undefined));
    await Promise.race([promise, this.#wait(FLOWING_MS)]);
    return !next.closed && (flows(next) || this.source.closed);
  }

  /** The node drains: another one pulls first, and takes the name once what it pulls flows. */
  async #handOver(): Promise<void> {
    let delayMs: number = HAND_OVER_MS.first;
    while (!this.#isOver() && this.session.moving) {
      const copy = this.context.environment.copies.find(this.pull.home.routerId, this.pull.local);
      if (copy?.watched !== true) {
        this.close('nobody watches');
        return;
      }
      try {
        await this.context.handOver(this.pull, this.session.profile.sessionId);
        delayMs = HAND_OVER_MS.last;
      } catch (error) {
        this.context.environment.report(error);
      }
      await this.#wait(delayMs);
      delayMs = Math.min(delayMs * 2, HAND_OVER_MS.last);
    }
  }

  #wait(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = this.context.environment.clock.after(delayMs, () => resolve(undefined));
    this.onClosed(() => {
      timer.cancel();
      resolve(undefined);
    });
    return promise;
  }

  #isOver(): boolean {
    return this.closed || this.session.closed || this.pull.home.closed;
  }
}

function flows(source: ForeignSource): boolean {
  return source.flowing;
}
