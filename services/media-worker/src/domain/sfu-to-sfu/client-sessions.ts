import {
  SessionId,
  SluiceError,
  isByHost,
  streamKey,
  type Serial,
  type StreamName,
} from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import type { RoomDoors } from '../ports.js';
import type { SessionProfile } from '../sessions/session-profile.js';
import type { SessionEnvironment } from '../sessions/session-environment.js';
import type { Session } from '../sessions/session.js';

/** Who a client without a gateway is, as its token said. */
export interface DataChannelClientProfile {
  readonly clientId: string;
  readonly connectionId: string;
  readonly identity: Pick<Identity, 'subject' | 'name' | 'room'>;
  readonly grants: SessionProfile['grants'];
  /** For how long its token lets it begin something new. */
  readonly validMs: number;
  /** Whether it may enter a room in which nobody is. */
  readonly mayOpenRooms: boolean;
}

export interface ClientSessionsContext {
  readonly environment: SessionEnvironment;
  /** @throws {SluiceError} as MediaNode.openSession. */
  readonly openSession: (profile: SessionProfile, turn: Serial) => Session;
  readonly doors: RoomDoors;
  /** A new unguessable id. */
  readonly newId: () => string;
}

/** Participants in whose names one client publishes or watches at a time. */
const SESSIONS_MAX = 64;

/**
 * The sessions of one client that names rooms and participants as it goes: one for each participant
 * in whose name it publishes, and one for each room in which it watches.
 */
export class ClientSessions {
  readonly #sessions = new Map<string, Session>();
  /** Whom a host has put out, and why: they come in again by another connection only. */
  readonly #putOut = new Map<string, string>();
  readonly #expiresAtMs: number;
  #closed = false;

  constructor(
    private readonly profile: DataChannelClientProfile,
    private readonly turn: Serial,
    private readonly context: ClientSessionsContext,
    /** Told of each session that was opened. */
    private readonly onOpened: (session: Session) => void,
  ) {
    this.#expiresAtMs = context.environment.clock.nowMs() + profile.validMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  findPublishing({ room, participant }: StreamName): Session | undefined {
    return this.#sessions.get(keyOf(room, participant));
  }

  findWatching({ room }: StreamName): Session | undefined {
    return this.#sessions.get(keyOf(room, this.profile.identity.subject));
  }

  /** @throws {SluiceError} as the room's doors, and UNAUTHENTICATED when the token has expired. */
  publishing({ room, participant }: StreamName): Promise<Session> {
    return this.#enter(room, participant, false);
  }

  /** @throws as {@link publishing}. */
  watching({ room }: StreamName): Promise<Session> {
    return this.#enter(room, this.profile.identity.subject, true);
  }

  close(reason: string): void {
    this.#closed = true;
    for (const session of [...this.#sessions.values()]) session.close(reason);
  }

  /** What runs goes on after a token expired, and can be ended. */
  async #enter(room: string, participant: string, watches: boolean): Promise<Session> {
    const { environment, doors } = this.context;
    if (environment.clock.nowMs() >= this.#expiresAtMs) {
      throw new SluiceError('UNAUTHENTICATED', 'token expired');
    }
    const key = keyOf(room, participant);
    const known = this.#sessions.get(key);
    if (known) return known;
    const why = this.#putOut.get(key);
    if (why !== undefined) throw new SluiceError('PERMISSION_DENIED', why);
    if (this.#sessions.size >= SESSIONS_MAX) {
      throw new SluiceError('CAPACITY_EXHAUSTED', 'too many participants on one connection');
    }
    // Whoever is shown in the room is in it, as whomever it watches.
    if (!watches || !this.#isShownIn(room)) {
      const { connectionId, mayOpenRooms: mayOpen } = this.profile;
      await doors.admitToRoom({ room, participant, connectionId, mayOpen });
    }
    if (this.#closed) throw new SluiceError('NOT_FOUND', 'the client is gone');
    return this.#open(room, participant);
  }

  #isShownIn(room: string): boolean {
    return [...this.#sessions.values()].some(
      ({ profile, publications }) => profile.room === room && publications.list.length > 0,
    );
  }

  #open(room: string, participant: string): Session {
    const { identity, connectionId, grants } = this.profile;
    const username = participant === identity.subject ? identity.name : participant;
    const sessionId = SessionId(this.context.newId());
    const session = this.context.openSession(
      { sessionId, room, participant, username, connectionId, grants },
      this.turn,
    );
    const key = keyOf(room, participant);
    this.#sessions.set(key, session);
    session.onClosed((reason) => {
      this.#sessions.delete(key);
      if (isByHost(reason)) this.#putOut.set(key, reason);
    });
    this.onOpened(session);
    return session;
  }
}

function keyOf(room: string, participant: string): string {
  return streamKey({ room, participant, purpose: '' });
}
