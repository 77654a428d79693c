import { SluiceError, hasCode, isByHost, parseName, type Timer } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import { isAnonymous, type Access, type Credentials } from '../access/access.js';
import { FrameBudget } from '../access/frame-budget.js';
import { requireCandidate } from '../sessions/ice-candidate.js';
import type { RequestScope } from '../ports.js';
import { requireFresh, requireRoom } from '../access/permissions.js';
import { RequestQueue } from '../rooms-dialect/request-queue.js';
import { interruption, type VisitPorts } from '../rooms/visit.js';
import { parsePionFrame, pionFrame, type PionFrame } from './frames.js';
import { PionMember } from './pion-member.js';

export interface PionPorts extends VisitPorts {
  readonly access: Access;
  /** Seconds since 1970, only to be compared with what a token says. */
  readonly nowS: () => number;
  /** Of this connection alone. */
  readonly inRequest: RequestScope;
}

/** The client's WebSocket. */
export interface TextSocket {
  /** Dropped when it is closed already. */
  send(frame: string): void;
  close(code: number, reason: string): void;
}

const AUTHENTICATION_TIMEOUT_MS = 5_000;
/** Rooms that one connection may be in. */
const ROOMS_MAX = 8;
/** All frames of a connection follow each other. */
const LANE = 'all';

/** One signaling connection of a client of Pion_SFU. */
export class PionConnection {
  readonly #connectionId: string;
  readonly #queue = new RequestQueue();
  readonly #budget: FrameBudget;
  readonly #members = new Map<string, PionMember>();
  readonly #authenticating: Timer;
  #identity: Identity | undefined;
  /** Whose offer of ours came last: answers need not say what they answer. */
  #lastOffered: PionMember | undefined;
  #closed = false;

  constructor(
    private readonly socket: TextSocket,
    private readonly credentials: Credentials,
    private readonly ports: PionPorts,
    private readonly onAuthenticated: () => void,
  ) {
    this.#connectionId = ports.newId();
    this.#budget = new FrameBudget(ports.clock);
    this.#authenticating = ports.clock.after(AUTHENTICATION_TIMEOUT_MS, () => {
      if (!this.#identity) this.#close(CLOSE_CODES.unauthenticated, 'no token in time');
    });
  }

  receive(text: string): void {
    if (this.#closed || !this.#admit()) return;
    const run = () => this.#run(text);
    const accepted = this.#queue.push({ sizeBytes: text.length * 2, lane: () => LANE, run });
    if (!accepted) this.#close(CLOSE_CODES.flooding, 'too many requests wait for their answer');
  }

  /** Something other than a text frame. */
  receiveUnreadable(explanation: string): void {
    if (this.#closed || !this.#admit()) return;
    this.#explain(new SluiceError('INVALID_ARGUMENT', explanation));
  }

  /** The WebSocket is gone, or goes. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#authenticating.cancel();
    for (const member of this.#members.values()) member.close('left');
    this.#members.clear();
  }

  #admit(): boolean {
    const verdict = this.#budget.judge();
    if (verdict === 'end') this.#close(CLOSE_CODES.flooding, 'too many messages');
    if (verdict === 'warn') this.#explain(new SluiceError('RATE_LIMITED', 'too many messages'));
    return verdict === 'take';
  }

  async #run(text: string): Promise<void> {
    if (this.#closed) return;
    const { clock, observer } = this.ports;
    const startedMs = clock.nowMs();
    let type = 'unreadable';
    let outcome = 'OK';
    try {
      const frame = parsePionFrame(text);
      type = `pion ${frame.event}`;
      await this.ports.inRequest(type, () => this.#handle(frame));
    } catch (error) {
      const failure = SluiceError.from(error);
      outcome = failure.code;
      if (outcome === 'INTERNAL') observer.trouble(error, `handling ${type}`);
      this.#explain(failure);
      if (!this.#identity && hasCode(failure, 'UNAUTHENTICATED', 'PERMISSION_DENIED')) {
        this.#close(CLOSE_CODES.unauthenticated, 'authentication failed');
      }
    }
    observer.requestHandled(type, outcome, clock.nowMs() - startedMs);
  }

  async #handle(frame: PionFrame): Promise<void> {
    await this.#identify(frame.data.token ?? undefined);
    if (this.#closed) return;
    switch (frame.event) {
      case 'joinRoom':
        await this.#memberFor(frame.data);
        break;
      case 'leaveRoom':
        this.#leave(this.#find(frame.data));
        break;
      case 'offer':
        await this.#negotiate(await this.#memberFor(frame.data), frame.data.offer.sdp);
        break;
      case 'answer':
        await this.#answering(frame.data).answer(frame.data.answer.sdp);
        break;
      case 'ice-candidate':
        await this.#trickle(frame.data);
    }
  }

  async #identify(token: string | undefined): Promise<void> {
    if (this.#identity) return;
    const { authorization } = this.credentials;
    const shown = this.credentials.token ?? token;
    const identity = await this.ports.access.identify('pion-sfu', { authorization, token: shown });
    if (this.#closed) return;
    this.#identity = identity;
    this.#authenticating.cancel();
    this.onAuthenticated();
  }

  async #negotiate(member: PionMember | undefined, offer: string): Promise<void> {
    if (!member) return;
    await member.negotiate(offer, (sdp) => {
      this.socket.send(pionFrame('answer', { type: 'answer', sdp }));
    });
  }

  async #trickle(data: Extract<PionFrame, { event: 'ice-candidate' }>['data']): Promise<void> {
    const line = data.candidate?.candidate ?? '';
    requireCandidate(line);
    if (line !== '') await this.#find(data).addCandidate(line);
  }

  #leave(member: PionMember): void {
    member.close('left');
  }

  /** Who it is about, joined by now; undefined when the connection closed meanwhile. */
  async #memberFor(data: Where): Promise<PionMember | undefined> {
    const known = this.#known(data);
    if (known) return known;
    const { room_id: roomName, self_id: selfId } = data;
    if (roomName == null || selfId == null) {
      throw new SluiceError('INVALID_ARGUMENT', 'join a room first, or say room_id and self_id');
    }
    return this.#join(roomName, selfId);
  }

  async #join(roomName: string, selfId: string): Promise<PionMember | undefined> {
    const identity = this.#identityIn(selfId);
    requireRoom(identity, roomName);
    requireFresh(identity, this.ports.nowS());
    if (this.#members.size >= ROOMS_MAX) {
      throw new SluiceError('RATE_LIMITED', 'you are in too many rooms');
    }
    const visitor = { connectionId: this.#connectionId, identity };
    const member = await PionMember.join(roomName, visitor, this.ports);
    if (this.#closed) {
      member.close('left');
      return undefined;
    }
    this.#members.set(roomName, member);
    member.onClosed(() => {
      if (this.#members.get(roomName) === member) this.#members.delete(roomName);
      if (this.#lastOffered === member) this.#lastOffered = undefined;
    });
    member.on('offered', (sdp) => {
      this.#lastOffered = member;
      this.socket.send(pionFrame('offer', { type: 'offer', sdp }));
    });
    member.on('interrupted', (reason) => this.#interrupt(member, reason));
    return member;
  }

  /** Of several rooms, a host ends only its own. */
  #interrupt(member: PionMember, reason: string): void {
    this.#explain(interruption(reason));
    if (!isByHost(reason)) this.#close(CLOSE_CODES.restarting, 'connect again');
    else {
      member.close(reason);
      if (this.#members.size === 0) this.#close(CLOSE_CODES.forbidden, reason);
    }
  }

  /** Whoever nobody knows is called what it calls itself; a token's bearer as the token says. */
  #identityIn(selfId: string): Identity {
    if (!this.#identity) throw new SluiceError('UNAUTHENTICATED', 'not authenticated');
    if (!isAnonymous(this.#identity)) return this.#identity;
    return { ...this.#identity, subject: parseName('participant', selfId), name: selfId };
  }

  #find(data: Where): PionMember {
    const member = this.#known(data);
    if (member) return member;
    throw new SluiceError('NOT_FOUND', 'you are not in this room', { noun: 'room' });
  }

  #answering(data: Where): PionMember {
    return data.room_id == null && this.#lastOffered ? this.#lastOffered : this.#find(data);
  }

  /** By its room; without one it is the only room that the client is in. */
  #known({ room_id: roomName }: Where): PionMember | undefined {
    if (roomName != null) return this.#members.get(roomName);
    const [only, ...others] = this.#members.values();
    return others.length === 0 ? only : undefined;
  }

  #explain({ code, message }: SluiceError): void {
    if (!this.#closed) this.socket.send(pionFrame('error', { code, message }));
  }

  #close(code: number, reason: string): void {
    this.end();
    this.socket.close(code, reason);
  }
}

interface Where {
  readonly room_id?: string | null | undefined;
  readonly self_id?: string | null | undefined;
}
