import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { documentedMetrics } from '../observability/registries.js';
import {
  REPOSITORY_ROOT,
  componentOf,
  deploymentOf,
  deploymentsOf,
  ofKind,
  renderExample,
  type KubernetesObject,
} from './rendered-chart.js';
import { SERVICES } from './service-configurations.js';

interface Autoscaler extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly { readonly type: string; readonly pods?: object }[];
    readonly behavior: { readonly scaleDown: { readonly stabilizationWindowSeconds: number } };
  };
}

interface ScaledObject extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly triggers: readonly { readonly metadata: Readonly<Record<string, string>> }[];
  };
}

interface Rules extends KubernetesObject {
  readonly spec: {
    readonly groups: readonly {
      readonly rules: readonly { readonly alert: string; readonly expr: string }[];
    }[];
  };
}

/** Names of the metrics that the services register: a test compares docs/metrics.md with them. */
const METRICS = new Set(
  SERVICES.flatMap((service) => documentedMetrics(service).map(({ name }) => name)),
);

/** Metrics of a query that no service has. */
function unknownMetrics(query: string): string[] {
  return (query.match(/\bsluice_[a-z0-9_]+\b/g) ?? []).filter(
    (name) => !METRICS.has(name) && !METRICS.has(name.replace(/_(bucket|count|sum)$/, '')),
  );
}

describe('autoscaling of media nodes', () => {
  test('by load: one autoscaler for each group, on a metric that the node has', () => {
    const objects = renderExample('host-network');
    const names = deploymentsOf(objects)
      .filter((object) => componentOf(object) === 'media-worker')
      .map(({ metadata }) => metadata.name);
    const scalers = ofKind<Autoscaler>(objects, 'HorizontalPodAutoscaler').filter((object) =>
      names.includes(object.metadata.name),
    );
    expect(scalers.map(({ spec }) => [spec.scaleTargetRef.name, spec.maxReplicas])).toEqual([
      ['sluice-media-zone-a', 20],
      ['sluice-media-zone-b', 10],
    ]);
    for (const { spec } of scalers) {
      expect(spec.metrics).toEqual([
        {
          type: 'Pods',
          pods: {
            metric: { name: 'sluice_media_load_ratio' },
            target: { type: 'AverageValue', averageValue: '600m' },
          },
        },
      ]);
      expect(spec.behavior.scaleDown.stabilizationWindowSeconds).toBeGreaterThanOrEqual(600);
    }
    expect(unknownMetrics('sluice_media_load_ratio')).toEqual([]);
  });

  test('by KEDA: a query over the group’s pods, of metrics that the node has', () => {
    const objects = renderExample('node-port');
    const [scaled] = ofKind<ScaledObject>(objects, 'ScaledObject');
    const query = scaled?.spec.triggers[0]?.metadata['query'] ?? '';
    expect(scaled?.spec.scaleTargetRef.name).toBe(
      deploymentOf(objects, 'media-worker').metadata.name,
    );
    expect(query).toContain('namespace="media"');
    expect(unknownMetrics(query)).toEqual([]);
    const pods = /pod=~"([^"]+)"/.exec(query)?.[1] ?? '';
    expect('sluice-media-default-5d4f8c7b9f-x2x7q').toMatch(new RegExp(`^${pods}$`));
    expect('sluice-media-default-b-5d4f8c7b9f-x2x7q').not.toMatch(new RegExp(`^${pods}$`));
  });

  test('leaves the number of replicas to the autoscaler, in every mode', () => {
    for (const example of ['host-network', 'node-port', 'smallest'] as const) {
      const media = deploymentOf(renderExample(example), 'media-worker');
      expect({ example, replicas: media.spec.replicas }).toEqual({ example, replicas: undefined });
    }
    expect(deploymentOf(renderExample('default'), 'media-worker').spec.replicas).toBe(2);
  });
});

describe('rules', () => {
  const [object] = ofKind<Rules>(renderExample('host-network'), 'PrometheusRule');
  const rules = object?.spec.groups.flatMap((group) => group.rules) ?? [];

  test('ask only for metrics that the services have', () => {
    const unknown = rules.flatMap(({ alert, expr }) =>
      unknownMetrics(expr).map((name) => `${alert}: ${name}`),
    );
    expect(unknown).toEqual([]);
    expect(rules.length).toBeGreaterThan(5);
  });

  test('look at one installation only', () => {
    for (const { alert, expr } of rules) {
      const selectors = expr.match(/sluice_[a-z0-9_]+(\{[^}]*\})?/g) ?? [];
      const anywhere = selectors.filter((selector) => !selector.includes('namespace="media"'));
      expect({ alert, anywhere }).toEqual({ alert, anywhere: [] });
    }
  });

  test('of prometheus-adapter serve what the autoscaler asks for', () => {
    const file = join(REPOSITORY_ROOT, 'helm', 'sluice', 'extras', 'prometheus-adapter-rules.yaml');
    const { rules: adapter } = parse(readFileSync(file, 'utf8')) as {
      rules: { custom: { seriesQuery: string; metricsQuery: string }[] };
    };
    for (const { seriesQuery, metricsQuery } of adapter.custom) {
      expect(seriesQuery).toMatch(/^sluice_media_load_ratio\{/);
      expect(unknownMetrics(metricsQuery)).toEqual([]);
    }
    expect(adapter.custom).toHaveLength(1);
  });
});
