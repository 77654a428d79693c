import { hasCode, type Clock, type Timer } from '@sluice/core';
import type { ClusterView } from '../cluster/cluster-view.js';
import { decideIngest, type IngestDecision } from './ingest-decision.js';
import type { IngestNodes, IngestRecords } from './ingest-ports.js';
import {
  idOf,
  type IngestDefinition,
  type IngestRun,
  type RunningIngest,
  type StoredIngest,
  type WantedIngest,
} from '../ingest.js';
import type { KnownNode } from '../cluster/known-node.js';
import type { SessionPlacer } from '../placement/session-placer.js';

export interface IngestSurroundings {
  readonly records: IngestRecords;
  readonly nodes: IngestNodes;
  readonly view: ClusterView;
  readonly placer: Pick<SessionPlacer, 'place'>;
  readonly clock: Clock;
  /** For how long all nodes could be heard by now. */
  readonly hearingMs: () => number;
  /** A new unguessable id. */
  readonly newId: () => string;
}

export interface IngestRules {
  /** What this replica's configuration names. */
  readonly configured: readonly IngestDefinition[];
  /** Whether two definitions lead to the same camera: sealed URLs cannot be compared. */
  readonly sameUrl: (a: IngestDefinition, b: IngestDefinition) => boolean;
  readonly lostMs: number;
}

export interface IngestEvents {
  /** An ingest was given to a node. */
  readonly onAssigned: (ingestId: string, nodeId: string) => void;
  readonly onTrouble: (error: unknown) => void;
}

const LOOK_INTERVAL_MS = 1_000;
/** After a node said yes, its fact is a moment away; one that is not there by then gave up. */
const STARTED_MS = 5_000;
const REFUSED_MS = 10_000;
/** The bucket follows its watch by moments; only then a node's ingest is known to have no record. */
const SETTLED_MS = 5_000;
/** While a new version of the service is rolled out, replicas have different configurations. */
const UNCONFIGURED_MS = 60_000;
const TOMBSTONE_MS = 600_000;
/** A run that was taken over from ends by itself; later it is told to. */
const HAND_OVER_MS = 30_000;

/**
 * Keeps every ingest running on one node, as its record says: finds it a node, another one when that
 * is gone or drains, and ends what nobody wants. Every replica does it; compare-and-set makes one of
 * them decide, and the claim of the stream's name is what keeps two runs apart.
 */
export class IngestKeeper {
  readonly #busy = new Set<string>();
  /** When something was first seen as it is, or last told. */
  readonly #sinceMs = new Map<string, number>();
  #looking: Timer | undefined;
  #loadedAtMs: number | undefined;

  constructor(
    private readonly surroundings: IngestSurroundings,
    private readonly rules: IngestRules,
    private readonly events: IngestEvents,
  ) {}

  start(): void {
    this.#looking = this.surroundings.clock.every(LOOK_INTERVAL_MS, () => this.look());
  }

  stop(): void {
    this.#looking?.cancel();
  }

  /** The bucket is another one, or was followed anew: what it lacks may just not have come yet. */
  unsettle(): void {
    this.#loadedAtMs = undefined;
  }

  look(): void {
    const { records, clock } = this.surroundings;
    if (!records.loaded) return;
    this.#loadedAtMs ??= clock.nowMs();
    this.#forgetOld();
    for (const definition of this.rules.configured) this.#configure(definition);
    for (const stored of records.all()) this.#care(stored);
    for (const node of this.surroundings.view.nodes()) {
      for (const ingest of node.ingests()) this.#weigh(ingest, node);
    }
  }

  /** Makes the record say what the configuration does. */
  #configure(definition: IngestDefinition): void {
    const stored = this.surroundings.records.find(definition.ingestId);
    const known = stored?.record.state === 'wanted' ? stored.record : undefined;
    if (known && this.#isSame(known.definition, definition)) return;
    this.#during(definition.ingestId, async () => {
      // A node that has run it all along goes on: only the record was lost.
      const run = stored ? undefined : this.#runOf(definition);
      const record = { state: 'wanted', definition, run } as const;
      await this.surroundings.records.write(record, stored?.revision ?? 0);
    });
  }

  #care({ record, revision }: StoredIngest): void {
    const ingestId = idOf(record);
    const { records } = this.surroundings;
    if (record.state === 'deleted') {
      if (this.#ageMs(`deleted ${ingestId} ${String(revision)}`) < TOMBSTONE_MS) return;
      this.#during(ingestId, () => records.remove(ingestId, revision));
      return;
    }
    if (this.#isUnconfigured(record, revision)) {
      const tombstone = { state: 'deleted', ingestId } as const;
      this.#during(ingestId, async () => {
        await records.write(tombstone, revision);
      });
      return;
    }
    const decision = decideIngest(record, {
      view: this.surroundings.view,
      heardForMs: Math.min(
        this.#ageMs(`known ${record.run?.sessionId ?? ''}`),
        this.surroundings.hearingMs(),
      ),
      lostMs: this.rules.lostMs,
      gaveUp: ({ sessionId }) => this.#gaveUp(sessionId),
    });
    if (decision.do !== 'wait') {
      this.#during(ingestId, () => this.#act(decision, record, revision));
    }
  }

  async #act(decision: IngestDecision, record: WantedIngest, revision: number): Promise<void> {
    if (decision.do === 'start') await this.#tell(record, decision.run);
    if (decision.do === 'assign') await this.#assign(decision, record, revision);
  }

  async #assign(
    wish: Extract<IngestDecision, { do: 'assign' }>,
    { definition }: WantedIngest,
    revision: number,
  ): Promise<void> {
    const { placer, records, newId } = this.surroundings;
    const { replacesSessionId } = wish;
    const { ingestId, region, stream } = definition;
    const excludeNodeIds = [...wish.excludeNodeIds, ...this.#refusedBy(ingestId)];
    const router = placer.place({ room: stream.room, region, zone: '', excludeNodeIds });
    const run = { router, sessionId: newId(), replacesSessionId };
    const record = { state: 'wanted', definition, run } as const;
    if ((await records.write(record, revision)) === 'conflict') return;
    this.events.onAssigned(ingestId, router.nodeId);
    await this.#tell(record, run);
  }

  async #tell(record: WantedIngest, run: IngestRun): Promise<void> {
    const { nodes } = this.surroundings;
    try {
      await nodes.startIngest(record.definition, run);
      // The first time counts: it may say yes again and again.
      this.#ageMs(`started ${run.sessionId}`);
    } catch (error) {
      if (!hasCode(error, 'NODE_DRAINING', 'CAPACITY_EXHAUSTED', 'NOT_FOUND')) throw error;
      // Another one at the next look.
      const { ingestId } = record.definition;
      const nowMs = this.surroundings.clock.nowMs();
      this.#sinceMs.set(`refused ${run.sessionId}`, nowMs);
      this.#sinceMs.set(`refused ${ingestId} ${run.router.nodeId}`, nowMs);
    }
  }

  /** What a node runs, against what is wanted. */
  #weigh(running: RunningIngest, node: KnownNode): void {
    const { records } = this.surroundings;
    const { ingestId } = running.definition;
    const stored = records.find(ingestId);
    if (!stored) {
      if (!node.behind && this.#isSettled()) this.#restore(running, node);
      return;
    }
    const run = stored.record.state === 'wanted' ? stored.record.run : undefined;
    if (run?.sessionId === running.sessionId) return;
    const isGivingWay = run?.replacesSessionId === running.sessionId;
    if (isGivingWay && this.#ageMs(`giving way ${running.sessionId}`) < HAND_OVER_MS) return;
    // The record may be about to say so.
    if (this.#busy.has(ingestId)) return;
    const { nodes } = this.surroundings;
    const { bootId, heartbeat } = node;
    const at = { bootId, grpcAddress: heartbeat.grpcAddress };
    this.#during(`stop ${running.sessionId}`, () => nodes.stopIngest(at, running.sessionId));
  }

  /** The bucket was wiped, and the nodes remember. */
  #restore({ definition, sessionId, routerId }: RunningIngest, node: KnownNode): void {
    const { nodeId, bootId, heartbeat } = node;
    const router = { nodeId, bootId, routerId, grpcAddress: heartbeat.grpcAddress };
    const run = { router, sessionId, replacesSessionId: undefined };
    const record = { state: 'wanted', definition, run } as const;
    this.#during(definition.ingestId, async () => {
      await this.surroundings.records.write(record, 0);
    });
  }

  #runOf({ ingestId, stream }: IngestDefinition): IngestRun | undefined {
    for (const { nodeId, bootId, heartbeat, ...node } of this.#nodesWithIngests()) {
      const running = node.ingests.find(({ definition }) => definition.ingestId === ingestId);
      if (!running || !sameStream(running.definition.stream, stream)) continue;
      const { sessionId, routerId } = running;
      const router = { nodeId, bootId, routerId, grpcAddress: heartbeat.grpcAddress };
      return { router, sessionId, replacesSessionId: undefined };
    }
    return undefined;
  }

  #nodesWithIngests() {
    return [...this.surroundings.view.nodes()].map((node) => ({
      nodeId: node.nodeId,
      bootId: node.bootId,
      heartbeat: node.heartbeat,
      ingests: [...node.ingests()],
    }));
  }

  #isSame(a: IngestDefinition, b: IngestDefinition): boolean {
    const same =
      sameStream(a.stream, b.stream) &&
      a.username === b.username &&
      a.onDemand === b.onDemand &&
      a.region === b.region &&
      a.configured === b.configured;
    return same && this.rules.sameUrl(a, b);
  }

  #isUnconfigured({ definition }: WantedIngest, revision: number): boolean {
    const { ingestId, configured } = definition;
    if (!configured || this.rules.configured.some((own) => own.ingestId === ingestId)) return false;
    return this.#ageMs(`unconfigured ${ingestId} ${String(revision)}`) >= UNCONFIGURED_MS;
  }

  /** Nodes that have just said no. */
  #refusedBy(ingestId: string): string[] {
    const prefix = `refused ${ingestId} `;
    const nowMs = this.surroundings.clock.nowMs();
    return [...this.#sinceMs]
      .filter(([what, sinceMs]) => what.startsWith(prefix) && nowMs - sinceMs < REFUSED_MS)
      .map(([what]) => what.slice(prefix.length));
  }

  #gaveUp(sessionId: string): boolean {
    if (this.#sinceMs.has(`refused ${sessionId}`)) return true;
    const startedAtMs = this.#sinceMs.get(`started ${sessionId}`);
    if (startedAtMs === undefined) return false;
    return this.surroundings.clock.nowMs() - startedAtMs >= STARTED_MS;
  }

  #isSettled(): boolean {
    const { clock } = this.surroundings;
    return this.#loadedAtMs !== undefined && clock.nowMs() - this.#loadedAtMs >= SETTLED_MS;
  }

  /** For how long this replica has seen what `what` names. */
  #ageMs(what: string): number {
    const nowMs = this.surroundings.clock.nowMs();
    const sinceMs = this.#sinceMs.get(what) ?? nowMs;
    this.#sinceMs.set(what, sinceMs);
    return nowMs - sinceMs;
  }

  #forgetOld(): void {
    const nowMs = this.surroundings.clock.nowMs();
    for (const [what, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs > 2 * TOMBSTONE_MS) this.#sinceMs.delete(what);
    }
  }

  /** One thing at a time for each; what fails is looked at again soon. */
  #during(what: string, work: () => Promise<void>): void {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    const run = async () => {
      try {
        await work();
      } catch (error) {
        const usual = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CAPACITY_EXHAUSTED'] as const;
        if (!hasCode(error, ...usual)) this.events.onTrouble(error);
      } finally {
        this.#busy.delete(what);
      }
    };
    void run();
  }
}

function sameStream(a: IngestDefinition['stream'], b: IngestDefinition['stream']): boolean {
  return a.room === b.room && a.participant === b.participant && a.purpose === b.purpose;
}
