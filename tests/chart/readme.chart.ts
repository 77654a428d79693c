import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from './rendered-chart.js';

const CHART = join(REPOSITORY_ROOT, 'helm', 'sluice');
const COMPONENTS = /^(gateway|streamDirectory|media)\./;
/** Values that the README calls by one row, since they are Kubernetes' or another chart's own. */
const WHOLE =
  /^(nats\.(config|podDisruptionBudget)|.*\.resources|networkPolicies\.monitoringNamespaceSelector|monitoring\.dashboards\.labels)$/;

/** Every value with its default as JSON, by path. */
function leaves(value: unknown, path = ''): [string, string][] {
  const inner = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!inner || Object.keys(value).length === 0 || WHOLE.test(path) || path === 'media.groups') {
    return [[path, WHOLE.test(path) ? 'see values.yaml' : JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([key, part]) =>
    leaves(part, path === '' ? key : `${path}.${key}`),
  );
}

test('the README lists every value with its default and a meaning', () => {
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as unknown;
  const rows = readFileSync(join(CHART, 'README.md'), 'utf8').matchAll(
    /^\| `([^`]+)`\s*\| `([^`]*)`\s*\| \S/gm,
  );
  const listed = new Map([...rows].map(([, path = '', fallback = '']) => [path, fallback]));
  const wrong = leaves(values).filter(
    ([path, fallback]) =>
      (listed.get(path) ?? listed.get(path.replace(COMPONENTS, '<component>.'))) !== fallback,
  );
  expect(wrong).toEqual([]);
  expect(listed.size).toBeGreaterThan(80);
});
