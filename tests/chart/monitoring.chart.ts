import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  DASHBOARD_FOLDER,
  RULES_FOLDER,
  dashboards,
  unknownMetrics,
} from '../observability/queries.js';
import { REPOSITORY_ROOT, ofKind, renderExample, type KubernetesObject } from './rendered-chart.js';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Rules extends KubernetesObject {
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

interface ConfigMap extends KubernetesObject {
  readonly data: Readonly<Record<string, string>>;
}

function sourceRules(): Rule[] {
  return ['recording-rules.yaml', 'alerts.yaml'].flatMap((file) => {
    const { groups } = parse(readFileSync(join(RULES_FOLDER, file), 'utf8')) as Rules['spec'];
    return groups.flatMap(({ rules }) => rules);
  });
}

describe('rules', () => {
  const [object] = ofKind<Rules>(renderExample('host-network'), 'PrometheusRule');
  const rules = object?.spec.groups.flatMap((group) => group.rules) ?? [];
  const alerts = sourceRules().filter(({ alert }) => alert !== undefined);

  test('pass their unit tests', () => {
    const output = execFileSync('promtool', ['test', 'rules', 'rules.test.yaml'], {
      cwd: RULES_FOLDER,
      encoding: 'utf8',
    });
    expect(output).toContain('SUCCESS');
  });

  test('have a unit test in which they fire and one in which they do not', () => {
    const { tests } = parse(readFileSync(join(RULES_FOLDER, 'rules.test.yaml'), 'utf8')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: object[] }[] }[];
    };
    const cases = tests.flatMap((one) => one.alert_rule_test);
    const tested = (firing: boolean) =>
      cases.filter((one) => one.exp_alerts.length > 0 === firing).map((one) => one.alertname);
    const names = alerts.map(({ alert }) => alert);
    expect(names.filter((name) => !tested(true).includes(name ?? ''))).toEqual([]);
    expect(names.filter((name) => !tested(false).includes(name ?? ''))).toEqual([]);
  });

  test('say what is wrong, what it means, and where it is said what to do', () => {
    const guide = readFileSync(join(REPOSITORY_ROOT, 'docs', 'operations.md'), 'utf8');
    for (const { alert = '', annotations = {} } of alerts) {
      expect(annotations['summary']).toMatch(/\.$/);
      expect(annotations['description']?.length).toBeGreaterThan(40);
      expect(annotations['runbook']).toBe(`docs/operations.md#${alert.toLowerCase()}`);
      expect(guide).toContain(`\n### ${alert}\n`);
    }
  });

  test('ask only for metrics that the services have, and for what is recorded', () => {
    const recorded = sourceRules().flatMap(({ record }) => record ?? []);
    for (const { alert, record, expr } of sourceRules()) {
      const foreign = (expr.match(/\b[a-z_]+:sluice_\w+:\w+/g) ?? []).filter(
        (name) => !recorded.includes(name),
      );
      const name = alert ?? record;
      expect({ name, unknown: [...unknownMetrics(expr), ...foreign] }).toEqual({
        name,
        unknown: [],
      });
    }
  });

  test('are of one installation in the chart', () => {
    const here = sourceRules().map((rule) => ({
      ...rule,
      expr: rule.expr.replaceAll('namespace=~".*"', 'namespace="media"'),
    }));
    expect(rules).toEqual(here);
    for (const { alert, record, expr } of rules) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      const anywhere = selectors.filter((selector) => !selector.includes('namespace="media"'));
      expect({ name: alert ?? record, anywhere }).toEqual({ name: alert ?? record, anywhere: [] });
      expect(selectors.length).toBeGreaterThan(0);
    }
  });

  test('are what the cluster of compose loads, under the path that it names', () => {
    const text = readFileSync(join(REPOSITORY_ROOT, 'deploy', 'compose', 'prometheus.yml'), 'utf8');
    const { rule_files: files } = parse(text) as { rule_files: string[] };
    expect(files.map((file) => file.replace('/etc/sluice/rules/', ''))).toEqual([
      'recording-rules.yaml',
      'alerts.yaml',
    ]);
  });
});

describe('dashboards', () => {
  test('ask only for metrics that the services have', () => {
    for (const { file, panels } of dashboards()) {
      const unknown = panels.flatMap(({ queries }) =>
        queries.flatMap(({ expr }) => unknownMetrics(expr)),
      );
      expect({ file, unknown }).toEqual({ file, unknown: [] });
    }
  });

  test('let one choose the installation, and say what each panel tells', () => {
    for (const { file, variables, panels } of dashboards()) {
      expect(variables).toEqual(expect.arrayContaining(['datasource', 'namespace']));
      expect(panels.length).toBeGreaterThan(8);
      for (const { title, description, unit, queries } of panels) {
        const where = `${file}: ${title}`;
        expect({ where, said: description.length > 40 }).toEqual({ where, said: true });
        expect(unit).not.toBe('');
        expect(queries.length).toBeGreaterThan(0);
        const anywhere = queries.filter(
          ({ expr }) => !expr.includes('$namespace') && !expr.includes('ALERTS{'),
        );
        expect({ where, anywhere }).toEqual({ where, anywhere: [] });
      }
    }
  });

  test('come with the chart, one ConfigMap each, as Grafana’s sidecar finds them', () => {
    const maps = ofKind<ConfigMap>(renderExample('host-network'), 'ConfigMap').filter(
      ({ metadata }) => metadata.labels['grafana_dashboard'] === '1',
    );
    const files = Object.assign({}, ...maps.map(({ data }) => data)) as Record<string, string>;
    const expected = dashboards().map(({ file }) => [
      file,
      readFileSync(join(DASHBOARD_FOLDER, file), 'utf8').trimEnd(),
    ]);
    expect(Object.entries(files)).toEqual(expected);
    expect(ofKind(renderExample('default'), 'ConfigMap')).toEqual([]);
  });
});
