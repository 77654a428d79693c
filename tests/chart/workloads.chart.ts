import { describe, expect, test } from 'vitest';
import {
  EXAMPLES,
  componentOf,
  containerOf,
  deploymentOf,
  deploymentsOf,
  ofKind,
  renderExample,
  variableOf,
  type KubernetesObject,
  type PodSpec,
} from './rendered-chart.js';

interface Budget extends KubernetesObject {
  readonly spec: {
    readonly maxUnavailable: number;
    readonly unhealthyPodEvictionPolicy: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
}

interface NetworkPolicy extends KubernetesObject {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly policyTypes: readonly string[];
  };
}

interface TestPod extends KubernetesObject {
  readonly spec: PodSpec;
}

const selects = (labels: Readonly<Record<string, string>>, of: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([key, value]) => of[key] === value);

describe.each(EXAMPLES)('workloads with the values of %s', (example) => {
  const objects = renderExample(example);
  const deployments = deploymentsOf(objects);
  const media = deployments.filter((object) => componentOf(object) === 'media-worker');

  test('a media node has 20 seconds after its drain before it is killed', () => {
    for (const deployment of media) {
      const drainSeconds = Number(variableOf(deployment, 'SLUICE_DRAIN_MS')) / 1_000;
      const grace = deployment.spec.template.spec.terminationGracePeriodSeconds ?? 0;
      expect(grace).toBeGreaterThanOrEqual(drainSeconds + 20);
    }
    expect(media.length).toBeGreaterThan(0);
  });

  test('the others serve on for a while when they stop, and have time after it', () => {
    for (const component of ['gateway', 'stream-directory']) {
      const deployment = deploymentOf(objects, component);
      const [program, seconds] = containerOf(deployment).lifecycle?.preStop.exec.command ?? [];
      expect(program).toBe('sleep');
      const grace = deployment.spec.template.spec.terminationGracePeriodSeconds ?? 0;
      expect(grace).toBeGreaterThanOrEqual(Number(seconds) + 15);
    }
  });

  test('liveness asks something else than readiness, and with more patience', () => {
    for (const deployment of deployments) {
      const { startupProbe, readinessProbe, livenessProbe } = containerOf(deployment);
      expect(livenessProbe.httpGet.path).toBe('/livez');
      expect(readinessProbe.httpGet.path).toBe('/readyz');
      expect(startupProbe.httpGet.path).toBe('/readyz');
      const patience = (probe: typeof livenessProbe) =>
        probe.periodSeconds * (probe.failureThreshold ?? 3);
      expect(patience(livenessProbe)).toBeGreaterThan(patience(readinessProbe));
    }
  });

  test('every pod runs as nobody in particular, without rights, on a read-only file system', () => {
    const pods = [
      ...deployments.map((deployment) => deployment.spec.template.spec),
      ...ofKind<TestPod>(objects, 'Pod').map(({ spec }) => spec),
    ];
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('one budget covers each component and lets broken pods go', () => {
    const budgets = ofKind<Budget>(objects, 'PodDisruptionBudget');
    for (const deployment of deployments) {
      const labels = deployment.spec.template.metadata.labels;
      const covering = budgets.filter(({ spec }) => selects(spec.selector.matchLabels, labels));
      expect(covering.map(({ spec }) => spec.unhealthyPodEvictionPolicy)).toEqual(['AlwaysAllow']);
      expect(covering.map(({ spec }) => spec.maxUnavailable)).toEqual([1]);
    }
  });

  test('a Deployment selects its own pods and no other’s', () => {
    for (const deployment of deployments) {
      const { matchLabels } = deployment.spec.selector;
      const selected = deployments.filter((other) =>
        selects(matchLabels, other.spec.template.metadata.labels),
      );
      expect(selected).toEqual([deployment]);
    }
  });

  test('no service has a token of the cluster’s API that it does not need', () => {
    const patches = ofKind(objects, 'Role').length > 0;
    for (const deployment of deployments) {
      const needs = patches && componentOf(deployment) === 'media-worker';
      expect(deployment.spec.template.spec.automountServiceAccountToken).toBe(needs);
    }
  });
});

describe('NetworkPolicies', () => {
  const policed = (example: 'default' | 'host-network' | 'smallest') => {
    const objects = renderExample(example);
    const policies = ofKind<NetworkPolicy>(objects, 'NetworkPolicy');
    return deploymentsOf(objects)
      .filter(({ spec }) =>
        policies.some(
          (policy) =>
            policy.spec.policyTypes.length === 2 &&
            selects(policy.spec.podSelector.matchLabels, spec.template.metadata.labels),
        ),
      )
      .map(componentOf);
  };

  test('bind every component, in and out', () => {
    expect(policed('default').toSorted()).toEqual(['gateway', 'media-worker', 'stream-directory']);
  });

  test('do not pretend to bind the hosts’ network', () => {
    expect(policed('host-network').toSorted()).toEqual(['gateway', 'stream-directory']);
  });

  test('can be left out', () => {
    expect(policed('smallest')).toEqual([]);
  });
});
