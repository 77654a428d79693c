import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const REPOSITORY_ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RENDER = join(REPOSITORY_ROOT, 'helm', 'render.mjs');

export interface Metadata {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
  };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold?: number;
}

export interface ContainerPort {
  readonly name: string;
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly protocol: 'UDP' | 'TCP';
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly Variable[];
  readonly ports: readonly ContainerPort[];
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[] };
  };
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: string[] } } };
  readonly resources: { readonly requests?: object; readonly limits?: object };
}

export interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly automountServiceAccountToken: boolean;
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: {
    readonly runAsNonRoot: boolean;
    readonly runAsUser: number;
    readonly seccompProfile: { readonly type: string };
  };
  readonly affinity?: {
    readonly nodeAffinity?: object;
    readonly podAntiAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution: object[];
    };
  };
  readonly topologySpreadConstraints?: readonly { readonly whenUnsatisfiable: string }[];
  readonly containers: readonly Container[];
}

export interface Deployment extends KubernetesObject {
  readonly kind: 'Deployment';
  readonly spec: {
    readonly replicas?: number;
    readonly strategy: { readonly rollingUpdate: object };
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: Metadata; readonly spec: PodSpec };
  };
}

/** A refusal of the chart: what Helm said. */
export class ChartError extends Error {
  override readonly name = 'ChartError';
}

/** Sets of values in helm/sluice/ci, each of which must install. */
export const EXAMPLES = ['default', 'host-network', 'node-port', 'smallest'] as const;
export type Example = (typeof EXAMPLES)[number];

const rendered = new Map<string, string>();

/**
 * What the chart makes of one of its sets of values.
 *
 * @throws {ChartError}
 */
export function renderExample(
  example: Example,
  settings: readonly string[] = [],
): KubernetesObject[] {
  const key = [example, ...settings].join(' ');
  const yaml = rendered.get(key) ?? runRender(example, settings);
  rendered.set(key, yaml);
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

function runRender(example: Example, settings: readonly string[]): string {
  const values = join(REPOSITORY_ROOT, 'helm', 'sluice', 'ci', `${example}.yaml`);
  const set = settings.flatMap((setting) => ['--set', setting]);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [RENDER, 'chart', '--namespace', 'media', '--values', values, ...set],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0) throw new ChartError(stderr);
  return stdout;
}

/** What k8s/ would be, compared with what it is: fails with the differences. */
export function checkPlainManifests(): void {
  execFileSync(process.execPath, [RENDER, 'k8s', '--check'], { stdio: 'pipe', encoding: 'utf8' });
}

export function deploymentsOf(objects: readonly KubernetesObject[]): Deployment[] {
  return objects.filter((object): object is Deployment => object.kind === 'Deployment');
}

/** Of gateway, stream-directory or media-worker. */
export function deploymentOf(objects: readonly KubernetesObject[], component: string): Deployment {
  const found = deploymentsOf(objects).find((object) => componentOf(object) === component);
  if (!found) throw new Error(`there is no Deployment of a ${component}`);
  return found;
}

export function componentOf(object: KubernetesObject): string {
  return object.metadata.labels['app.kubernetes.io/component'] ?? '';
}

export function containerOf(deployment: Deployment): Container {
  const [container, ...others] = deployment.spec.template.spec.containers;
  if (!container || others.length > 0) throw new Error('one container was expected');
  return container;
}

/** The value that the chart itself wrote, before anything is expanded. */
export function variableOf(deployment: Deployment, name: string): string | undefined {
  return containerOf(deployment).env.find((variable) => variable.name === name)?.value;
}

export function ofKind<T extends KubernetesObject>(
  objects: readonly KubernetesObject[],
  kind: string,
): T[] {
  return objects.filter((object): object is T => object.kind === kind);
}
