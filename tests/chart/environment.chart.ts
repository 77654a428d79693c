import { afterAll, describe, expect, test } from 'vitest';
import { kubeletEnvironment } from './kubelet-environment.js';
import { composeServices } from './compose-file.js';
import {
  EXAMPLES,
  componentOf,
  containerOf,
  deploymentsOf,
  renderExample,
} from './rendered-chart.js';
import {
  MountedFiles,
  SERVICES,
  serviceConfiguration,
  type ServiceName,
} from './service-configurations.js';

/** Variables of a container that no service reads: they only stand in others. */
const EXPANDED = new Set(['POD_NAME', 'POD_IP', 'HOST_IP', 'NODE_NAME']);
/** OpenTelemetry reads these itself. */
const isTracing = (name: string) => name.startsWith('OTEL_');

/** Variables that the chart has no value for, and why. `extraEnv` sets any. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  SLUICE_KUBERNETES_ACCOUNT_FOLDER: 'Kubernetes mounts accounts at its default',
  SLUICE_INGESTS: 'URLs of cameras hold passwords: SLUICE_INGESTS_FILE, from a Secret',
};

const files = new MountedFiles();
afterAll(() => files.remove());

function isService(name: string): name is ServiceName {
  return (SERVICES as readonly string[]).includes(name);
}

describe.each(EXAMPLES)('the chart with the values of %s', (example) => {
  const deployments = deploymentsOf(renderExample(example));

  test('sets only variables that the services read', async () => {
    for (const deployment of deployments) {
      const { variables } = await serviceConfiguration(componentOf(deployment) as ServiceName);
      const names = containerOf(deployment).env.map(({ name }) => name);
      const unknown = names.filter(
        (name) => !variables.has(name) && !EXPANDED.has(name) && !isTracing(name),
      );
      expect({ of: deployment.metadata.name, unknown }).toEqual({
        of: deployment.metadata.name,
        unknown: [],
      });
    }
  });

  test('sets no variable twice', () => {
    for (const deployment of deployments) {
      const names = containerOf(deployment).env.map(({ name }) => name);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  test('gives every service an environment that it starts with', async () => {
    const podIp = example === 'smallest' ? 'fd00::7' : '10.1.2.3';
    for (const deployment of deployments) {
      const configuration = await serviceConfiguration(componentOf(deployment) as ServiceName);
      const environment = kubeletEnvironment(containerOf(deployment), podIp);
      expect(() => configuration.load(files.found(environment))).not.toThrow();
    }
  });

  test('expands every reference to another variable', () => {
    for (const deployment of deployments) {
      const environment = kubeletEnvironment(containerOf(deployment), '10.1.2.3');
      expect(Object.values(environment).filter((value) => value.includes('$('))).toEqual([]);
    }
  });
});

test.each(SERVICES)(
  'every variable of %s is set by some value, or left out on purpose',
  async (service) => {
    const { variables } = await serviceConfiguration(service);
    const set = new Set(
      EXAMPLES.flatMap((example) => deploymentsOf(renderExample(example)))
        .filter((deployment) => componentOf(deployment) === service)
        .flatMap((deployment) => containerOf(deployment).env.map(({ name }) => name)),
    );
    const missing = [...variables].filter((name) => !set.has(name) && !(name in LEFT_OUT));
    // A new variable needs a value in helm/sluice, used in helm/sluice/ci, or a reason in LEFT_OUT.
    expect(missing).toEqual([]);
  },
);

test('a key of the collector is in no description of a pod', () => {
  for (const deployment of deploymentsOf(renderExample('host-network'))) {
    const { env } = containerOf(deployment);
    const headers = env.find(({ name }) => name === 'OTEL_EXPORTER_OTLP_HEADERS');
    expect(headers).toMatchObject({ valueFrom: { secretKeyRef: { name: 'collector' } } });
    expect(headers?.value).toBeUndefined();
  }
});

describe('compose.yaml', () => {
  const services = composeServices();
  const ours = services.flatMap(({ image, environment }) => {
    const service = image.replace(/^sluice\//, '').replace(/:.*/, '');
    return isService(service) ? [{ service, environment }] : [];
  });

  test('has every service', () => {
    expect(new Set(ours.map(({ service }) => service))).toEqual(new Set(SERVICES));
  });

  test('sets only variables that the services read', async () => {
    for (const { service, environment } of ours) {
      const { variables } = await serviceConfiguration(service);
      const names = Object.keys(environment).filter((name) => !isTracing(name));
      expect(names.filter((name) => !variables.has(name))).toEqual([]);
    }
  });

  test('gives every service an environment that it starts with', async () => {
    for (const { service, environment } of ours) {
      const configuration = await serviceConfiguration(service);
      expect(() => configuration.load(environment)).not.toThrow();
    }
  });
});
