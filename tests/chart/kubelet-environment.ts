import type { Container, Variable } from './rendered-chart.js';

const SECRETS: Readonly<Record<string, string>> = {
  'cluster-secret': 'c'.repeat(48),
  'token-secret': 't'.repeat(48),
  headers: 'authorization=a-key',
  'ice-servers.json': '[{"urls":["turn:turn.example.org"],"username":"u","credential":"p"}]',
};

/** What the kubelet hands to a container: references looked up, $(NAME) of earlier variables expanded. */
export function kubeletEnvironment(container: Container, podIp: string): Record<string, string> {
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': 'sluice-media-default-5d4f8c7b9f-x2x7q',
    'status.podIP': podIp,
    'status.hostIP': '192.0.2.10',
    'spec.nodeName': 'host-1',
  };
  const environment: Record<string, string> = {};
  for (const variable of container.env) {
    environment[variable.name] = valueOf(variable, fields).replace(
      /\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g,
      (text, name: string) => environment[name] ?? text,
    );
  }
  return environment;
}

function valueOf({ name, value, valueFrom }: Variable, fields: Readonly<Record<string, string>>) {
  const found =
    value ??
    (valueFrom?.fieldRef && fields[valueFrom.fieldRef.fieldPath]) ??
    (valueFrom?.secretKeyRef && SECRETS[valueFrom.secretKeyRef.key]);
  if (found === undefined) throw new Error(`${name} has no value`);
  return found;
}
