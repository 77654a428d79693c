import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { REPOSITORY_ROOT, type KubernetesObject } from './rendered-chart.js';

/** The npm package with the schemas of an API, by its group; Kubernetes' own when absent. */
const PACKAGES: Readonly<Record<string, string>> = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'keda.sh': '@kubernetes-models/keda',
  'cert-manager.io': '@kubernetes-models/cert-manager',
};

interface Model {
  validate(): void;
}

function moduleOf(apiVersion: string): string {
  const [group = ''] = apiVersion.split('/');
  return `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}`;
}

/** What Kubernetes' schema says against an object's values; undefined when it is valid. */
export async function violation(object: KubernetesObject): Promise<string | undefined> {
  const module = (await import(moduleOf(object.apiVersion))) as Record<
    string,
    (new (data: KubernetesObject) => Model) | undefined
  >;
  const Kind = module[object.kind];
  if (!Kind) return `${object.apiVersion} has no ${object.kind}`;
  try {
    new Kind(object).validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/**
 * Fields that Kubernetes does not know. The schemas' validators let those pass, but the types of the
 * same schemas do not: every object is type-checked as a literal.
 */
export function unknownFields(objects: readonly KubernetesObject[]): string[] {
  // Inside the repository, so that the packages are found.
  const scratch = join(REPOSITORY_ROOT, '.run');
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, 'chart-literals-'));
  try {
    const file = join(folder, 'objects.ts');
    writeFileSync(file, objects.map(asLiteral).join('\n'));
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2024,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    });
    return ts
      .getPreEmitDiagnostics(program)
      .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function asLiteral(object: KubernetesObject, index: number): string {
  const { apiVersion, kind } = object;
  const type = `import('${moduleOf(apiVersion)}').I${kind}`;
  return `export const object${index}: ${type} = ${JSON.stringify(object, undefined, 1)};`;
}
