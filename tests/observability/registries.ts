import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Registry } from 'prom-client';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';

/** One metric of a service, as docs/metrics.md lists it. */
export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Section of docs/metrics.md, by folder of services/. */
export const SECTIONS = {
  gateway: 'Gateway',
  'media-worker': 'Media node',
  'stream-directory': 'Stream directory',
} as const;
export type Service = keyof typeof SECTIONS;

const DOCUMENT = readFileSync(join(REPOSITORY_ROOT, 'docs', 'metrics.md'), 'utf8');

/** What a service registers, besides what prom-client does by itself. */
export async function registeredMetrics(service: Service): Promise<MetricRow[]> {
  const registry = await REGISTRIES[service]();
  return registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith('sluice_'))
    .map((metric) => {
      const { name, help, type } = metric as unknown as {
        name: string;
        help: string;
        type: string;
      };
      return { name, type, labels: labelsOf(registry, name), help };
    });
}

/** What docs/metrics.md says of a service. */
export function documentedMetrics(service: Service): MetricRow[] {
  return table(SECTIONS[service]).map(([name = '', type = '', labels = '', help = '']) => ({
    name,
    type,
    labels: labels === '' ? [] : labels.split(', '),
    help,
  }));
}

/** Labels that docs/metrics.md explains. */
export function documentedLabels(): string[] {
  return [...new Set(table('Labels').map(([label = '']) => label))].filter((label) => label !== '');
}

/** The cells of a section's table, without its head. */
function table(section: string): string[][] {
  const text = DOCUMENT.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

function labelsOf(registry: Registry, name: string): string[] {
  const metric = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
  return [...metric.labelNames];
}

/** Nothing is ever collected from these: they only register. */
const REGISTRIES: Record<Service, () => Promise<Registry>> = {
  gateway: async () => {
    const { createMetrics } = await metricsModule<{ createMetrics: () => GatewayMetrics }>(
      'gateway',
    );
    const metrics = createMetrics();
    metrics.observe({});
    return metrics.registry;
  },
  'media-worker': async () => {
    const { Metrics } = await metricsModule<{ Metrics: new () => NodeMetrics }>('media-worker');
    const metrics = new Metrics();
    metrics.read({});
    return metrics.registry;
  },
  'stream-directory': async () => {
    const { createMetrics } = await metricsModule<{
      createMetrics: (registry: Registry, observed: object) => unknown;
    }>('stream-directory');
    const registry = new Registry();
    createMetrics(registry, {});
    return registry;
  },
};

interface GatewayMetrics {
  readonly registry: Registry;
  observe(counts: object): void;
}

interface NodeMetrics {
  readonly registry: Registry;
  read(readings: object): void;
}

async function metricsModule<Module>(service: Service): Promise<Module> {
  const path = join(REPOSITORY_ROOT, 'services', service, 'src', 'metrics.ts');
  return (await import(pathToFileURL(path).href)) as Module;
}
