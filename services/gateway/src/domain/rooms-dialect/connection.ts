import { ERRORS, SluiceError, hasCode, type Clock, type ErrorCode } from '@sluice/core';
import { CLOSE_CODES, parseClientFrame, toWireParticipant } from '@sluice/protocol';
import type { ClientMessage, ClientMessageOf, ParsedFrame, RequestId } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import { Membership, type MembershipPorts } from './membership.js';
import { resumeMemberships, roomResumed } from './resumption.js';
import { requireFresh, requireGrant, requireRoom } from '../access/permissions.js';
import type { Client, RequestScope, ResumeTokens, RoomNews, TokenAuthority } from '../ports.js';
import { FrameBudget } from '../access/frame-budget.js';
import { laneOf } from './request-lanes.js';
import { ALONE, RequestQueue, type Lane } from './request-queue.js';
import {
  IN_ROOM_TYPES,
  inRoomHandlers,
  publish,
  type InRoomType,
  type Reply,
} from './room-requests.js';
import { errorMessage, type ErrorSubject } from './wire.js';

export interface ConnectionPorts extends MembershipPorts {
  readonly tokens: TokenAuthority;
  readonly resumeTokens: ResumeTokens;
  readonly news: RoomNews;
  readonly clock: Clock;
  /** Seconds since 1970, only to be compared with what a token says. */
  readonly nowS: () => number;
  readonly iceServers: readonly Record<string, unknown>[];
  /** Of this connection alone. */
  readonly inRequest: RequestScope;
}

/** How a signaling connection ended: `clean` leaves all rooms at once, the others can be resumed. */
export type Ending = 'clean' | 'broken' | 'restarting';

const AUTHENTICATION_TIMEOUT_MS = 5_000;
/** Errors before authentication that coming again with the same token would not mend. */
const BLAMES_TOKEN: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'INVALID_ARGUMENT',
];
/** Rooms that one connection may be in. */
const ROOMS_MAX = 64;

/**
 * One signaling connection: `new` until it has shown who it is, then `authenticated`, then `closed`.
 * What arrives before the authentication is done waits for it.
 */
export class Connection {
  #state: 'new' | 'authenticated' | 'closed' = 'new';
  #connectionId: string;
  #identity: Identity | undefined;
  readonly #queue = new RequestQueue();
  readonly #memberships = new Map<string, Membership>();
  readonly #frames: FrameBudget;
  readonly #inRoom: ReturnType<typeof inRoomHandlers>;
  readonly #authenticationTimer: { cancel(): void };

  constructor(
    private readonly client: Client,
    private readonly ports: ConnectionPorts,
    private readonly onAuthenticated: () => void,
  ) {
    this.#connectionId = ports.newId();
    this.#frames = new FrameBudget(ports.clock);
    this.#inRoom = inRoomHandlers(ports.news);
    this.#authenticationTimer = ports.clock.after(AUTHENTICATION_TIMEOUT_MS, () => {
      if (this.#state === 'new') this.#refuse('no token in time');
    });
  }

  get authenticated(): boolean {
    return this.#state === 'authenticated';
  }

  /** A text frame, in the order in which frames came. */
  receive(frame: string): void {
    if (this.#state === 'closed' || !this.#admit()) return;
    const parsed = parseClientFrame(frame);
    const accepted = this.#queue.push({
      sizeBytes: frame.length * 2,
      lane: () => this.#laneOf(parsed),
      run: () => this.#run(parsed),
    });
    if (accepted) return;
    const error = new SluiceError('RATE_LIMITED', 'too many requests wait for their answer');
    this.client.send(errorMessage(error, subjectOf(parsed)));
    this.#close(CLOSE_CODES.flooding, error.message);
  }

  /** Something other than a text frame. */
  receiveUnreadable(explanation: string): void {
    if (this.#state === 'closed' || !this.#admit()) return;
    this.#fail(new SluiceError('INVALID_ARGUMENT', explanation), {});
  }

  /** The transport is gone, or goes. */
  end(ending: Ending): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#authenticationTimer.cancel();
    for (const membership of this.#memberships.values()) {
      if (ending === 'clean') membership.leave();
      else membership.close(ending);
    }
  }

  #admit(): boolean {
    const verdict = this.#frames.judge();
    if (verdict === 'end') this.#close(CLOSE_CODES.flooding, 'too many messages');
    if (verdict === 'warn') {
      this.client.send(errorMessage(new SluiceError('RATE_LIMITED', 'too many messages')));
    }
    return verdict === 'take';
  }

  #laneOf(parsed: ParsedFrame): Lane {
    if (parsed.kind === 'mistake' || this.#state === 'new') return ALONE;
    return laneOf(parsed.message, {
      isMember: (room) => this.#memberships.has(room),
      connectionOf: (room, publisher, purpose) =>
        this.#memberships.get(room)?.connectionOf(publisher, purpose),
    });
  }

  async #run(parsed: ParsedFrame): Promise<void> {
    if (this.#state === 'closed') return;
    const type = parsed.kind === 'message' ? parsed.message.type : 'unreadable';
    try {
      const reply = await this.ports.inRequest(type, () => this.#observed(type, parsed));
      if (parsed.kind === 'message') this.#reply(parsed.message, reply);
    } catch (error) {
      this.#fail(SluiceError.from(error), subjectOf(parsed));
    }
  }

  async #observed(type: string, parsed: ParsedFrame): Promise<Reply> {
    const { clock, observer } = this.ports;
    const startedMs = clock.nowMs();
    let outcome = 'OK';
    try {
      if (parsed.kind === 'message') return await this.#handle(parsed.message);
      throw new SluiceError('INVALID_ARGUMENT', parsed.explanation);
    } catch (error) {
      const failure = SluiceError.from(error);
      outcome = failure.code;
      if (hasCode(failure, 'INTERNAL')) observer.trouble(error, `handling ${type}`);
      throw failure;
    } finally {
      observer.requestHandled(type, outcome, clock.nowMs() - startedMs);
    }
  }

  #fail(error: SluiceError, subject: ErrorSubject): void {
    if (this.#isClosed()) return;
    if (this.authenticated) {
      this.client.send(errorMessage(error, subject));
    } else if (BLAMES_TOKEN.includes(error.code)) {
      this.#refuse(error.message);
    } else {
      // Not the token's fault: the client may come again with it.
      this.client.send(errorMessage(error, subject));
      this.#close(ERRORS[error.code].ws, 'cannot authenticate now');
    }
  }

  #reply(request: ClientMessage, reply: Reply): void {
    const { id } = request;
    if (reply) this.client.send({ ...reply, ...withId(id) });
    else if (id !== undefined) this.client.send({ type: 'done', id, request: request.type });
    this.#afterReply(request);
  }

  /** A newcomer hears of the publishers that are there already, after the reply to its request. */
  #afterReply(request: ClientMessage): void {
    if (request.type === 'join-room') this.#memberships.get(request.roomName)?.announce();
    if (request.type === 'resume') {
      for (const membership of this.#memberships.values()) membership.announce();
    }
  }

  #handle(message: ClientMessage): Promise<Reply> | Reply {
    if (this.#state === 'new') return this.#identify(message);
    if (isInRoom(message)) return this.#handleInRoom(message);
    switch (message.type) {
      case 'auth':
        throw new SluiceError('INVALID_STATE', 'Authentication already completed');
      case 'resume':
        return this.#resume(message);
      case 'join-room':
        return this.#join(message);
      case 'leave-room':
        return this.#leave(message);
      case 'publish-offer':
        return this.#publish(message);
    }
  }

  #handleInRoom(message: ClientMessageOf<InRoomType>): Promise<Reply> | Reply {
    const membership = this.#memberOf(message.roomName);
    if (message.type === 'subscribe-request') this.#require('subscribe', message.roomName);
    // The mapped type guarantees the pair matches; TypeScript cannot correlate the two unions.
    const handle = this.#inRoom[message.type] as (
      request: ClientMessage,
      membership: Membership,
    ) => Promise<Reply> | Reply;
    return handle(message, membership);
  }

  async #identify(message: ClientMessage): Promise<Reply> {
    if (message.type === 'resume') return this.#resume(message);
    if (message.type !== 'auth') {
      throw new SluiceError('UNAUTHENTICATED', 'expected an auth message first');
    }
    const identity = await this.ports.tokens.verify(message.token);
    if (this.#isClosed()) return undefined;
    this.#becomes(identity);
    return { type: 'authenticated', ...this.#introduction(identity) };
  }

  async #resume({ resumeToken }: ClientMessageOf<'resume'>): Promise<Reply> {
    const { connectionId, identity } = this.ports.resumeTokens.open(resumeToken);
    if (this.#identity && this.#identity.subject !== identity.subject) {
      throw new SluiceError('PERMISSION_DENIED', 'not your resume token');
    }
    if (this.#memberships.size > 0) {
      throw new SluiceError('INVALID_STATE', 'leave your rooms before you resume others');
    }
    const placed = await this.ports.directory.sessionsOf(connectionId);
    if (this.#isClosed()) return undefined;
    this.#connectionId = connectionId;
    this.#becomes(this.#identity ?? identity);
    const member = { connectionId, identity: this.#who(), client: this.client };
    const resumed = await resumeMemberships(placed, member, this.ports);
    for (const membership of resumed) {
      if (this.#isClosed()) membership.close('broken');
      else this.#add(membership);
    }
    const rooms = [...this.#memberships.values()].map(roomResumed);
    return { type: 'resumed', ...this.#introduction(this.#who()), rooms };
  }

  #becomes(identity: Identity): void {
    this.#identity = identity;
    this.#state = 'authenticated';
    this.#authenticationTimer.cancel();
    this.onAuthenticated();
  }

  #introduction(identity: Identity) {
    const userId = toWireParticipant(identity.subject);
    const { resumeTokens, iceServers } = this.ports;
    return {
      userId,
      user_id: userId,
      username: identity.name,
      resumeToken: resumeTokens.seal({ connectionId: this.#connectionId, identity }),
      iceServers: [...iceServers],
    };
  }

  async #join({ roomName }: ClientMessageOf<'join-room'>): Promise<Reply> {
    const membership = await this.#ensureMembership(roomName);
    if (!membership) return undefined;
    const userId = toWireParticipant(membership.participant);
    return { type: 'room-joined', userId, ...membership.state() };
  }

  #leave({ roomName }: ClientMessageOf<'leave-room'>): Reply {
    const membership = this.#memberOf(roomName);
    membership.leave();
    return { type: 'room-left', roomName, userId: toWireParticipant(membership.participant) };
  }

  /** Publishing without having joined joins. */
  async #publish(message: ClientMessageOf<'publish-offer'>): Promise<Reply> {
    this.#require('publish', message.roomName);
    const known = this.#memberships.get(message.roomName);
    const membership = known ?? (await this.#ensureMembership(message.roomName));
    if (!membership) return undefined;
    if (!known) membership.announce();
    return publish(message, membership);
  }

  /** Undefined when the connection closed meanwhile. */
  async #ensureMembership(roomName: string): Promise<Membership | undefined> {
    requireRoom(this.#who(), roomName);
    const known = this.#memberships.get(roomName);
    if (known) return known;
    requireFresh(this.#who(), this.ports.nowS());
    if (this.#memberships.size >= ROOMS_MAX) {
      throw new SluiceError('RATE_LIMITED', 'you are in too many rooms');
    }
    const member = {
      connectionId: this.#connectionId,
      identity: this.#who(),
      client: this.client,
    };
    const membership = await Membership.open(roomName, member, this.ports);
    if (this.#isClosed()) {
      membership.leave();
      return undefined;
    }
    this.#add(membership);
    return membership;
  }

  #add(membership: Membership): void {
    const { roomName } = membership;
    this.#memberships.get(roomName)?.leave();
    this.#memberships.set(roomName, membership);
    membership.onClosed(() => {
      if (this.#memberships.get(roomName) === membership) this.#memberships.delete(roomName);
    });
    membership.on('takenOver', () => {
      this.#close(CLOSE_CODES.resumedElsewhere, 'resumed elsewhere');
    });
  }

  #memberOf(roomName: string): Membership {
    const membership = this.#memberships.get(roomName);
    if (membership) return membership;
    throw new SluiceError('NOT_FOUND', 'You are not in this room', { noun: 'room' });
  }

  #require(grant: 'publish' | 'subscribe', roomName: string): void {
    requireRoom(this.#who(), roomName);
    requireGrant(this.#who(), grant);
    requireFresh(this.#who(), this.ports.nowS());
  }

  #who(): Identity {
    if (this.#identity) return this.#identity;
    throw new SluiceError('UNAUTHENTICATED', 'not authenticated');
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #refuse(reason: string): void {
    this.client.send(
      errorMessage(new SluiceError('UNAUTHENTICATED', `Authentication failed: ${reason}`)),
    );
    this.#close(CLOSE_CODES.unauthenticated, 'authentication failed');
  }

  #close(code: number, reason: string): void {
    this.end('broken');
    this.client.close(code, reason);
  }
}

function isInRoom(message: ClientMessage): message is ClientMessageOf<InRoomType> {
  return IN_ROOM_TYPES.some((type) => type === message.type);
}

function subjectOf(parsed: ParsedFrame): ErrorSubject {
  if (parsed.kind === 'mistake') return withId(parsed.id);
  const { message } = parsed;
  return {
    ...withId(message.id),
    ...('roomName' in message ? { roomName: message.roomName } : {}),
    ...('publisherId' in message && message.publisherId !== undefined
      ? { publisherId: toWireParticipant(message.publisherId) }
      : {}),
    ...('purpose' in message ? { purpose: message.purpose } : {}),
  };
}

function withId(id: RequestId): { id?: string | number } {
  return id === undefined ? {} : { id };
}
