import { describe, expect, test } from 'vitest';
import { unknownFields, violation } from './kubernetes-models.js';
import { EXAMPLES, renderExample, type KubernetesObject } from './rendered-chart.js';

describe.each(EXAMPLES)('what the chart makes of the values of %s', (example) => {
  const objects = renderExample(example);

  test('is valid by the schemas of Kubernetes and of the operators', async () => {
    for (const object of objects) {
      const name = `${object.kind} ${object.metadata.name}`;
      expect({ name, violation: await violation(object) }).toEqual({ name, violation: undefined });
    }
  });

  test('has no field that these do not know', () => {
    expect(unknownFields(objects)).toEqual([]);
  });

  test('names every object once', () => {
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('the check of objects itself', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', labels: {} } };
  const withSpec = (spec: object) => ({ ...service, spec }) as KubernetesObject;

  test('finds a value of the wrong type', async () => {
    expect(await violation(withSpec({ ports: [{ port: 'http' }] }))).toContain('port');
  });

  test('finds a field that does not exist, deep in an object', () => {
    const misspelt = withSpec({ ports: [{ port: 80, nodeprot: 30_080 }] });
    expect(unknownFields([misspelt]).join()).toContain('nodeprot');
  });

  test('finds a kind that does not exist', async () => {
    expect(await violation({ ...service, kind: 'Servce' })).toContain('Servce');
  });
});
