import { X509Certificate, createPrivateKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  containerOf,
  deploymentsOf,
  ofKind,
  renderExample,
  variableOf,
  type KubernetesObject,
} from './rendered-chart.js';

interface Secret extends KubernetesObject {
  readonly data: Readonly<Record<string, string>>;
}

const decoded = (secret: Secret | undefined, key: string) =>
  Buffer.from(secret?.data[key] ?? '', 'base64');

describe('secrets that the chart generates', () => {
  const objects = renderExample('default');
  const secrets = ofKind<Secret>(objects, 'Secret');
  const named = (name: string) => secrets.find(({ metadata }) => metadata.name === name);

  test('are long enough for the services, each its own, and survive an uninstall', () => {
    const secret = named('sluice-secrets');
    const [cluster, token] = ['cluster-secret', 'token-secret'].map((key) =>
      decoded(secret, key).toString(),
    );
    expect(cluster?.length).toBeGreaterThanOrEqual(32);
    expect(token?.length).toBeGreaterThanOrEqual(32);
    expect(cluster).not.toBe(token);
    expect(secret?.metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
  });

  test('hold a certificate for mutual TLS, under the name that services expect', () => {
    const secret = named('sluice-grpc-tls');
    const authority = new X509Certificate(decoded(secret, 'ca.crt'));
    const certificate = new X509Certificate(decoded(secret, 'tls.crt'));
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(decoded(secret, 'tls.key')))).toBe(true);
    for (const deployment of deploymentsOf(objects)) {
      const name = variableOf(deployment, 'SLUICE_GRPC_TLS_SERVER_NAME') ?? '';
      expect(certificate.checkHost(name)).toBe(name);
    }
  });

  test('are not made where the operator has others', () => {
    expect(ofKind(renderExample('node-port'), 'Secret')).toEqual([]);
  });
});

test.each(['default', 'host-network', 'node-port', 'smallest'] as const)(
  'with the values of %s no secret stands in a pod’s description',
  (example) => {
    for (const deployment of deploymentsOf(renderExample(example))) {
      const plain = containerOf(deployment).env.filter(
        ({ name, value }) => name.endsWith('_SECRET') && value !== undefined,
      );
      expect(plain).toEqual([]);
    }
  },
);
