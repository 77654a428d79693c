import { hasCode, streamKey, type Clock, type StreamKey, type StreamName } from '@sluice/core';
import { isSuperseded } from './stream-claims.js';
import { originOf, type StreamRegistry } from './stream-registry.js';
import type { Boot } from '../cluster/facts.js';
import type { ClusterView, StreamAt } from '../cluster/cluster-view.js';
import type { NodeLiveness } from '../cluster/node-liveness.js';
import type { StreamRecords } from '../ports.js';
import type { StoredRecord, StreamRecord } from './stream-record.js';

export interface AuditLimits {
  /** An origin that was never heard of for so long is gone. */
  readonly lostMs: number;
}

/** What is compared, and by what it is mended. */
export interface Audited {
  readonly records: StreamRecords;
  readonly registry: StreamRegistry;
  readonly view: ClusterView;
  readonly liveness: NodeLiveness;
  /** Asks a boot to make sure that a stream is still its own. */
  readonly doubt: (boot: Boot, name: StreamName) => void;
}

/** What an audit did, for the log and the metrics. */
export const REPAIRS = [
  'lost record ended',
  'unpublished record ended',
  'record restored',
  'tombstone removed',
] as const;
export type Repair = (typeof REPAIRS)[number];

/** A claim is followed by its stream within moments; one that is not was given up unheard. */
const UNPUBLISHED_MAX_MS = 10_000;
/** By then every replica has seen the tombstone, or the epochs of the nodes that had the stream. */
const TOMBSTONE_MS = 60_000;
/** By then the origin of a stream that moves has been told so by the one that took over. */
const HAND_OVER_MAX_MS = 10_000;
const PARALLEL_REPAIRS = 16;

/**
 * Makes the records match what the nodes say: after a node died, after the bucket was wiped, after a
 * release that could not be written. Every replica does it; compare-and-set makes twice harmless.
 */
export class RecordAudit {
  /** When this replica first saw a record as it is now. */
  readonly #seenAtMs = new WeakMap<StreamRecord, number>();
  #running: Promise<void> | undefined;
  #asked = false;

  constructor(
    private readonly audited: Audited,
    private readonly clock: Clock,
    private readonly limits: AuditLimits,
    private readonly onRepair: (repair: Repair) => void = () => undefined,
  ) {}

  /**
   * One at a time; what is asked for meanwhile is looked at afterwards. Ends early when the bucket
   * cannot be reached: the next one goes on.
   */
  run(): Promise<void> {
    this.#asked = true;
    this.#running ??= this.#runWhileAsked().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /**
   * Asks a node that tells of a stream to make sure of it, where the record says that the stream was
   * given up, or has been another origin's for longer than a hand-over takes.
   */
  check({ stream, node }: StreamAt): void {
    const record = this.audited.records.find(streamKey(stream.name))?.record;
    if (!record || !isSuperseded(stream.epoch, record)) return;
    if (record.state === 'held' && this.#ageMs(record) < HAND_OVER_MAX_MS) return;
    this.audited.doubt({ nodeId: node.nodeId, bootId: node.bootId }, stream.name);
  }

  async #runWhileAsked(): Promise<void> {
    while (this.#asked) {
      this.#asked = false;
      try {
        await this.#run();
      } catch (error) {
        if (!hasCode(error, 'UNAVAILABLE')) throw error;
      }
    }
  }

  async #run(): Promise<void> {
    const repairs: (() => Promise<Repair | undefined>)[] = [];
    for (const [key, stored] of this.audited.records.all()) {
      const repair = this.#repairOf(key, stored);
      if (repair) repairs.push(repair);
    }
    for (const at of this.audited.view.streams()) {
      if (this.#isMissing(at)) repairs.push(() => this.#restore(at));
      this.check(at);
    }
    await inParallel(repairs, PARALLEL_REPAIRS, async (repair) => {
      const done = await repair();
      if (done) this.onRepair(done);
    });
  }

  #repairOf(key: StreamKey, stored: StoredRecord): (() => Promise<Repair | undefined>) | undefined {
    const { record, revision } = stored;
    const ageMs = this.#ageMs(record);
    if (record.state !== 'held') {
      return ageMs < TOMBSTONE_MS ? undefined : () => this.#sweep(key, record, revision);
    }
    if (this.#isOriginGone(record, ageMs)) {
      return () => this.#end(key, stored, 'lost', 'lost record ended');
    }
    if (this.#isUnpublished(key, record, ageMs)) {
      return () => this.#end(key, stored, 'released', 'unpublished record ended');
    }
    return undefined;
  }

  #isOriginGone({ origin }: StreamRecord, ageMs: number): boolean {
    const { nodeId, bootId } = origin;
    if (this.audited.view.find(nodeId, bootId)) return false;
    if (this.audited.view.hasEnded(nodeId, bootId)) return true;
    return Math.min(ageMs, this.audited.liveness.hearingMs) >= this.limits.lostMs;
  }

  #isUnpublished(key: StreamKey, { origin, epoch }: StreamRecord, ageMs: number): boolean {
    const node = this.audited.view.find(origin.nodeId, origin.bootId);
    if (!node || node.behind || ageMs < UNPUBLISHED_MAX_MS) return false;
    return (node.findStream(key)?.epoch ?? -1) < epoch;
  }

  /** Whether a node has a stream of which the bucket knows nothing, or only that it seemed lost. */
  #isMissing({ stream, node }: StreamAt): boolean {
    const record = this.audited.records.find(streamKey(stream.name))?.record;
    if (!record) return !node.behind;
    const own = record.origin.nodeId === node.nodeId && record.origin.bootId === node.bootId;
    return !node.behind && own && record.state === 'lost' && record.epoch === stream.epoch;
  }

  async #end(
    key: StreamKey,
    { record, revision }: StoredRecord,
    state: 'lost' | 'released',
    repair: Repair,
  ): Promise<Repair | undefined> {
    const outcome = await this.audited.records.write(key, { ...record, state }, revision);
    return outcome === 'written' ? repair : undefined;
  }

  async #restore(at: StreamAt): Promise<Repair | undefined> {
    const { name, epoch, sessionId } = at.stream;
    const claim = { name, origin: originOf(at), sessionId, highestEpoch: epoch, heldEpoch: epoch };
    try {
      await this.audited.registry.claim(claim);
      return 'record restored';
    } catch (error) {
      // A later origin registered first. Its node's facts, or its claim, tell the older one.
      if (hasCode(error, 'STALE_EPOCH', 'ALREADY_EXISTS')) return undefined;
      throw error;
    }
  }

  async #sweep(key: StreamKey, record: StreamRecord, revision: number): Promise<Repair> {
    await this.audited.records.raiseEpochFloor(record.epoch);
    await this.audited.records.remove(key, revision);
    return 'tombstone removed';
  }

  #ageMs(record: StreamRecord): number {
    const nowMs = this.clock.nowMs();
    const seenAtMs = this.#seenAtMs.get(record) ?? nowMs;
    this.#seenAtMs.set(record, seenAtMs);
    return nowMs - seenAtMs;
  }
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const item of left) await run(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
