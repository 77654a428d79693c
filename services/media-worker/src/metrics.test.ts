import { expect, test } from 'vitest';
import type { PeerTraffic } from './domain/pipes/pipe-meter.js';
import { Metrics } from './metrics.js';

const PEER: PeerTraffic = {
  receivedBytes: 100,
  sentBytes: 200,
  receivedPackets: 10,
  lostPackets: 3,
  repairedPackets: 2,
  roundTripMs: 25,
};

const READINGS = {
  sessions: () => ({ attached: 2, detached: 1 }),
  publications: () => 3,
  subscriptions: () => 4,
  tracks: () => ({ received: 5, sent: 6 }),
  relays: () => 7,
  pipes: () => 8,
  load: () => 0.5,
  loadParts: () => ({ cpu: 0.5, egress: 0.25, ingress: 0, consumers: 0 }),
  pipeTraffic: () => new Map([['node-b', PEER]]),
  bitrates: () => ({ ingressBps: 800, egressBps: 1_600 }),
  workers: () => 1,
  ingests: () => ({ running: 1 }),
  ingestBps: () => 800,
  draining: () => false,
  drainRemainingMs: () => 0,
  busConnected: () => true,
};

test('gauges read what there is at the moment they are asked', async () => {
  const metrics = new Metrics();
  metrics.read(READINGS);
  const text = await metrics.registry.metrics();
  expect(text).toContain('sluice_media_sessions{state="attached"} 2');
  expect(text).toContain('sluice_media_traffic_bytes_per_second{direction="out"} 200');
  expect(text).toContain('sluice_media_load_ratio 0.5');
  expect(text).toContain('sluice_media_ingests{status="running"} 1');
  expect(text).toContain('sluice_media_ingest_bytes_per_second 100');
});

test('errors are counted by method and code', async () => {
  const metrics = new Metrics();
  metrics.countError('NOT_FOUND', '/sluice.v1.MediaNode/Subscribe');
  expect(await metrics.registry.metrics()).toContain(
    'sluice_media_errors_total{method="Subscribe",code="NOT_FOUND"} 1',
  );
});

test('what another node sent and lost is shown by node', async () => {
  const metrics = new Metrics();
  metrics.read(READINGS);
  // Twice: a scrape counts nothing again.
  await metrics.registry.metrics();
  const text = await metrics.registry.metrics();
  expect(text).toContain('sluice_media_pipe_bytes_total{peer="node-b",direction="out"} 200');
  expect(text).toContain('sluice_media_pipe_packets_total{peer="node-b",fate="lost"} 3');
  expect(text).toContain('sluice_media_pipe_round_trip_seconds{peer="node-b"} 0.025');
});

test('reasons that somebody else makes up are one label value', async () => {
  const metrics = new Metrics();
  metrics.countSessionEnd('not resumed in time');
  metrics.countSessionEnd('because I say so');
  metrics.countSessionEnd('connection over');
  metrics.countSessionEnd('removed by the host');
  metrics.joins.onConnectionClosed('publishing', 'dtls failed');
  const text = await metrics.registry.metrics();
  expect(text).toContain('sluice_media_ended_sessions_total{reason="not_resumed"} 1');
  expect(text).toContain('sluice_media_ended_sessions_total{reason="other"} 1');
  expect(text).toContain('sluice_media_ended_sessions_total{reason="connection_over"} 1');
  expect(text).toContain('sluice_media_ended_sessions_total{reason="by_host"} 1');
  expect(text).toContain(
    'sluice_media_closed_connections_total{direction="publishing",reason="dtls_failed"} 1',
  );
});
