import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ErrorCode } from '@sluice/core';
import { certificateGauge, type TimedCall } from '@sluice/service-kit';
import type { JoinObserver } from './domain/sessions/join-phases.js';
import type { LoadParts } from './domain/node/load.js';
import { DRAIN_OUTCOMES } from './domain/node/media-node.js';
import type { SetUpObserver } from './domain/observed.js';
import type { PeerTraffic } from './domain/pipes/pipe-meter.js';
import {
  CONNECTION_END_LABELS,
  SESSION_END_LABELS,
  connectionEnd,
  sessionEnd,
} from './metric-labels.js';
import { readPipes } from './pipe-metrics.js';

/** What gauges read at the moment they are asked. */
export interface Readings {
  readonly sessions: () => { readonly attached: number; readonly detached: number };
  readonly publications: () => number;
  readonly subscriptions: () => number;
  readonly tracks: () => { readonly received: number; readonly sent: number };
  readonly relays: () => number;
  readonly ingests: () => Readonly<Record<string, number>>;
  readonly ingestBps: () => number;
  readonly pipes: () => number;
  readonly load: () => number;
  readonly loadParts: () => LoadParts;
  readonly pipeTraffic: () => ReadonlyMap<string, PeerTraffic>;
  readonly bitrates: () => { readonly ingressBps: number; readonly egressBps: number };
  readonly workers: () => number;
  readonly draining: () => boolean;
  readonly drainRemainingMs: () => number;
  readonly busConnected: () => boolean;
}

const BITS_PER_BYTE = 8;
const METHOD_BUCKETS_S = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3];
const JOIN_BUCKETS_S = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Everything that this service measures. No label holds an id or a name. */
export class Metrics {
  readonly registry = new Registry();
  readonly certificates = certificateGauge(this.registry);
  readonly workerDeaths = new Counter({
    name: 'sluice_media_worker_deaths_total',
    help: 'mediasoup workers that died',
    registers: [this.registry],
  });
  readonly podCostWrites = new Counter({
    name: 'sluice_media_pod_cost_writes_total',
    help: 'Attempts to tell Kubernetes what the end of this pod would cost',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly fencedStreams = new Counter({
    name: 'sluice_media_fenced_streams_total',
    help: 'Streams that ended because another origin holds their name',
    registers: [this.registry],
  });
  readonly drainedSessions = new Counter({
    name: 'sluice_media_drained_sessions_total',
    help: 'Sessions that moved, left or were ended at the deadline while the node drained',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly silentNodes = new Counter({
    name: 'sluice_media_silent_nodes_total',
    help: 'Times that another node, which had sent media, sent and answered nothing any more',
    registers: [this.registry],
  });
  readonly errors = new Counter({
    name: 'sluice_media_errors_total',
    help: 'Errors that were answered to callers',
    labelNames: ['method', 'code'] as const,
    registers: [this.registry],
  });
  readonly methodSeconds = new Histogram({
    name: 'sluice_media_method_seconds',
    help: 'Time that a call took, by method: the node’s phases of a join',
    labelNames: ['method'] as const,
    buckets: METHOD_BUCKETS_S,
    registers: [this.registry],
  });

  readonly #joinPhaseSeconds = new Histogram({
    name: 'sluice_media_join_phase_seconds',
    help: 'Phases between a client’s wish to publish or subscribe and its first media',
    labelNames: ['direction', 'phase'] as const,
    buckets: JOIN_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #firstMediaSeconds = new Histogram({
    name: 'sluice_media_first_media_seconds',
    help: 'From a client’s wish to publish or subscribe to its first packet or keyframe',
    labelNames: ['direction'] as const,
    buckets: JOIN_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #closedConnections = new Counter({
    name: 'sluice_media_closed_connections_total',
    help: 'PeerConnections of clients that ended, by reason',
    labelNames: ['direction', 'reason'] as const,
    registers: [this.registry],
  });
  readonly #endedSessions = new Counter({
    name: 'sluice_media_ended_sessions_total',
    help: 'Sessions that ended, by reason',
    labelNames: ['reason'] as const,
    registers: [this.registry],
  });
  readonly #relaySetUpSeconds = new Histogram({
    name: 'sluice_media_relay_setup_seconds',
    help: 'From the wish for a stream of another router to its tracks, or to failure',
    labelNames: ['outcome'] as const,
    buckets: JOIN_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #pipeSetUpSeconds = new Histogram({
    name: 'sluice_media_pipe_setup_seconds',
    help: 'Time to open a pipe to another router, or to fail',
    labelNames: ['outcome'] as const,
    buckets: JOIN_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #directorySeconds = new Histogram({
    name: 'sluice_media_directory_seconds',
    help: 'Calls to the directory: claims of names, look-ups and plans of relays',
    labelNames: ['method', 'outcome'] as const,
    buckets: METHOD_BUCKETS_S,
    registers: [this.registry],
  });

  readonly joins: JoinObserver = {
    onPhase: (direction, phase, durationMs) => {
      this.#joinPhaseSeconds.observe({ direction, phase }, durationMs / 1_000);
    },
    onFirstMedia: (direction, durationMs) => {
      this.#firstMediaSeconds.observe({ direction }, durationMs / 1_000);
    },
    onConnectionClosed: (direction, reason) => {
      this.#closedConnections.inc({ direction, reason: connectionEnd(reason) });
    },
  };
  readonly onRelaySetUp: SetUpObserver = (outcome, durationMs) => {
    this.#relaySetUpSeconds.observe({ outcome }, durationMs / 1_000);
  };
  readonly onDirectoryCall: TimedCall = (method, outcome, seconds) => {
    this.#directorySeconds.observe({ method, outcome }, seconds);
  };
  readonly onPipeSetUp: SetUpObserver = (outcome, durationMs) => {
    this.#pipeSetUpSeconds.observe({ outcome }, durationMs / 1_000);
  };

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    // Each is there before it first counts: 0 to 1 is a rise, too.
    this.#relaySetUpSeconds.zero({ outcome: 'OK' });
    this.#pipeSetUpSeconds.zero({ outcome: 'OK' });
    for (const direction of ['publishing', 'subscribing']) {
      this.#firstMediaSeconds.zero({ direction });
    }
    for (const outcome of DRAIN_OUTCOMES) this.drainedSessions.inc({ outcome }, 0);
    for (const reason of SESSION_END_LABELS) this.#endedSessions.inc({ reason }, 0);
    for (const direction of ['publishing', 'subscribing']) {
      for (const reason of CONNECTION_END_LABELS) {
        this.#closedConnections.inc({ direction, reason }, 0);
      }
    }
  }

  /** `path` is gRPC's, such as /sluice.v1.MediaNode/Publish: a closed set. */
  countError(code: ErrorCode, path: string): void {
    this.errors.inc({ method: path.slice(path.lastIndexOf('/') + 1), code });
  }

  countSessionEnd(reason: string): void {
    this.#endedSessions.inc({ reason: sessionEnd(reason) });
  }

  read(readings: Readings): void {
    this.#byLabel('sluice_media_sessions', 'Sessions', 'state', () => ({ ...readings.sessions() }));
    this.#byLabel('sluice_media_tracks', 'Tracks of clients', 'direction', () => ({
      ...readings.tracks(),
    }));
    this.#byLabel(
      'sluice_media_traffic_bytes_per_second',
      'Media, by clients and pipes',
      'direction',
      () => bytesOf(readings.bitrates()),
    );
    this.#gauge('sluice_media_publications', 'Streams that clients publish here', () =>
      readings.publications(),
    );
    this.#gauge('sluice_media_subscriptions', 'Streams that clients receive here', () =>
      readings.subscriptions(),
    );
    this.#byLabel('sluice_media_ingests', 'Streams pulled from elsewhere', 'status', () =>
      readings.ingests(),
    );
    this.#gauge(
      'sluice_media_ingest_bytes_per_second',
      'Media pulled from elsewhere',
      () => readings.ingestBps() / BITS_PER_BYTE,
    );
    this.#gauge('sluice_media_relays', 'Streams pulled from other routers', () =>
      readings.relays(),
    );
    this.#gauge('sluice_media_pipes', 'Pipes to other routers', () => readings.pipes());
    this.#gauge('sluice_media_load_ratio', 'Fraction of capacity in use', () => readings.load());
    this.#byLabel(
      'sluice_media_load_part_ratio',
      'What the load is the largest of, not smoothed',
      'part',
      () => ({ ...readings.loadParts() }),
    );
    readPipes(this.registry, readings.pipeTraffic);
    this.#gauge('sluice_media_workers', 'mediasoup workers that run', () => readings.workers());
    this.#gauge('sluice_media_draining', '1 while the node takes no sessions', () =>
      Number(readings.draining()),
    );
    this.#gauge(
      'sluice_media_drain_remaining_seconds',
      'Time that a drain still has',
      () => readings.drainRemainingMs() / 1_000,
    );
    this.#gauge('sluice_media_nats_connected', '1 while NATS is reachable', () =>
      Number(readings.busConnected()),
    );
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [], collect: () => gauge.set(read()) });
    this.registry.registerMetric(gauge);
  }

  #byLabel(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect: () => {
        for (const [value, reading] of Object.entries(read()))
          gauge.set({ [label]: value }, reading);
      },
    });
    this.registry.registerMetric(gauge);
  }
}

function bytesOf({ ingressBps, egressBps }: { ingressBps: number; egressBps: number }) {
  return { in: ingressBps / BITS_PER_BYTE, out: egressBps / BITS_PER_BYTE };
}
