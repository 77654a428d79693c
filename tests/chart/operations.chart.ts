import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { unknownMetrics } from '../observability/queries.js';
import { REPOSITORY_ROOT } from './rendered-chart.js';
import { SERVICES, serviceConfiguration } from './service-configurations.js';

const DOCS = join(REPOSITORY_ROOT, 'docs');
const GUIDE = readFileSync(join(DOCS, 'operations.md'), 'utf8');
const CHART_VALUES = parse(
  readFileSync(join(REPOSITORY_ROOT, 'helm', 'sluice', 'values.yaml'), 'utf8'),
) as Record<string, unknown>;

/** What stands in backquotes, and matches. */
function quoted(pattern: RegExp): string[] {
  return [...GUIDE.matchAll(/`([^`\n]+)`/g)]
    .map(([, text = '']) => text)
    .filter((text) => pattern.test(text));
}

function hasValue(path: string): boolean {
  let value: unknown = CHART_VALUES;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !(key in value)) return false;
    value = (value as Record<string, unknown>)[key];
  }
  return true;
}

test('the guide names metrics that there are', () => {
  expect(unknownMetrics(GUIDE)).toEqual([]);
  expect(GUIDE.match(/\bsluice_[a-z_]+/g)?.length).toBeGreaterThan(15);
});

test('and variables', async () => {
  const known = await Promise.all(
    SERVICES.map(async (service) => [...(await serviceConfiguration(service)).variables]),
  );
  const unknown = (GUIDE.match(/\bSLUICE_[A-Z_]*[A-Z]\b/g) ?? []).filter(
    (name) => !known.flat().includes(name),
  );
  expect(unknown).toEqual([]);
});

test('and values of the chart', () => {
  const paths = quoted(
    /^(gateway|media|streamDirectory|nats|tokens|grpcTls|monitoring|networkPolicies)\.[\w.]+$/,
  );
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !hasValue(path))).toEqual([]);
});

test('and points to what exists', () => {
  const headings = new Set(
    [...GUIDE.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  const targets = [...GUIDE.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  const broken = targets.filter((target) => {
    const [file = '', anchor] = target.split('#');
    if (file !== '') return !existsSync(join(DOCS, file));
    return !headings.has(anchor ?? '');
  });
  expect(broken).toEqual([]);
  expect(targets.length).toBeGreaterThan(20);
});
