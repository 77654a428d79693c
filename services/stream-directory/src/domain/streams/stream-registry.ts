import type { RouterRef } from '@sluice/proto-gen/common';
import {
  SluiceError,
  describeStream,
  streamKey,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import type { ClusterView, StreamAt } from '../cluster/cluster-view.js';
import type { NodeLiveness } from '../cluster/node-liveness.js';
import type { StreamRecords } from '../ports.js';
import {
  decideClaim,
  decideRelease,
  isSuperseded,
  type Claim,
  type Release,
} from './stream-claims.js';
import type { StreamRecord } from './stream-record.js';

export interface FoundStream {
  readonly name: StreamName;
  readonly origin: RouterRef;
  readonly epoch: number;
  readonly sessionId: string;
}

/** Lost races for one name before the caller is told to try again later. */
const ATTEMPTS_MAX = 6;

/** Who holds which stream's name. */
export class StreamRegistry {
  constructor(
    private readonly records: StreamRecords,
    private readonly view: ClusterView,
    private readonly liveness: NodeLiveness,
  ) {}

  /** @throws {SluiceError} ALREADY_EXISTS, STALE_EPOCH (a held epoch that is over), UNAVAILABLE. */
  async claim(claim: Claim): Promise<number> {
    this.view.seeEpoch(Math.max(claim.highestEpoch, claim.heldEpoch ?? 0));
    // The bucket may have been wiped: then only the nodes know which names and epochs are taken.
    await this.liveness.untilHeard();
    return this.#untilSettled(claim.name, async (key) => {
      const [stored, floor] = await Promise.all([
        this.records.read(key),
        this.records.readEpochFloor(),
      ]);
      const { record, revision } = stored;
      const originGone = record?.state === 'held' && (await this.#isGone(record.origin));
      const highestEpoch = Math.max(floor, this.view.highestEpoch, this.records.highestEpoch);
      const told = toldRecord(this.view.findStream(key));
      const decision = decideClaim(claim, { record, highestEpoch, originGone, told });
      if (decision.type === 'refuse') throw decision.error;
      if (decision.type === 'held already') return decision.epoch;
      const outcome = await this.records.write(key, decision.record, revision);
      return outcome === 'written' ? decision.record.epoch : 'conflict';
    });
  }

  /** Idempotent. @throws {SluiceError} STALE_EPOCH when another origin holds it, UNAVAILABLE. */
  async release(release: Release): Promise<void> {
    await this.#untilSettled(release.name, async (key) => {
      const { record, revision } = await this.records.read(key);
      const decision = decideRelease(release, record);
      if (decision.type === 'refuse') throw decision.error;
      if (decision.type === 'released already') return 'done';
      const outcome = await this.records.write(key, decision.record, revision);
      return outcome === 'written' ? 'done' : 'conflict';
    });
  }

  /**
   * What is known here answers at once; the bucket is asked only for what is not.
   *
   * @throws {SluiceError} NOT_FOUND, or UNAVAILABLE when it is unknown here and the bucket is away.
   */
  async find(name: StreamName): Promise<FoundStream> {
    const known = this.findKnown(name);
    if (known) return known;
    const key = streamKey(name);
    const { record } = await this.records.read(key);
    // The bucket may have been wiped: a node may have what no record tells of.
    await this.liveness.untilHeard();
    const read = this.#newest(name, record, this.view.findStream(key));
    if (read) return read;
    throw new SluiceError('NOT_FOUND', `nobody publishes stream ${describeStream(name)}`, {
      noun: 'stream',
    });
  }

  /** By what is known here. */
  findKnown(name: StreamName): FoundStream | undefined {
    const key = streamKey(name);
    return this.#newest(name, this.records.find(key)?.record, this.view.findStream(key));
  }

  /** Whether a record's origin cannot hold it any more. */
  isOver({ state, origin }: StreamRecord): boolean {
    return state !== 'held' || this.view.hasEnded(origin.nodeId, origin.bootId);
  }

  /** The record may lag behind the origin's own words, and the other way round: the epoch decides. */
  #newest(
    name: StreamName,
    record: StreamRecord | undefined,
    at: StreamAt | undefined,
  ): FoundStream | undefined {
    if (record && !this.isOver(record) && record.epoch >= (at?.stream.epoch ?? 0)) {
      return { name, origin: record.origin, epoch: record.epoch, sessionId: record.sessionId };
    }
    if (!at) return undefined;
    const { stream } = at;
    if (isSuperseded(stream.epoch, record)) return undefined;
    return { name, origin: originOf(at), epoch: stream.epoch, sessionId: stream.sessionId };
  }

  /** A silent holder is asked for a sign of life first, so that its name is not blocked for longer. */
  async #isGone({ nodeId, bootId }: RouterRef): Promise<boolean> {
    const node = this.view.find(nodeId, bootId);
    if (node) await this.liveness.probeIfSilent(node);
    return this.view.hasEnded(nodeId, bootId);
  }

  async #untilSettled<T>(
    name: StreamName,
    attempt: (key: StreamKey) => Promise<T | 'conflict'>,
  ): Promise<T> {
    const key = streamKey(name);
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts += 1) {
      const outcome = await attempt(key);
      if (outcome !== 'conflict') return outcome;
    }
    throw new SluiceError('UNAVAILABLE', `too many claim stream ${describeStream(name)} at once`);
  }
}

function toldRecord(at: StreamAt | undefined): StreamRecord | undefined {
  if (!at) return undefined;
  const { epoch, sessionId } = at.stream;
  return { state: 'held', epoch, origin: originOf(at), sessionId };
}

export function originOf({ stream, node }: StreamAt): RouterRef {
  const { nodeId, bootId, heartbeat } = node;
  return { nodeId, bootId, routerId: stream.routerId, grpcAddress: heartbeat.grpcAddress };
}
