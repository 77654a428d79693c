import { certificateGauge } from '@sluice/service-kit';
import { Counter, Gauge, Histogram, collectDefaultMetrics, type Registry } from 'prom-client';
import { REJECTIONS } from './domain/placement/placement.js';
import { REPAIRS } from './domain/streams/record-audit.js';

const INGEST_STATUSES = ['connecting', 'running', 'resting', 'failed'] as const;
const NODE_STATES = ['serving', 'draining', 'silent', 'stalled'] as const;

/** What the gauges show is asked for when Prometheus asks. */
export interface Observed {
  nodes(): Iterable<{
    readonly state: (typeof NODE_STATES)[number];
  }>;
  sessions(): number;
  streams(): number;
  relays(): number;
  ingests(): Iterable<{ readonly status: (typeof INGEST_STATUSES)[number] }>;
  natsConnected(): boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Every metric of this service. */
export function createMetrics(registry: Registry, observed: Observed) {
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  createGauges(registers, observed);
  const metrics = {
    certificates: certificateGauge(registry),
    calls: new Histogram({
      name: 'sluice_directory_call_duration_seconds',
      help: 'How long calls of the API took, by method and outcome (OK or an error code).',
      labelNames: ['method', 'code'] as const,
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5],
      registers,
    }),
    rejections: new Counter({
      name: 'sluice_directory_placement_rejections_total',
      help: 'Nodes that could not be chosen when a session was placed, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    recordSeconds: new Histogram({
      name: 'sluice_directory_record_seconds',
      help: 'How long reads and writes of stream records in NATS took, by method and outcome.',
      labelNames: ['method', 'outcome'] as const,
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5],
      registers,
    }),
    stateReads: new Counter({
      name: 'sluice_directory_state_reads_total',
      help: 'Times that a node was asked for its whole state, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    endedBoots: new Counter({
      name: 'sluice_directory_ended_boots_total',
      help: 'Nodes that were lost or came back as a new boot.',
      registers,
    }),
    assignedIngests: new Counter({
      name: 'sluice_directory_assigned_ingests_total',
      help: 'Times that this replica gave an ingest to a node, the first or another one.',
      registers,
    }),
    repairs: new Counter({
      name: 'sluice_directory_record_repairs_total',
      help: 'Stream records that were made to match what the nodes say, by kind.',
      labelNames: ['kind'] as const,
      registers,
    }),
    malformed: new Counter({
      name: 'sluice_directory_malformed_messages_total',
      help: 'Messages on the facts subjects, or answers of nodes, that made no sense.',
      registers,
    }),
  };
  // Each is there before it first counts: 0 to 1 is a rise, too.
  for (const reason of REJECTIONS) metrics.rejections.inc({ reason }, 0);
  for (const kind of REPAIRS) metrics.repairs.inc({ kind }, 0);
  for (const outcome of ['answered', 'refused', 'late']) metrics.stateReads.inc({ outcome }, 0);
  return metrics;
}

function createGauges(registers: Registry[], observed: Observed): void {
  const nodes = new Gauge({
    name: 'sluice_directory_nodes',
    help: 'Media nodes known, by state.',
    labelNames: ['state'] as const,
    registers,
    collect: () => {
      for (const state of NODE_STATES) nodes.set({ state }, 0);
      for (const { state } of observed.nodes()) nodes.inc({ state });
    },
  });
  const ingests = new Gauge({
    name: 'sluice_directory_ingests',
    help: 'Streams that are pulled from elsewhere, by state.',
    labelNames: ['status'] as const,
    registers,
    collect: () => {
      for (const status of INGEST_STATUSES) ingests.set({ status }, 0);
      for (const { status } of observed.ingests()) ingests.inc({ status });
    },
  });
  const counted = (name: string, help: string, count: () => number) => {
    const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(count()) });
  };
  counted('sluice_directory_sessions', 'Sessions known.', () => observed.sessions());
  counted('sluice_directory_streams', 'Streams known.', () => observed.streams());
  counted('sluice_directory_relays', 'Relays known.', () => observed.relays());
  counted('sluice_directory_nats_connected', '1 while NATS is connected.', () =>
    observed.natsConnected() ? 1 : 0,
  );
}
