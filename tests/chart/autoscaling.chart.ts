import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { unknownMetrics } from '../observability/queries.js';
import {
  REPOSITORY_ROOT,
  componentOf,
  deploymentOf,
  deploymentsOf,
  ofKind,
  renderExample,
  type KubernetesObject,
} from './rendered-chart.js';

interface Autoscaler extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly { readonly type: string; readonly pods?: object }[];
    readonly behavior: { readonly scaleUp: object; readonly scaleDown: object };
  };
}

interface ScaledObject extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly triggers: readonly { readonly metadata: Readonly<Record<string, string>> }[];
  };
}

interface Simulation {
  readonly chartSpec: (loadTarget: number) => Autoscaler['spec'];
}

async function simulation(): Promise<Simulation> {
  const path = join(REPOSITORY_ROOT, 'bench', 'autoscaling', 'load-ramp.ts');
  return (await import(pathToFileURL(path).href)) as Simulation;
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
            target: { type: 'AverageValue', averageValue: '550m' },
          },
        },
        {
          type: 'Pods',
          pods: {
            metric: { name: 'sluice_media_sessions' },
            // Of the 5,000 that a node takes.
            target: { type: 'AverageValue', averageValue: '2750' },
          },
        },
      ]);
    }
    expect(unknownMetrics('sluice_media_load_ratio sluice_media_sessions')).toEqual([]);
  });

  test('behaves as in the simulation that its defaults come from', async () => {
    const { chartSpec } = await simulation();
    const { scaleUp, scaleDown } = chartSpec(0).behavior;
    const [scaler] = ofKind<Autoscaler>(
      renderExample('host-network'),
      'HorizontalPodAutoscaler',
    ).filter(({ metadata }) => metadata.name.includes('-media-'));
    // Kubernetes' own default is no window for a rise.
    expect({ stabilizationWindowSeconds: 0, ...scaler?.spec.behavior.scaleUp }).toEqual(scaleUp);
    expect(scaler?.spec.behavior.scaleDown).toEqual(scaleDown);
  });

  test('by KEDA: a query over the group’s pods, of metrics that the node has', () => {
    const objects = renderExample('node-port');
    const [scaled] = ofKind<ScaledObject>(objects, 'ScaledObject');
    const [load, sessions] = scaled?.spec.triggers ?? [];
    const query = load?.metadata['query'] ?? '';
    expect(sessions?.metadata).toMatchObject({
      query: query.replaceAll('sluice_media_load_ratio', 'sluice_media_sessions'),
      threshold: '2750',
    });
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

test('the rules of prometheus-adapter serve what the autoscaler asks for', () => {
  const file = join(REPOSITORY_ROOT, 'helm', 'sluice', 'extras', 'prometheus-adapter-rules.yaml');
  const { rules: adapter } = parse(readFileSync(file, 'utf8')) as {
    rules: { custom: { seriesQuery: string; metricsQuery: string }[] };
  };
  for (const { seriesQuery, metricsQuery } of adapter.custom) {
    expect(unknownMetrics(metricsQuery)).toEqual([]);
    expect(metricsQuery).toContain(seriesQuery.split('{')[0]);
  }
  expect(adapter.custom.map(({ seriesQuery }) => seriesQuery.split('{')[0])).toEqual([
    'sluice_media_load_ratio',
    'sluice_media_sessions',
  ]);
});
