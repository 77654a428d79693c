import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY_ROOT, renderExample } from './rendered-chart.js';

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

const CHART = join(REPOSITORY_ROOT, 'helm', 'sluice');
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as object;

describe('values that the chart refuses', () => {
  test.each([
    ['a misspelt key', 'gateway.replica=3', 'replica'],
    ['a key at the top', 'gatway.replicas=3', 'gatway'],
    ['a misspelt key of a group', 'media.groups.default.zones=a', 'zones'],
    ['a misspelt key of NATS', 'nats.jetstream.enabled=true', 'jetstream'],
    ['a wrong type', 'media.workers=many', 'workers'],
    ['an exposure that does not exist', 'media.exposure=loadBalancer', 'exposure'],
    ['a drain longer than a media node takes', 'media.drainSeconds=3601', 'drainSeconds'],
    [
      'a number of copies that NATS does not do',
      'streamDirectory.recordReplicas=2',
      'recordReplicas',
    ],
  ])('%s', (_what, setting, named) => {
    expect(() => renderExample('default', [setting])).toThrow(named);
  });

  test.each([
    ['no NATS at all', ['nats.enabled=false'], 'nats.url'],
    ['node ports out of their range', ['media.exposure=nodePort'], '30000 to 32767'],
    [
      'the last of some node ports out of their range',
      ['media.exposure=nodePort', 'media.port=32767'],
      '30000 to 32767',
    ],
    [
      'node ports on the hosts’ network',
      ['media.exposure=hostNetwork', 'media.port=30001'],
      'NodePorts',
    ],
    ['ports of clients among those of pipes', ['media.port=21000'], 'overlap'],
    ['gateways without a key of tokens', ['tokens.sharedSecret=false'], 'tokens.jwksUrl'],
    ['mTLS of a Secret without its name', ['grpcTls.source=secret'], 'grpcTls.existingSecret'],
    ['mTLS of an issuer without its name', ['grpcTls.source=certManager'], 'issuerRef.name'],
    [
      'KEDA without a Prometheus',
      ['media.autoscaling.mode=keda'],
      'media.autoscaling.prometheusUrl',
    ],
  ])('%s', (_what, settings, named) => {
    expect(() => renderExample('default', settings)).toThrow(named);
  });
});

/** Paths of values that the schema has no word on, or that only it knows. */
function differences(part: Schema, value: unknown, path: string): string[] {
  const resolved = part.$ref ? schema.definitions?.[part.$ref.split('/').at(-1) ?? ''] : part;
  if (!resolved?.properties || resolved.additionalProperties !== false) return [];
  const values = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { properties } = resolved;
  return [...new Set([...Object.keys(properties), ...Object.keys(values)])].flatMap((key) => {
    const at = path === '' ? key : `${path}.${key}`;
    const inner = properties[key];
    if (inner === undefined || !(key in values)) return [at];
    return differences(inner, values[key], at);
  });
}

test('every value that the schema knows is in values.yaml, and the other way round', () => {
  // NATS' own keys, Helm's `global`, and what Kubernetes calls an optional part of `resources`.
  const others =
    /^(global|nats\.(?!enabled|url|clientPort|credentials|tls\b).*|.*\.resources\..*)$/;
  expect(differences(schema, defaults, '').filter((path) => !others.test(path))).toEqual([]);
});

test('the schema refuses unknown keys in every object that it describes', () => {
  const open: string[] = [];
  const walk = (part: Schema, path: string) => {
    if (part.properties && part.additionalProperties !== false) open.push(path);
    for (const [key, inner] of Object.entries(part.properties ?? {})) walk(inner, `${path}.${key}`);
    for (const [key, inner] of Object.entries(part.definitions ?? {})) walk(inner, `#${key}`);
    if (typeof part.additionalProperties === 'object') walk(part.additionalProperties, `${path}.*`);
  };
  walk(schema, '');
  expect(open).toEqual([]);
});
