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
      const unknown = names.filter((name) => !variables.has(name) && !EXPANDED.has(name));
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
      expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
    }
  });

  test('gives every service an environment that it starts with', async () => {
    for (const { service, environment } of ours) {
      const configuration = await serviceConfiguration(service);
      expect(() => configuration.load(environment)).not.toThrow();
    }
  });
});
