import type { Clock } from '@sluice/core';
import type { KnownNode } from './known-node.js';

/** Once refused may be a connection that just broke; twice, nobody listens there any more. */
const REFUSALS_MAX = 2;
/** A beacon that answered so recently would answer now if its worker lived. */
const BEACON_TRUST_MS = 25_000;

/** What asking one silent node brought to light, beside its heartbeats. */
export class NodeEvidence {
  #refusals = 0;
  #beaconAnsweredAtMs = Number.NEGATIVE_INFINITY;
  #stalled = false;

  constructor(private readonly clock: Clock) {}

  /** Nobody listens on its port: the process is gone. */
  get refused(): boolean {
    return this.#refusals >= REFUSALS_MAX;
  }

  /** A refusal that has not been confirmed yet. */
  get doubtful(): boolean {
    return this.#refusals > 0 && !this.refused;
  }

  /** Its workers forward while its control process says nothing. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /**
   * Whether silence of its beacons proves anything. One that never answered may be behind a firewall:
   * then a stall must not look like death.
   */
  get trustsBeacon(): boolean {
    return this.clock.nowMs() - this.#beaconAnsweredAtMs <= BEACON_TRUST_MS;
  }

  noteAnswer(): void {
    this.#refusals = 0;
    this.#stalled = false;
  }

  noteRefusal(): void {
    this.#refusals += 1;
  }

  /** Another boot answers where it used to. */
  noteReplaced(): void {
    this.#refusals = REFUSALS_MAX;
  }

  /** It took the call and gave no answer in time. */
  noteLate(beaconAnswered: boolean): void {
    this.#refusals = 0;
    this.#stalled = beaconAnswered;
    if (beaconAnswered) this.noteBeacon();
  }

  noteBeacon(): void {
    this.#beaconAnsweredAtMs = this.clock.nowMs();
  }
}

/** The evidence on each node, for as long as the node is known. */
export class Evidence {
  readonly #of = new WeakMap<KnownNode, NodeEvidence>();

  constructor(private readonly clock: Clock) {}

  on(node: KnownNode): NodeEvidence {
    let evidence = this.#of.get(node);
    if (!evidence) this.#of.set(node, (evidence = new NodeEvidence(this.clock)));
    return evidence;
  }
}
