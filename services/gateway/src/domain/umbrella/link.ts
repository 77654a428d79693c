import { SluiceError, hasCode, isByHost } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import { FrameBudget } from '../access/frame-budget.js';
import type { MembershipPorts } from '../rooms-dialect/membership.js';
import { requireFresh, requireRoom } from '../access/permissions.js';
import type { RequestScope } from '../ports.js';
import { RequestQueue } from '../rooms-dialect/request-queue.js';
import { Visit, interruption } from '../rooms/visit.js';
import { Exchange } from './exchange.js';
import type { UmbrellaMessage, UmbrellaTrack } from './messages.js';
import { participantOfPeer, type TrackNames } from './track-names.js';

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
  /** @param why told to the peer, and kept where we dialled. */
  close(code: number, why: SluiceError): void;
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

/**
 * One signaling connection of Umbrella: a browser, or a trunk, whoever dialled. It decides who is let
 * in, and how much; what is said then, the {@link Exchange} decides.
 */
export class UmbrellaLink {
  readonly #queue = new RequestQueue();
  readonly #budget: FrameBudget;
  #visit: Visit | undefined;
  #exchange: Exchange | undefined;
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
    return this.#exchange?.incomingTracks ?? [];
  }

  get outgoingTracks(): readonly UmbrellaTrack[] {
    return this.#exchange?.outgoingTracks ?? [];
  }

  /** A binary frame, which is read only if the peer may say so much. */
  receive(sizeBytes: number, read: () => UmbrellaMessage): void {
    if (this.#closed || !this.#admit(sizeBytes)) return;
    try {
      const message = read();
      const type = PARTS.find((part) => message[part] !== undefined) ?? 'nothing';
      const handle = () => this.#exchange?.handle(message) ?? Promise.resolve();
      this.#push(sizeBytes, () => this.ports.inRequest(type, handle));
    } catch (error) {
      this.#explain(SluiceError.from(error));
    }
  }

  /** Any other frame. */
  receiveUnreadable(explanation: string): void {
    if (this.#closed || !this.#admit(0)) return;
    this.#explain(new SluiceError('INVALID_ARGUMENT', explanation));
  }

  /** The WebSocket is gone, or goes. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#exchange?.close('left');
    this.#visit?.close('left');
  }

  #admit(sizeBytes: number): boolean {
    const verdict = this.#budget.judge(sizeBytes);
    const tooMany = new SluiceError('RATE_LIMITED', 'too many messages');
    if (verdict === 'end') this.#close(CLOSE_CODES.flooding, tooMany);
    if (verdict === 'warn') this.#explain(tooMany);
    return verdict === 'take';
  }

  #push(sizeBytes: number, task: () => Promise<void>): void {
    const run = () => this.#run(task);
    if (this.#queue.push({ sizeBytes, lane: () => LANE, run })) return;
    const why = new SluiceError('RATE_LIMITED', 'too many requests wait for their answer');
    this.#close(CLOSE_CODES.flooding, why);
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
      if (!this.#visit) this.#close(closeCodeOf(failure), failure);
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
      const why = interruption(reason);
      this.#explain(why);
      this.#close(isByHost(reason) ? CLOSE_CODES.forbidden : CLOSE_CODES.restarting, why);
    });
    this.#open(visit, participant, identity);
  }

  #open(visit: Visit, participant: string, { grants }: Identity): void {
    const { names, clock, observer } = this.ports;
    const sends = grants.subscribe || grants.admin;
    const exchange = new Exchange({ visit, participant, sends, names, clock, observer });
    exchange.on('said', (message) => this.socket.send(message));
    this.#exchange = exchange;
    exchange.begin();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #explain({ code, message }: SluiceError): void {
    if (!this.#closed) this.socket.send({ problem: { code, message } });
  }

  #close(code: number, why: SluiceError): void {
    this.end();
    this.socket.close(code, why);
  }
}

function closeCodeOf(error: SluiceError): number {
  if (hasCode(error, 'UNAUTHENTICATED')) return CLOSE_CODES.unauthenticated;
  return hasCode(error, 'PERMISSION_DENIED') ? CLOSE_CODES.forbidden : CLOSE_CODES.tryAgainLater;
}
