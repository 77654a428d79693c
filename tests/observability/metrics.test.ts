import { describe, expect, test } from 'vitest';
import {
  SECTIONS,
  documentedLabels,
  documentedMetrics,
  registeredMetrics,
  type MetricRow,
  type Service,
} from './registries.js';

const SERVICES = Object.keys(SECTIONS) as Service[];

const byName = (metrics: readonly MetricRow[]) =>
  metrics.toSorted((one, two) => one.name.localeCompare(two.name));

describe.each(SERVICES)('metrics of %s', (service) => {
  test('are those of docs/metrics.md', async () => {
    const registered = await registeredMetrics(service);
    expect(registered.length).toBeGreaterThan(5);
    expect(byName(documentedMetrics(service))).toEqual(byName(registered));
  });

  test('say their unit and kind in their names', async () => {
    for (const { name, type } of await registeredMetrics(service)) {
      expect({ name, total: name.endsWith('_total') }).toEqual({ name, total: type === 'counter' });
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(name).not.toMatch(/_(ms|milliseconds|bits|bps|percent)(_|$)/);
    }
  });

  test('have labels of which docs/metrics.md says what values they take', async () => {
    const labels = new Set((await registeredMetrics(service)).flatMap((metric) => metric.labels));
    expect([...labels].filter((label) => !documentedLabels().includes(label))).toEqual([]);
  });
});

test('docs/metrics.md explains no label that nothing has', async () => {
  const registered = (await Promise.all(SERVICES.map(registeredMetrics))).flat();
  const labels = new Set(registered.flatMap((metric) => metric.labels));
  expect(documentedLabels().filter((label) => !labels.has(label))).toEqual([]);
});
