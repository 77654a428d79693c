import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { SECTIONS, documentedMetrics, type Service } from './registries.js';

export const DASHBOARD_FOLDER = join(REPOSITORY_ROOT, 'helm', 'sluice', 'files', 'grafana');
export const RULES_FOLDER = join(REPOSITORY_ROOT, 'helm', 'sluice', 'files', 'prometheus');

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** As much of a panel as Prometheus and a reader need. */
export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly unit: string;
  readonly queries: readonly Query[];
}

export interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly variables: readonly string[];
  readonly panels: readonly Panel[];
}

interface DashboardFile {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly description?: string;
    readonly type: string;
    readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

/** All that the chart and compose give to Grafana. */
export function dashboards(): Dashboard[] {
  return readdirSync(DASHBOARD_FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const text = readFileSync(join(DASHBOARD_FOLDER, file), 'utf8');
      const { uid, title, templating, panels } = JSON.parse(text) as DashboardFile;
      return {
        file,
        uid,
        title,
        variables: templating.list.map(({ name }) => name),
        panels: panels.filter(({ type }) => type !== 'row').map(toPanel),
      };
    });
}

/** `expr` as Grafana sends it, for everything in all namespaces. */
export function filledIn({ expr }: Query, rateInterval: string): string {
  return expr
    .replaceAll('$namespace', '.*')
    .replaceAll('$pod', '.*')
    .replaceAll('$__rate_interval', rateInterval);
}

/** Metrics of a query that no service has. */
export function unknownMetrics(query: string): string[] {
  // Recorded ones are named level:metric:operation.
  const own = query.replace(/\b[a-z_]+:sluice_\w+:\w+/g, '');
  return (own.match(/\bsluice_[a-z0-9_]+\b/g) ?? []).filter(
    (name) => !METRICS.has(name) && !METRICS.has(name.replace(/_(bucket|count|sum)$/, '')),
  );
}

/** Names of the metrics that the services register: a test compares docs/metrics.md with them. */
const METRICS = new Set(
  (Object.keys(SECTIONS) as Service[]).flatMap((service) =>
    documentedMetrics(service).map(({ name }) => name),
  ),
);

function toPanel(panel: DashboardFile['panels'][number]): Panel {
  const { title, description = '', type, fieldConfig, targets = [] } = panel;
  const queries = targets.map(({ expr, legendFormat }) => ({ expr, legend: legendFormat }));
  return { title, description, type, unit: fieldConfig?.defaults.unit ?? '', queries };
}
