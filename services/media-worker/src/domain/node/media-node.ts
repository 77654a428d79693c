import {
  NodeState,
  type RouterRef,
  type SessionRef,
  type StreamState,
} from '@sluice/proto-gen/common';
import { SluiceError, notFound, type Serial, type SessionId } from '@sluice/core';
import { DRAINED, Drain } from './drain.js';
import type { NodeLoad } from './load.js';
import type { CoreBeacon, HomeRouter, HomeRouters } from '../routers/home-router.js';
import type { NodeIdentity, StreamHolder, StreamYield } from '../ports.js';
import type { Publication } from '../sessions/publication.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import type { SessionProfile } from '../sessions/session-profile.js';
import type { SessionEnvironment } from '../sessions/session-environment.js';
import { SESSION_REASONS } from '../sessions/session-lifespan.js';
import { Session } from '../sessions/session.js';

export interface MediaNodeOptions {
  readonly identity: NodeIdentity;
  readonly routers: HomeRouters;
  readonly environment: SessionEnvironment;
  readonly sessionsMax: number;
  /** Told of each session that ended while the node drained. */
  readonly onDrained?: (outcome: DrainOutcome) => void;
  /** Told why each session ended. */
  readonly onSessionEnded?: (reason: string) => void;
}

/** Moved in time, left by itself, or ended at the deadline. */
export const DRAIN_OUTCOMES = ['moved', 'left', 'ended'] as const;
export type DrainOutcome = (typeof DRAIN_OUTCOMES)[number];

/** All sessions of this process, and whether it takes more. */
export class MediaNode implements StreamHolder {
  readonly #sessions = new Map<SessionId, Session>();
  readonly #watchedRouters = new WeakSet<HomeRouter>();
  readonly #stateListeners: (() => void)[] = [];
  #drain: Drain | undefined;

  constructor(private readonly options: MediaNodeOptions) {
    options.environment.retired.onEmpty(() => this.#drain?.look());
  }

  get state(): NodeState {
    return this.#drain ? NodeState.NODE_STATE_DRAINING : NodeState.NODE_STATE_SERVING;
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  get publications(): readonly Publication[] {
    return this.sessions.flatMap(({ publications }) => publications.list);
  }

  get sessionRefs(): readonly SessionRef[] {
    return this.sessions.map((session) => session.ref());
  }

  get streams(): readonly StreamState[] {
    return this.publications.map((publication) => publication.state());
  }

  /** The part of a heartbeat that is about this node's work. */
  report({ node, routers }: NodeLoad, beacons: ReadonlyMap<string, CoreBeacon>) {
    return {
      state: this.state,
      load: node,
      routers: this.options.routers.list.map(({ routerId }) => ({
        routerId,
        load: routers.get(routerId) ?? 0,
        beacon: beacons.get(routerId),
        sessions: this.sessions.filter(({ home }) => home.routerId === routerId).length,
      })),
      sessions: this.#sessions.size,
      ...(this.#drain && { drainRemainingMs: this.#drain.remainingMs }),
    };
  }

  /** What there is now, counted when asked. */
  readings() {
    const count = (of: (session: Session) => number) =>
      this.sessions.reduce((sum, session) => sum + of(session), 0);
    return {
      sessions: () => {
        const attached = count((session) => Number(session.attached));
        return { attached, detached: this.#sessions.size - attached };
      },
      publications: () => this.publications.length,
      subscriptions: () => count(({ subscriptions }) => subscriptions.size),
      tracks: () => ({
        received: this.publications.reduce((sum, { tracks }) => sum + tracks.length, 0),
        sent: count(({ subscriptions }) => subscriptions.tracks),
      }),
      draining: () => this.#drain !== undefined,
      drainRemainingMs: () => this.#drain?.remainingMs ?? 0,
    };
  }

  onStateChanged(listener: () => void): void {
    this.#stateListeners.push(listener);
  }

  /**
   * Idempotent by session id.
   *
   * @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, UNAVAILABLE when the router is no more,
   * ALREADY_EXISTS when the id is that of another participant's session.
   */
  openSession(profile: SessionProfile, routerId: string, present: boolean, turn?: Serial): Session {
    const known = this.#sessions.get(profile.sessionId);
    if (known) return same(known, profile);
    const home = this.admit(routerId);
    this.#watch(home);
    const { environment } = this.options;
    const session = new Session(profile, home, this.#refOf(home), { present, turn }, environment);
    this.#sessions.set(profile.sessionId, session);
    session.onClosed((reason) => {
      this.#sessions.delete(profile.sessionId);
      this.options.onSessionEnded?.(reason);
      if (!this.#drain) return;
      this.options.onDrained?.(outcomeOf(reason));
      this.#drain.look();
    });
    return session;
  }

  /**
   * The home of one client more, of which `others` are no sessions yet.
   *
   * @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, UNAVAILABLE when the router is no more.
   */
  admit(routerId: string, others = 0): HomeRouter {
    if (this.#drain) throw new SluiceError('NODE_DRAINING', 'the media node is draining');
    if (this.#sessions.size + others >= this.options.sessionsMax) {
      throw new SluiceError('CAPACITY_EXHAUSTED', 'the media node has too many sessions');
    }
    const home = this.options.routers.find(routerId);
    if (!home || home.closed) {
      throw new SluiceError('UNAVAILABLE', 'the media node has no such router', { routerId });
    }
    return home;
  }

  /** @throws {SluiceError} NOT_FOUND. */
  get(sessionId: SessionId): Session {
    const session = this.#sessions.get(sessionId);
    if (!session) throw notFound('session', sessionId);
    return session;
  }

  /** Idempotent. */
  closeSession(sessionId: SessionId, reason: string): void {
    this.#sessions.get(sessionId)?.close(reason);
  }

  async yieldStream(yielding: StreamYield): Promise<void> {
    const { name, epoch, sessionId, replacesSessionId } = yielding;
    const { claims } = this.options.environment;
    if (replacesSessionId !== undefined && this.#handOver(yielding, replacesSessionId)) {
      await claims.settled(name);
      return;
    }
    const claim = claims.find(name);
    if (claim && claim.epoch !== epoch) {
      throw new SluiceError('STALE_EPOCH', 'the stream has another epoch', { epoch: claim.epoch });
    }
    if (claim && claim.sessionId !== sessionId) this.#yield(claim.sessionId, name.purpose);
    await claims.giveBack(name, epoch, sessionId);
  }

  /**
   * Takes nothing new, asks every client to go elsewhere, and ends the sessions that are left after
   * `deadlineMs`. Resolves when none is left, or when the drain is called off. Again, it changes the
   * deadline.
   */
  async drain(deadlineMs: number, reason = 'draining'): Promise<void> {
    const { clock, retired } = this.options.environment;
    if (this.#drain) {
      this.#drain.renew(deadlineMs, reason);
    } else {
      const sessions = () => this.sessions;
      const settled = () => retired.size === 0;
      this.#drain = new Drain({ clock, sessions, settled, reason, deadlineMs });
    }
    this.#stateChanged();
    await this.#drain.over;
  }

  /** Serves again: who was asked to move may stay, who was not is not asked. Idempotent. */
  undrain(): void {
    this.#drain?.cancel();
    this.#drain = undefined;
    this.#stateChanged();
  }

  close(reason: string): void {
    for (const session of this.sessions) session.close(reason);
    this.options.environment.retired.close(reason);
  }

  #stateChanged(): void {
    for (const listener of this.#stateListeners) listener();
  }

  /** Whether the session that is replaced is here, and so has let the stream go. */
  #handOver({ name, epoch }: StreamYield, replacesSessionId: string): boolean {
    const holder = this.sessions.find(({ profile }) => profile.sessionId === replacesSessionId);
    if (holder?.profile.room !== name.room) return false;
    if (holder.profile.participant !== name.participant) return false;
    const publication = holder.publications.find(name.purpose);
    if (publication && publication.epoch !== epoch) {
      const details = { epoch: publication.epoch };
      throw new SluiceError('STALE_EPOCH', 'the stream has another epoch', details);
    }
    holder.handOver(name.purpose);
    return true;
  }

  #yield(holderId: string, purpose: string): void {
    const holder = this.sessions.find(({ profile }) => profile.sessionId === holderId);
    const publication = holder?.publications.find(purpose);
    const inUse = holder?.isInUse(purpose) === true;
    if (!publication || inUse) {
      throw new SluiceError('INVALID_STATE', 'the stream is in use');
    }
    publication.close(RELAY_REASONS.moved);
  }

  /** Sessions die with the core that is their home. */
  #watch(home: HomeRouter): void {
    if (this.#watchedRouters.has(home)) return;
    this.#watchedRouters.add(home);
    home.onClosed(() => {
      for (const session of this.sessions) {
        if (session.home === home) session.workerLost();
      }
    });
  }

  #refOf(home: HomeRouter): RouterRef {
    const { nodeId, bootId, grpcAddress } = this.options.identity;
    return { nodeId, bootId, routerId: home.routerId, grpcAddress };
  }
}

function outcomeOf(reason: string): DrainOutcome {
  if (reason === DRAINED) return 'ended';
  return reason === SESSION_REASONS.moved ? 'moved' : 'left';
}

function same(known: Session, profile: SessionProfile): Session {
  const { room, participant } = known.profile;
  if (room === profile.room && participant === profile.participant) return known;
  throw new SluiceError('ALREADY_EXISTS', 'the session id is in use');
}
