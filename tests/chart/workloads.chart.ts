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

interface PolicyRule {
  /** All where it names none. */
  readonly ports?: readonly {
    readonly protocol: string;
    readonly port: number | string;
    readonly endPort?: number;
  }[];
  readonly to?: readonly object[];
}

interface NetworkPolicy extends KubernetesObject {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly policyTypes: readonly string[];
    readonly egress: readonly PolicyRule[];
  };
}

interface Role extends KubernetesObject {
  readonly rules: readonly object[];
}

interface AdmissionPolicy extends KubernetesObject {
  readonly spec: {
    readonly matchConditions: readonly { readonly expression: string }[];
    readonly validations: readonly { readonly expression: string }[];
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

describe('the account of media nodes', () => {
  const objects = renderExample('default');
  const { serviceAccountName } = deploymentOf(objects, 'media-worker').spec.template.spec;

  test('may patch pods and nothing else', () => {
    expect(ofKind<Role>(objects, 'Role').map(({ rules }) => rules)).toEqual([
      [{ apiGroups: [''], resources: ['pods'], verbs: ['patch'] }],
    ]);
  });

  test('is held to its own pod by an admission policy that means this very account', () => {
    const [policy] = ofKind<AdmissionPolicy>(objects, 'ValidatingAdmissionPolicy');
    expect(policy?.spec.matchConditions.map(({ expression }) => expression)).toEqual([
      expect.stringContaining(`:${serviceAccountName ?? ''}'`),
    ]);
    expect(policy?.spec.validations[0]?.expression).toContain('== object.metadata.name');
  });

  test('has no right at all where nodes keep no deletion cost', () => {
    const without = renderExample('default', ['media.podDeletionCost.enabled=false']);
    for (const kind of ['Role', 'RoleBinding', 'ValidatingAdmissionPolicy']) {
      expect(ofKind(without, kind)).toEqual([]);
    }
    const { template } = deploymentOf(without, 'media-worker').spec;
    expect(template.spec.automountServiceAccountToken).toBe(false);
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

  const egressOf = (example: (typeof EXAMPLES)[number], component: string, settings?: string[]) =>
    ofKind<NetworkPolicy>(renderExample(example, settings), 'NetworkPolicy')
      .filter(({ spec }) => {
        const { matchLabels } = spec.podSelector;
        return matchLabels['app.kubernetes.io/component'] === component;
      })
      .flatMap(({ spec }) => spec.egress);
  const anywhere = (rules: readonly PolicyRule[]) =>
    rules.filter(({ to }) => to === undefined).flatMap(({ ports = [] }) => ports);

  test.each([
    ['default', 20_000, 20_001],
    ['node-port', 30_500, 30_501],
    // One group has four workers.
    ['host-network', 20_000, 20_003],
  ] as const)(
    'with the values of %s let directories ask silent nodes’ workers',
    (example, port, endPort) => {
      expect(anywhere(egressOf(example, 'stream-directory'))).toContainEqual({
        protocol: 'UDP',
        port,
        endPort,
      });
    },
  );

  test('let a media node ask for its address, of whom it is told to ask, and nobody else', () => {
    const stun = { protocol: 'UDP', port: 3_478 };
    expect(anywhere(egressOf('node-port', 'media-worker'))).toContainEqual(stun);
    expect(anywhere(egressOf('default', 'media-worker'))).not.toContainEqual(stun);
    const cloud = egressOf('default', 'media-worker', ['media.announcedAddress=cloud:gcp']);
    expect(cloud).toContainEqual({
      ports: [{ protocol: 'TCP', port: 80 }],
      to: [{ ipBlock: { cidr: '169.254.169.254/32' } }],
    });
  });

  test('let gateways and media nodes call other servers, where the operator names them', () => {
    const other = { ipBlock: { cidr: '192.0.2.0/24' } };
    const settings = ['networkPolicies.otherServers[0].ipBlock.cidr=192.0.2.0/24'];
    for (const component of ['gateway', 'media-worker']) {
      expect(egressOf('default', component, settings)).toContainEqual({ to: [other] });
      expect(egressOf('default', component).filter(({ ports }) => !ports)).toEqual([]);
    }
  });

  test('let everybody reach the collector of traces, where there is one', () => {
    const collector = { protocol: 'TCP', port: 4_318 };
    for (const component of ['gateway', 'stream-directory']) {
      expect(anywhere(egressOf('host-network', component))).toContainEqual(collector);
      expect(anywhere(egressOf('default', component))).not.toContainEqual(collector);
    }
  });
});
