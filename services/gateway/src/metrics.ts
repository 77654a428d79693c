import { ERRORS } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import { certificateGauge, type TimedCall } from '@sluice/service-kit';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { ANONYMOUS_DIALECTS, type Dialect } from './domain/access/access.js';
import { REFUSAL_REASONS } from './ws/websocket-entrance.js';

export interface Counts {
  readonly connections: () => number;
  readonly rooms: () => number;
  readonly natsConnected: () => boolean;
}

/** Every metric of the gateway. Labels are from closed sets. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const refusedUpgrades = new Counter({
    name: 'sluice_gateway_refused_upgrades_total',
    help: 'WebSockets that were not let in, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const troubles = new Counter({
    name: 'sluice_gateway_troubles_total',
    help: 'Failures that no client is to blame for, by error code.',
    labelNames: ['code'],
    registers,
  });
  // Each is there before it first counts: 0 to 1 is a rise, too.
  for (const reason of REFUSAL_REASONS) refusedUpgrades.inc({ reason }, 0);
  for (const code of Object.keys(ERRORS)) troubles.inc({ code }, 0);
  return {
    registry,
    certificates: certificateGauge(registry),
    refusedUpgrades,
    troubles,
    /** Starts to report what is counted elsewhere. */
    observe(counts: Counts): void {
      gauge(
        registry,
        'sluice_gateway_connections',
        'WebSockets that are open.',
        counts.connections,
      );
      gauge(registry, 'sluice_gateway_rooms', 'Rooms that connections here are in.', counts.rooms);
      gauge(registry, 'sluice_gateway_nats_connected', '1 while NATS is connected.', () =>
        counts.natsConnected() ? 1 : 0,
      );
    },
    requests: new Counter({
      name: 'sluice_gateway_requests_total',
      help: 'Requests of clients, by type and outcome (OK or an error code).',
      labelNames: ['type', 'outcome'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'sluice_gateway_request_seconds',
      help: 'From a request’s turn to its reply, by type.',
      labelNames: ['type'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    ...callMetrics(registers),
    ...entryMetrics(registers),
    closed: new Counter({
      name: 'sluice_gateway_closed_connections_total',
      help: 'WebSockets that ended, by close code.',
      labelNames: ['code'],
      registers,
    }),
  };
}

/** Of whoever is let in, or not, by the other dialects than rooms. */
function entryMetrics(registers: Registry[]) {
  const entries = new Counter({
    name: 'sluice_gateway_entries_total',
    help: 'Times that somebody asked to be let in, by dialect (rooms counts as requests of type auth).',
    labelNames: ['dialect', 'outcome'] as const,
    registers,
  });
  for (const dialect of ANONYMOUS_DIALECTS) entries.inc({ dialect, outcome: 'OK' }, 0);
  return {
    countEntry: (dialect: Dialect, outcome: string) => entries.inc({ dialect, outcome }),
  };
}

/** Of what requests wait for. */
function callMetrics(registers: Registry[]) {
  return {
    callSeconds: new Histogram({
      name: 'sluice_gateway_call_seconds',
      help: 'Calls that requests wait for, by what is called (tokens, directory, node) and method.',
      labelNames: ['target', 'method'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    callErrors: new Counter({
      name: 'sluice_gateway_call_errors_total',
      help: 'Those of these calls that failed, by error code.',
      labelNames: ['target', 'method', 'code'] as const,
      registers,
    }),
  };
}

/** A client may close with any of thousands of codes: those that say something have a label each. */
const CLOSE_CODE_LABELS: ReadonlySet<number> = new Set([
  1000,
  1001,
  1002,
  1005,
  1006,
  1007,
  ...Object.values(CLOSE_CODES),
]);

export function closeCodeLabel(code: number): string {
  return CLOSE_CODE_LABELS.has(code) ? String(code) : 'other';
}

export type Metrics = ReturnType<typeof createMetrics>;

/** What a gateway calls to serve a request. */
export type CallTarget = 'tokens' | 'directory' | 'node';

export function measureCalls({ callSeconds, callErrors }: Metrics, target: CallTarget): TimedCall {
  return (method, outcome, seconds) => {
    callSeconds.observe({ target, method }, seconds);
    if (outcome !== 'OK') callErrors.inc({ target, method, code: outcome });
  };
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
