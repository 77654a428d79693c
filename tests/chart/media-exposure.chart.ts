import { describe, expect, test } from 'vitest';
import {
  componentOf,
  containerOf,
  deploymentOf,
  deploymentsOf,
  ofKind,
  renderExample,
  variableOf,
  type Deployment,
  type KubernetesObject,
} from './rendered-chart.js';

interface NodePorts extends KubernetesObject {
  readonly spec: {
    readonly type: string;
    readonly externalTrafficPolicy: string;
    readonly publishNotReadyAddresses: boolean;
    readonly ports: readonly {
      readonly port: number;
      readonly targetPort: number;
      readonly nodePort: number;
      readonly protocol: string;
    }[];
  };
}

/** Where the workers of a media node listen. */
function listening(deployment: Deployment): number[] {
  const first = Number(variableOf(deployment, 'SLUICE_MEDIA_PORT'));
  const workers = Number(variableOf(deployment, 'SLUICE_WORKERS'));
  return Array.from({ length: workers }, (_, worker) => first + worker);
}

const declared = (deployment: Deployment, protocol: 'UDP' | 'TCP') =>
  containerOf(deployment).ports.filter(
    (port) => port.protocol === protocol && /^(udp|tcp)-/.test(port.name),
  );

test.each(['default', 'host-network', 'node-port'] as const)(
  'with the values of %s every worker’s port is declared, UDP and TCP',
  (example) => {
    const media = deploymentsOf(renderExample(example)).filter(
      (object) => componentOf(object) === 'media-worker',
    );
    for (const deployment of media) {
      for (const protocol of ['UDP', 'TCP'] as const) {
        const ports = declared(deployment, protocol).map(({ containerPort }) => containerPort);
        expect(ports).toEqual(listening(deployment));
      }
    }
  },
);

describe('ports of hosts', () => {
  const media = deploymentOf(renderExample('default'), 'media-worker');

  test('are those that the workers listen on, since nothing else is announced', () => {
    for (const protocol of ['UDP', 'TCP'] as const) {
      const ports = declared(media, protocol);
      expect(ports.map(({ hostPort }) => hostPort)).toEqual(listening(media));
    }
  });

  test('leave the pods in their own network', () => {
    expect(media.spec.template.spec.hostNetwork).toBeUndefined();
  });

  test('are free for the next pod before it comes', () => {
    expect(media.spec.strategy.rollingUpdate).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  });
});

describe('the network of hosts', () => {
  const objects = renderExample('host-network');
  const media = deploymentsOf(objects).filter((object) => componentOf(object) === 'media-worker');

  test('comes with the cluster’s names', () => {
    for (const { spec } of media) {
      expect(spec.template.spec).toMatchObject({
        hostNetwork: true,
        dnsPolicy: 'ClusterFirstWithHostNet',
      });
    }
  });

  test('gets gRPC and metrics on the host’s internal address only', () => {
    for (const deployment of media) {
      expect(variableOf(deployment, 'SLUICE_GRPC_LISTEN')).toBe('$(POD_IP):7000');
      expect(variableOf(deployment, 'SLUICE_ADMIN_LISTEN')).toBe('$(POD_IP):9090');
    }
  });

  test('has a Deployment for each group, with its zone, its workers and its own scaling', () => {
    const facts = media.map((deployment) => [
      deployment.metadata.labels['sluice/group'],
      variableOf(deployment, 'SLUICE_REGION'),
      variableOf(deployment, 'SLUICE_ZONE'),
      variableOf(deployment, 'SLUICE_WORKERS'),
    ]);
    expect(facts).toEqual([
      ['zone-a', 'europe', 'a', '2'],
      ['zone-b', 'europe', 'b', '4'],
    ]);
    expect(media.map(({ spec }) => spec.replicas)).toEqual([undefined, undefined]);
  });
});

describe('node ports', () => {
  const objects = renderExample('node-port');
  const media = deploymentOf(objects, 'media-worker');
  const [service, ...others] = ofKind<NodePorts>(objects, 'Service').filter(
    ({ spec }) => spec.type === 'NodePort',
  );

  test('are the same inside and outside, and lead to the pod of that host', () => {
    expect(others).toEqual([]);
    expect(service?.spec).toMatchObject({
      externalTrafficPolicy: 'Local',
      publishNotReadyAddresses: true,
    });
    for (const protocol of ['UDP', 'TCP']) {
      const ports = service?.spec.ports.filter((port) => port.protocol === protocol) ?? [];
      expect(ports.map(({ nodePort }) => nodePort)).toEqual(listening(media));
      for (const { port, targetPort, nodePort } of ports) {
        expect([port, targetPort]).toEqual([nodePort, nodePort]);
      }
    }
  });

  test('allow one pod on a host, besides what the operator wants', () => {
    const { affinity } = media.spec.template.spec;
    expect(affinity?.nodeAffinity).toBeDefined();
    expect(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toMatchObject(
      [
        {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'media-worker' } },
        },
      ],
    );
  });
});
