import { SluiceError, hasCode, type Clock, type Timer } from '@sluice/core';
import type { Observer } from '../ports.js';
import { withoutSecrets, type ServerList } from './server-list.js';

/** Which gateway dials a server, as all gateways know it. */
export interface Lease {
  readonly owner: string;
  /** Another one after each writing. */
  readonly revision: number;
}

export interface Leases {
  /** As last heard. */
  leaseOf(server: string): Lease | undefined;
  /**
   * Writes if nobody has since `revision`, 0 for none: the new revision, or undefined.
   *
   * @throws {SluiceError} UNAVAILABLE
   */
  claim(server: string, owner: string, revision: number): Promise<number | undefined>;
}

/** A dialled WebSocket with its link. */
export interface Trunk {
  /** The other side has answered. */
  readonly open: boolean;
  readonly closed: boolean;
  /** Why it closed, and of what a server that goes on was last told: safe to show to an operator. */
  readonly failure: SluiceError | undefined;
  close(): void;
  /** Told once, also of a server that was not there. */
  onClosed(listener: () => void): void;
}

/** A trunk of this gateway as operators see it. */
export interface TrunkStatus {
  /** As the list shows it to anybody. */
  readonly server: string;
  readonly state: 'open' | 'dialling' | 'waiting';
  /** Why it ended the last time; undefined where it never has. */
  readonly failure: SluiceError | undefined;
}

export interface TrunksOptions {
  readonly list: ServerList;
  readonly leases: Leases;
  readonly gatewayId: string;
  readonly dial: (server: string) => Trunk;
  readonly clock: Clock;
  /** Uniform on [0, 1). */
  readonly random: () => number;
  readonly observer: Observer;
}

/** What a gateway knows of one server on the list. */
interface Held {
  revision: number;
  /** When this gateway first saw that revision: leases end by that, not by anybody's clock. */
  seenAtMs: number;
  mine: boolean;
  trunk?: Trunk | undefined;
  /** Why it ended the last time. */
  failure?: SluiceError | undefined;
  /** When it may be dialled again. */
  redialAtMs: number;
  /** How often it was cut off shortly after it was dialled. */
  failures: number;
  redialling?: Timer | undefined;
}

const REVIEW_INTERVAL_MS = 2_500;
/** A lease that nobody renewed for so long is anybody's. */
const LEASE_MS = 10_000;
const REDIAL_MIN_MS = 1_000;
const REDIAL_MAX_MS = 10_000;
/** Where we are not wanted: a host, or another token, may change that. */
const REFUSED_REDIAL_MS = 300_000;
/** A trunk that stood for so long was a good one. */
const STEADY_MS = 30_000;

/** Keeps a trunk to every server on the list: of all gateways one dials each. */
export class Trunks {
  readonly #held = new Map<string, Held>();
  readonly #reviewing: Timer;
  #busy = false;
  #stopped = false;

  constructor(private readonly options: TrunksOptions) {
    this.#reviewing = options.clock.every(REVIEW_INTERVAL_MS, () => void this.review());
  }

  /** Looks what is to be dialled, renewed or hung up. Never rejects. */
  async review(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    const { servers } = this.options.list;
    for (const [server, held] of this.#held) {
      if (servers.includes(server)) continue;
      this.#held.delete(server);
      release(held);
    }
    await Promise.all(servers.map((server) => this.#tend(server)));
    this.#busy = false;
  }

  /** Of those that this gateway dials. */
  get statuses(): readonly TrunkStatus[] {
    return [...this.#held]
      .filter(([, { mine }]) => mine)
      .map(([server, { trunk, failure }]) => ({
        server: withoutSecrets(server),
        state: stateOf(trunk),
        failure,
      }));
  }

  /** Others take over once they see that nothing is renewed. */
  stop(): void {
    this.#stopped = true;
    this.#reviewing.cancel();
    for (const held of this.#held.values()) release(held);
  }

  async #tend(server: string): Promise<void> {
    const nowMs = this.options.clock.nowMs();
    const held = this.#heldOf(server, nowMs);
    if (held.mine || nowMs - held.seenAtMs >= LEASE_MS || held.revision === 0) {
      await this.#claim(server, held);
    }
    if (this.#stopped || this.#held.get(server) !== held) return;
    if (held.mine) this.#dial(server, held);
    else release(held);
  }

  #heldOf(server: string, nowMs: number): Held {
    const { leases, gatewayId } = this.options;
    const known = this.#held.get(server) ?? {
      revision: 0,
      seenAtMs: nowMs,
      mine: false,
      redialAtMs: nowMs,
      failures: 0,
    };
    this.#held.set(server, known);
    const lease = leases.leaseOf(server);
    // Of one's own lease what is heard may be older than what was written.
    const heard = lease?.revision ?? 0;
    if (known.mine ? heard > known.revision : heard !== known.revision) {
      known.revision = heard;
      known.seenAtMs = nowMs;
      known.mine = lease?.owner === gatewayId;
    }
    return known;
  }

  async #claim(server: string, held: Held): Promise<void> {
    const { leases, gatewayId, clock, observer } = this.options;
    try {
      const renewed = await leases.claim(server, gatewayId, held.revision);
      // The records may have been wiped.
      const wiped = renewed === undefined && leases.leaseOf(server) === undefined;
      const revision = wiped ? await leases.claim(server, gatewayId, 0) : renewed;
      held.mine = revision !== undefined;
      if (revision === undefined) return;
      held.revision = revision;
      held.seenAtMs = clock.nowMs();
    } catch (error) {
      // Without NATS the trunk goes on, until another gateway may have taken it.
      if (clock.nowMs() - held.seenAtMs >= LEASE_MS) held.mine = false;
      if (!hasCode(error, 'UNAVAILABLE')) observer.trouble(error, 'claiming a trunk');
    }
  }

  #dial(server: string, held: Held): void {
    if (held.trunk && !held.trunk.closed) return;
    const { clock } = this.options;
    const dialledAtMs = clock.nowMs();
    if (dialledAtMs < held.redialAtMs) return;
    const trunk = this.options.dial(server);
    held.trunk = trunk;
    trunk.onClosed(() => {
      if (held.trunk !== trunk || this.#stopped) return;
      this.#note(server, held, trunk.failure);
      const stood = clock.nowMs() - dialledAtMs >= STEADY_MS;
      const usualMs = this.#redialDelayMs(stood ? 0 : held.failures);
      const refused = hasCode(trunk.failure, 'UNAUTHENTICATED', 'PERMISSION_DENIED');
      const delayMs = refused ? REFUSED_REDIAL_MS : usualMs;
      held.failures = stood ? 1 : held.failures + 1;
      held.redialAtMs = clock.nowMs() + delayMs;
      held.redialling?.cancel();
      held.redialling = clock.after(delayMs, () => void this.review());
    });
  }

  /** Says it once, however often it is dialled in vain. */
  #note(server: string, held: Held, failure: SluiceError | undefined): void {
    const before = held.failure;
    held.failure = failure;
    if (!failure || (before?.code === failure.code && before.message === failure.message)) return;
    const text = `trunk to ${withoutSecrets(server)}: ${failure.code}: ${failure.message}`;
    const error = new SluiceError('UNAVAILABLE', text, {}, { cause: failure.cause });
    this.options.observer.trouble(error, 'keeping a trunk');
  }

  /** Longer each time, and not at once for all who lost the same server. */
  #redialDelayMs(failures: number): number {
    const delayMs = Math.min(REDIAL_MIN_MS * 2 ** failures, REDIAL_MAX_MS);
    return delayMs * (0.75 + 0.5 * this.options.random());
  }
}

function stateOf(trunk: Trunk | undefined): TrunkStatus['state'] {
  if (trunk === undefined || trunk.closed) return 'waiting';
  return trunk.open ? 'open' : 'dialling';
}

function release(held: Held): void {
  const { trunk } = held;
  held.redialling?.cancel();
  held.trunk = undefined;
  trunk?.close();
}
