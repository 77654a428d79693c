import { Resource, type SessionId } from '@sluice/core';
import { grantsOf } from '@sluice/tokens';
import {
  Ingest,
  type IngestCondition,
  type IngestEnvironment,
  type IngestOrder,
} from './ingest.js';
import type { MediaNode } from '../node/media-node.js';

/** An ingest as the directory gave it to this node. */
export interface IngestTask<Definition> {
  /** As it came, to be told again. */
  readonly definition: Definition;
  readonly order: IngestOrder;
  readonly sessionId: SessionId;
  readonly routerId: string;
  readonly replacesSessionId: SessionId | undefined;
}

/** What is told of an ingest. */
export interface IngestReport<Definition> {
  readonly definition: Definition;
  readonly sessionId: string;
  readonly routerId: string;
  readonly condition: IngestCondition;
}

export interface IngestListener<Definition> {
  readonly changed: (report: IngestReport<Definition>) => void;
  readonly stopped: (ingestId: string, sessionId: string) => void;
}

interface Running<Definition> {
  readonly task: IngestTask<Definition>;
  readonly ingest: Ingest;
}

/** All that this node pulls from elsewhere, each by a session of its own. */
export class Ingests<Definition> extends Resource {
  readonly #running = new Map<SessionId, Running<Definition>>();

  constructor(
    private readonly node: Pick<MediaNode, 'openSession'>,
    private readonly environment: IngestEnvironment,
    private readonly listener: IngestListener<Definition>,
  ) {
    super();
  }

  get reports(): readonly IngestReport<Definition>[] {
    return [...this.#running.values()].map(reportOf);
  }

  /** What there is now, counted when asked. */
  readings() {
    const conditions = () => [...this.#running.values()].map(({ ingest }) => ingest.condition);
    return {
      ingests: () => {
        const counts = { connecting: 0, running: 0, resting: 0, failed: 0 };
        for (const { status } of conditions()) counts[status] += 1;
        return counts;
      },
      ingestBps: () => conditions().reduce((sum, { bitrateBps }) => sum + bitrateBps, 0),
    };
  }

  /**
   * Idempotent by session id.
   *
   * @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, UNAVAILABLE when the router is no more.
   */
  start(task: IngestTask<Definition>): void {
    const { sessionId, order, routerId, replacesSessionId } = task;
    if (this.closed || this.#running.has(sessionId)) return;
    const { room, participant } = order.stream;
    const session = this.node.openSession(
      {
        sessionId,
        room,
        participant,
        username: order.username,
        connectionId: `ingest-${order.ingestId}`,
        grants: grantsOf(['publish']),
        ...(replacesSessionId !== undefined && { replacesSessionId }),
      },
      routerId,
      true,
    );
    const ingest = this.own(new Ingest(order, session, this.environment));
    const running = { task, ingest };
    this.#running.set(sessionId, running);
    this.listener.changed(reportOf(running));
    ingest.on('changed', () => this.listener.changed(reportOf(running)));
    ingest.onClosed(() => {
      this.#running.delete(sessionId);
      this.listener.stopped(order.ingestId, sessionId);
    });
  }

  /** Idempotent. */
  stop(sessionId: SessionId): void {
    this.#running.get(sessionId)?.ingest.close('not wanted any more');
  }
}

function reportOf<Definition>({ task, ingest }: Running<Definition>): IngestReport<Definition> {
  const { definition, sessionId, routerId } = task;
  return { definition, sessionId, routerId, condition: ingest.condition };
}
