import { randomBytes } from 'node:crypto';
import {
  ROLE_CONFLICT,
  isSignedWith,
  parseStun,
  writeCheck,
  writeRoleConflict,
  writeSuccess,
  type IceRole,
  type StunMessage,
  type UdpAddress,
} from '@sluice/stun';

export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

export interface RemoteCandidate extends UdpAddress {
  readonly priority: number;
}

/** What the other side's description says of its end. */
export interface RemoteIce {
  readonly credentials: IceCredentials;
  /** It answers checks and makes none. */
  readonly lite: boolean;
  /** Who made the first offer controls, where both sides make checks. */
  readonly offered: boolean;
  readonly candidates: readonly RemoteCandidate[];
}

export interface IceAgentOptions {
  readonly credentials: IceCredentials;
  readonly send: (datagram: Buffer, to: UdpAddress) => void;
  readonly nowMs: () => number;
  /** A way was found, or a better one. */
  readonly onSelected: () => void;
  /** Once: nothing was heard on any way for too long. */
  readonly onLost: () => void;
}

/** One way to the other side; our end is the same socket for all of one address family. */
interface Way {
  readonly to: UdpAddress;
  readonly priority: number;
  nextCheckMs: number;
  checks: number;
  /** When a check of ours was answered last. */
  answeredAtMs: number | undefined;
  /** The other side has shown there that it is who it says. */
  heard: boolean;
  /** It wants this one. */
  nominated: boolean;
}

interface Pending {
  readonly way: Way;
  readonly nominates: boolean;
  readonly sentAtMs: number;
}

/** Candidates of the other side, told or found; one that tells more is not listened to. */
const WAYS_MAX = 32;
const CHECK_INTERVALS_MS: readonly number[] = [100, 150, 250, 400, 600];
const LAST_CHECK_INTERVAL_MS = 1_000;
/** Consent to send (RFC 7675) is asked for so often, and taken back after so long. */
const CONSENT_INTERVAL_MS = 2_500;
const LOST_MS = 15_000;
/** From then on other ways are tried as well. */
const DOUBT_MS = 4_000;
const DOUBT_INTERVAL_MS = 500;
const PENDING_MAX_MS = 5_000;
const NOMINATION_MS = 2_000;
/** Of a peer-reflexive candidate, component 1: what the other side would name us. */
const PRIORITY = 0x6effffff;

/**
 * A full ICE agent (RFC 8445) of one component: finds a way to the other side and sees whether it
 * stays. Sends and receives nothing itself but what it is given; whoever has it calls `tick` some
 * twenty times a second.
 */
export class IceAgent {
  readonly #ways = new Map<string, Way>();
  readonly #pending = new Map<string, Pending>();
  readonly #tieBreaker = randomBytes(8).readBigUInt64BE();
  #own: IceCredentials;
  /** Of before a restart, for checks that are on their way. */
  #formerOwn: IceCredentials | undefined;
  #remote: IceCredentials | undefined;
  #role: IceRole = 'controlling';
  #selected: Way | undefined;
  #nominating: { readonly way: Way; readonly sinceMs: number } | undefined;
  #lost = false;

  constructor(private readonly options: IceAgentOptions) {
    this.#own = options.credentials;
  }

  /** Where to send. */
  get selected(): UdpAddress | undefined {
    return this.#selected?.to;
  }

  /** Whether the other side has lately said that it wants what is sent there. */
  get hasConsent(): boolean {
    return this.#selected !== undefined && !this.#isDoubtful(this.#selected);
  }

  /** Whether what comes from there is from the other side. */
  trusts(from: UdpAddress): boolean {
    const selected = this.#selected?.to;
    if (selected?.port === from.port && selected.ip === from.ip) return true;
    return this.#ways.get(keyOf(from))?.heard === true;
  }

  /** Again after each description; other credentials than before mean that the other side restarts. */
  meet({ credentials, lite, offered, candidates }: RemoteIce): void {
    const known = this.#remote;
    const restarts =
      known !== undefined &&
      (known.usernameFragment !== credentials.usernameFragment ||
        known.password !== credentials.password);
    if (!known) this.#role = lite || !offered ? 'controlling' : 'controlled';
    if (restarts) this.#forgetWays();
    this.#remote = credentials;
    for (const candidate of candidates) this.add(candidate);
  }

  add(candidate: RemoteCandidate): void {
    this.#wayTo(candidate, candidate.priority);
  }

  /** Takes other credentials, for the other side's next description. The way that there is stays. */
  restart(credentials: IceCredentials): void {
    this.#formerOwn = this.#own;
    this.#own = credentials;
  }

  receive(datagram: Buffer, from: UdpAddress): void {
    const message = parseStun(datagram);
    if (!message) return;
    if (message.type === 'request') this.#answer(message, from);
    else if (message.type !== 'indication') this.#settle(message, from);
  }

  tick(): void {
    if (!this.#remote || this.#lost) return;
    const nowMs = this.options.nowMs();
    for (const [transactionId, { sentAtMs }] of this.#pending) {
      if (nowMs - sentAtMs > PENDING_MAX_MS) this.#pending.delete(transactionId);
    }
    const selected = this.#selected;
    if (selected && nowMs - (selected.answeredAtMs ?? 0) > LOST_MS) {
      this.#lost = true;
      this.options.onLost();
      return;
    }
    if (selected && !this.#isDoubtful(selected)) {
      // A NAT may have moved us: who only answers sends to where it was last told to.
      if (nowMs >= selected.nextCheckMs) this.#check(selected, this.#role === 'controlling');
      return;
    }
    this.#search(nowMs);
  }

  #search(nowMs: number): void {
    const nominating = this.#nominating;
    if (nominating && nowMs - nominating.sinceMs > NOMINATION_MS) this.#nominating = undefined;
    const [due] = [...this.#ways.values()]
      .filter(({ nextCheckMs }) => nextCheckMs <= nowMs)
      .sort((one, other) => one.checks - other.checks || other.priority - one.priority);
    if (due) this.#check(due, this.#nominating?.way === due);
  }

  #check(way: Way, nominates: boolean): void {
    if (!this.#remote) return;
    const nowMs = this.options.nowMs();
    const transactionId = randomBytes(12);
    const datagram = writeCheck({
      transactionId,
      username: `${this.#remote.usernameFragment}:${this.#own.usernameFragment}`,
      password: this.#remote.password,
      priority: PRIORITY,
      role: this.#role,
      tieBreaker: this.#tieBreaker,
      nominates,
    });
    way.checks += 1;
    way.nextCheckMs = nowMs + this.#intervalOf(way);
    this.#pending.set(transactionId.toString('hex'), { way, nominates, sentAtMs: nowMs });
    this.options.send(datagram, way.to);
  }

  #intervalOf(way: Way): number {
    const searching = CHECK_INTERVALS_MS[way.checks - 1] ?? LAST_CHECK_INTERVAL_MS;
    if (way !== this.#selected) return searching;
    if (this.#isDoubtful(way)) return DOUBT_INTERVAL_MS;
    // Not all connections of a host at once.
    return CONSENT_INTERVAL_MS * (0.8 + Math.random() * 0.4);
  }

  /** Somebody checks a way to us. */
  #answer(request: StunMessage, from: UdpAddress): void {
    const own = this.#ownOf(request);
    if (!own) return;
    if (this.#yieldsOrRefuses(request, from, own)) return;
    this.options.send(writeSuccess(request, from, own.password), from);
    const way = this.#wayTo(from, request.priority ?? 0);
    if (!way) return;
    way.heard = true;
    if (request.nominates) {
      way.nominated = true;
      if (this.#role === 'controlled' && way.answeredAtMs !== undefined) this.#select(way);
    }
    // As soon as it may: what it came by, an answer may come by as well.
    if (way.answeredAtMs === undefined) way.nextCheckMs = Math.min(way.nextCheckMs, 0);
  }

  /** The credentials of ours that it was made with. */
  #ownOf(request: StunMessage): IceCredentials | undefined {
    const [usernameFragment] = request.username?.split(':') ?? [];
    const own = [this.#own, this.#formerOwn].find(
      (credentials) => credentials?.usernameFragment === usernameFragment,
    );
    return own && isSignedWith(request, own.password) ? own : undefined;
  }

  /** Of two that have the same role, the one with the smaller number takes the other (§7.3.1.1). */
  #yieldsOrRefuses(request: StunMessage, from: UdpAddress, own: IceCredentials): boolean {
    const { role } = request;
    // Until it is known who offered, there is no role to insist on.
    if (!this.#remote || role?.is !== this.#role) return false;
    const oursIsGreater = this.#tieBreaker >= role.tieBreaker;
    if (oursIsGreater === (this.#role === 'controlling')) {
      this.options.send(writeRoleConflict(request, own.password), from);
      return true;
    }
    this.#takeRole(this.#role === 'controlling' ? 'controlled' : 'controlling');
    return false;
  }

  /** A check of ours was answered. */
  #settle(message: StunMessage, from: UdpAddress): void {
    const pending = this.#pending.get(message.transactionId);
    if (!pending || !this.#remote || keyOf(pending.way.to) !== keyOf(from)) return;
    if (!isSignedWith(message, this.#remote.password)) return;
    this.#pending.delete(message.transactionId);
    const { way, nominates } = pending;
    if (message.type === 'error') {
      if (message.errorCode !== ROLE_CONFLICT) return;
      this.#takeRole(this.#role === 'controlling' ? 'controlled' : 'controlling');
      way.nextCheckMs = 0;
      return;
    }
    way.heard = true;
    way.answeredAtMs = this.options.nowMs();
    if (this.#role === 'controlled') {
      if (way.nominated && this.#selected !== way) this.#select(way);
    } else if (nominates) this.#select(way);
    else this.#nominate(way);
  }

  /** The first way that answers is taken, and others only when it does not any more. */
  #nominate(way: Way): void {
    const settled = this.#selected && !this.#isDoubtful(this.#selected);
    if (settled || this.#nominating) return;
    this.#nominating = { way, sinceMs: this.options.nowMs() };
    this.#check(way, true);
  }

  #select(way: Way): void {
    this.#nominating = undefined;
    this.#formerOwn = undefined;
    if (this.#selected === way) return;
    this.#selected = way;
    way.nextCheckMs = Math.max(way.nextCheckMs, this.options.nowMs() + CONSENT_INTERVAL_MS / 2);
    this.options.onSelected();
  }

  #takeRole(role: IceRole): void {
    this.#role = role;
    this.#nominating = undefined;
  }

  #wayTo(to: UdpAddress, priority: number): Way | undefined {
    const key = keyOf(to);
    const known = this.#ways.get(key);
    if (known || this.#ways.size >= WAYS_MAX) return known;
    const way: Way = {
      to: { ip: to.ip, port: to.port },
      priority,
      nextCheckMs: 0,
      checks: 0,
      answeredAtMs: undefined,
      heard: false,
      nominated: false,
    };
    this.#ways.set(key, way);
    return way;
  }

  /** All but the one in use, which is used until another one is found. */
  #forgetWays(): void {
    const { selected } = this;
    this.#ways.clear();
    this.#pending.clear();
    this.#nominating = undefined;
    const used = this.#selected;
    if (!used || !selected) return;
    // Its credentials are others from now on, so it is to be found again.
    used.answeredAtMs = this.options.nowMs() - DOUBT_MS;
    used.nextCheckMs = 0;
    used.checks = 0;
    used.nominated = false;
    this.#ways.set(keyOf(selected), used);
  }

  #isDoubtful(way: Way): boolean {
    return this.options.nowMs() - (way.answeredAtMs ?? 0) >= DOUBT_MS;
  }
}

/** Tells addresses apart. */
export function keyOf({ ip, port }: UdpAddress): string {
  return `${ip} ${String(port)}`;
}
