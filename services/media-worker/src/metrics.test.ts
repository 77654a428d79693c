import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Metrics } from './metrics.js';

const READINGS = {
  sessions: () => ({ attached: 2, detached: 1 }),
  publications: () => 3,
  subscriptions: () => 4,
  tracks: () => ({ received: 5, sent: 6 }),
  relays: () => 7,
  pipes: () => 8,
  load: () => 0.5,
  bitrates: () => ({ ingressBps: 800, egressBps: 1_600 }),
  workers: () => 1,
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
});

test('errors are counted by method and code', async () => {
  const metrics = new Metrics();
  metrics.countError('NOT_FOUND', '/sluice.v1.MediaNode/Subscribe');
  expect(await metrics.registry.metrics()).toContain(
    'sluice_media_errors_total{method="Subscribe",code="NOT_FOUND"} 1',
  );
});

test('the README lists every metric of this service', () => {
  const metrics = new Metrics();
  metrics.read(READINGS);
  const own = metrics.registry
    .getMetricsAsArray()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('sluice_'));
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const listed = [...readme.matchAll(/^\| `(sluice_\w+)`/gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual(own.toSorted());
});
