import { SluiceError, type Clock, type Timer } from '@sluice/core';
import type { ClusterView } from './cluster-view.js';
import type { Boot, Heartbeat } from './facts.js';
import type { KnownNode } from './known-node.js';
import { Evidence } from './node-evidence.js';
import type { Beacons, Hearing, MediaNodes } from '../ports.js';

export interface LivenessLimits {
  /** A silent node without a beacon that does not answer for so long is lost. */
  readonly lostMs: number;
  /** So is one whose control process stands still for so long, though its workers forward. */
  readonly stalledMs: number;
}

/** How nodes are heard and asked. */
export interface Senses {
  readonly nodes: MediaNodes;
  readonly beacons: Beacons;
  readonly hearing: Hearing;
  /** Tells everybody that a boot was taken for lost; it may get lost itself. */
  readonly announceLost: (boot: Boot) => void;
}

const TICK_MS = 100;
/** A heartbeat, due every second, that is this late makes the directory ask the node itself. */
const ASK_AFTER_MS = 1_200;
/** For the first question to a silent node: with the above, death shows within two seconds. */
const HASTY_DEADLINE_MS = 450;
const PATIENT_DEADLINE_MS = 1_000;
/** An answer that took this much longer than its deadline tells of a stall of our own. */
const OWN_STALL_MS = 250;
const BEHIND_RETRY_MS = 500;
/** Beacons of healthy nodes are tried as well: only of one that answered, silence proves anything. */
const BEACON_CHECK_MS = 10_000;
const BEACONS_CHECKED = 2;

/**
 * Keeps the view true: reads what facts did not tell, asks nodes that fell silent, and declares those
 * lost whose control process and media are both gone. A control process that merely stalls, while
 * its workers answer STUN, keeps all it has and takes nothing new.
 */
export class NodeLiveness {
  readonly #reading = new Map<string, Promise<void>>();
  readonly #examining = new Map<string, Promise<void>>();
  readonly #returning = new Set<string>();
  readonly #evidence: Evidence;
  readonly #readAtMs = new WeakMap<KnownNode, number>();
  readonly #beaconCheckedAtMs = new WeakMap<KnownNode, number>();
  #tick: Timer | undefined;
  #tickedAtMs: number;
  #hearingSinceMs: number;
  #heardAll = false;

  constructor(
    private readonly view: ClusterView,
    private readonly senses: Senses,
    private readonly clock: Clock,
    private readonly limits: LivenessLimits,
  ) {
    this.#evidence = new Evidence(clock);
    this.#tickedAtMs = clock.nowMs();
    this.#hearingSinceMs = clock.nowMs();
  }

  start(): void {
    this.#tickedAtMs = this.clock.nowMs();
    this.#tick = this.clock.every(TICK_MS, () => this.#look());
  }

  stop(): void {
    this.#tick?.cancel();
  }

  /** How long facts have been heard without a break: before that, silence proves nothing. */
  get hearingMs(): number {
    return this.senses.hearing.connected ? this.clock.nowMs() - this.#hearingSinceMs : 0;
  }

  /**
   * Resolves when every living node has had the time to be heard once since this replica started, or
   * NATS is away: a replica that has just started knows no epochs yet.
   */
  async untilHeard(): Promise<void> {
    while (!this.#heardAll && this.senses.hearing.connected) {
      if (this.hearingMs >= ASK_AFTER_MS) this.#heardAll = true;
      else await new Promise<void>((resolve) => this.clock.after(TICK_MS, resolve));
    }
  }

  /**
   * {@link untilHeard}, for what only the view can say: what this replica never heard is not so.
   *
   * @throws {SluiceError} UNAVAILABLE where NATS has been away since before everybody was heard.
   */
  async untilKnown(): Promise<void> {
    const askedAtMs = this.clock.nowMs();
    for (;;) {
      await this.untilHeard();
      if (this.#heardAll) return;
      if (this.clock.nowMs() - askedAtMs >= ASK_AFTER_MS) break;
      await new Promise<void>((resolve) => this.clock.after(TICK_MS, resolve));
    }
    throw new SluiceError('UNAVAILABLE', 'this directory has not heard of the media nodes yet');
  }

  /** Whether its control process stands still while its workers forward. */
  isStalled(node: KnownNode): boolean {
    return this.#isSilent(node) && this.#evidence.on(node).stalled;
  }

  /** Reads a node's truth, once however many ask. */
  read(node: KnownNode): Promise<void> {
    return once(this.#reading, node.bootId, async () => {
      this.#readAtMs.set(node, this.clock.nowMs());
      const { outcome } = await this.#ask(node, PATIENT_DEADLINE_MS);
      if (outcome === 'answered') this.#evidence.on(node).noteAnswer();
    });
  }

  /** At once, unless that was tried just now: then with the next look. */
  readBehind(node: KnownNode): void {
    if (this.#restedMs(node) >= BEHIND_RETRY_MS) void this.read(node);
  }

  /** Resolves when a node that is silent has answered, or been found gone, or given no answer in time. */
  async probeIfSilent(node: KnownNode): Promise<void> {
    if (!this.#isSilent(node)) return;
    await this.#examine(node);
    if (this.#evidence.on(node).doubtful) await this.#examine(node);
  }

  /** Another replica takes a boot for lost: so do we, unless we hear it. */
  hearLost({ nodeId, bootId }: Boot): void {
    const node = this.view.find(nodeId, bootId);
    if (node && this.#isSilent(node)) this.view.lose(node);
  }

  /**
   * A boot that was taken for lost beats again. It is told so, that it may register what it holds and
   * end what is another's by now, and only then asked what it still has.
   */
  async readmit(heartbeat: Heartbeat): Promise<void> {
    const { nodeId, bootId, grpcAddress } = heartbeat;
    if (this.#returning.has(bootId)) return;
    this.#returning.add(bootId);
    try {
      this.senses.announceLost({ nodeId, bootId });
      if (!(await this.senses.hearing.catchUp())) return;
      const asked = { nodeId, bootId, grpcAddress };
      const answer = await this.senses.nodes.readTruth(asked, PATIENT_DEADLINE_MS);
      if (answer.outcome === 'answered') this.view.readmit(heartbeat, answer.truth);
    } finally {
      this.#returning.delete(bootId);
    }
  }

  async #ask(node: KnownNode, deadlineMs: number) {
    const { nodeId, bootId, heartbeat } = node;
    const { grpcAddress } = heartbeat;
    const asked = { nodeId, bootId, grpcAddress };
    const answer = await this.senses.nodes.readTruth(asked, deadlineMs);
    if (answer.outcome !== 'answered') return { outcome: answer.outcome };
    // Another boot at the same address proves that this one is over.
    if (answer.truth.bootId !== bootId) return { outcome: 'replaced' as const };
    this.view.hearTruth(answer.truth);
    return { outcome: 'answered' as const };
  }

  /** Asks a silent node in every way there is, and judges by what comes of it. */
  #examine(node: KnownNode): Promise<void> {
    return once(this.#examining, node.bootId, async () => {
      const evidence = this.#evidence.on(node);
      const deadlineMs = evidence.stalled ? PATIENT_DEADLINE_MS : HASTY_DEADLINE_MS;
      const startedAtMs = this.clock.nowMs();
      const beacon = this.senses.beacons.anyAnswers(node.heartbeat.beacons);
      const hearing = this.senses.hearing.catchUp();
      const { outcome } = await this.#ask(node, deadlineMs);
      if (outcome === 'answered') evidence.noteAnswer();
      else if (outcome === 'refused') evidence.noteRefusal();
      else if (outcome === 'replaced') evidence.noteReplaced();
      else evidence.noteLate(await beacon);
      const hears = await hearing;
      // While this process stood still it could not hear any of the answers.
      const tookMs = this.clock.nowMs() - startedAtMs;
      if (tookMs <= deadlineMs + OWN_STALL_MS) this.#judge(node, hears);
    });
  }

  #judge(node: KnownNode, hears: boolean): void {
    // Meanwhile a new boot may have taken its place, or its heartbeats may have come back.
    if (!this.#isKnown(node) || !this.#isSilent(node)) return;
    if (hears ? this.hearingMs < ASK_AFTER_MS : !this.#hearsOthers(node)) return;
    if (this.#isLost(node, hears)) this.view.lose(node);
  }

  #isLost(node: KnownNode, hears: boolean): boolean {
    const evidence = this.#evidence.on(node);
    if (evidence.refused) return true;
    const silenceMs = this.view.silenceMs(node);
    if (evidence.stalled) return silenceMs >= this.limits.stalledMs;
    if (evidence.trustsBeacon) return true;
    // Without NATS nothing but its own silence would speak against it.
    return hears && Math.min(silenceMs, this.hearingMs) >= this.limits.lostMs;
  }

  /** Whether it cannot be we who are cut off, NATS being away. */
  #hearsOthers(than: KnownNode): boolean {
    for (const node of this.view.nodes()) {
      if (node !== than && !this.#isSilent(node)) return true;
    }
    return false;
  }

  #look(): void {
    const nowMs = this.clock.nowMs();
    this.#forgiveStall(nowMs - this.#tickedAtMs - TICK_MS);
    this.#tickedAtMs = nowMs;
    if (!this.senses.hearing.connected) this.#hearingSinceMs = nowMs;
    for (const node of this.view.nodes()) {
      if (this.#isSilent(node)) void this.#examine(node);
      else if (node.behind) this.readBehind(node);
      else this.#checkBeacon(node);
    }
  }

  #checkBeacon(node: KnownNode): void {
    const { beacons } = node.heartbeat;
    const checkedAtMs = this.#beaconCheckedAtMs.get(node) ?? Number.NEGATIVE_INFINITY;
    if (beacons.length === 0 || this.clock.nowMs() - checkedAtMs < BEACON_CHECK_MS) return;
    this.#beaconCheckedAtMs.set(node, this.clock.nowMs());
    void this.senses.beacons.anyAnswers(beacons.slice(0, BEACONS_CHECKED)).then((answered) => {
      if (answered) this.#evidence.on(node).noteBeacon();
    });
  }

  /** While this process itself stood still it could not hear anybody. */
  #forgiveStall(stalledMs: number): void {
    if (stalledMs < OWN_STALL_MS) return;
    this.view.forgive(stalledMs);
    this.#hearingSinceMs += stalledMs;
  }

  #isKnown({ nodeId, bootId }: KnownNode): boolean {
    return this.view.find(nodeId, bootId) !== undefined;
  }

  #isSilent(node: KnownNode): boolean {
    return this.view.silenceMs(node) >= ASK_AFTER_MS;
  }

  #restedMs(node: KnownNode): number {
    return this.clock.nowMs() - (this.#readAtMs.get(node) ?? Number.NEGATIVE_INFINITY);
  }
}

/** One at a time for each key; who comes meanwhile waits for the one that runs. */
function once(
  running: Map<string, Promise<void>>,
  key: string,
  task: () => Promise<void>,
): Promise<void> {
  const current = running.get(key) ?? task().finally(() => running.delete(key));
  running.set(key, current);
  return current;
}
