import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '@sluice/service-kit';
import { VARIABLES, loadConfiguration } from './config.js';

const REQUIRED = {
  SLUICE_NODE_ID: 'node-1',
  SLUICE_NATS_URL: 'nats://127.0.0.1:4222',
  SLUICE_CLUSTER_SECRET: 'a secret that only this test knows',
  SLUICE_DIRECTORY_ADDRESSES: '127.0.0.1:7000, 127.0.0.1:7001',
};

function problemsOf(environment: Record<string, string>): string {
  try {
    loadConfiguration(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return 'none';
}

describe('loadConfiguration', () => {
  test('what is required suffices on one machine', () => {
    const config = loadConfiguration(REQUIRED);
    expect(config.node).toEqual({ id: 'node-1', region: 'default', zone: 'default' });
    expect(config.directoryTarget).toBe('ipv4:127.0.0.1:7000,127.0.0.1:7001');
    expect(config.grpc).toMatchObject({ listen: '127.0.0.1:0', tls: undefined });
  });

  test('all mistakes are named at once, and no value is', () => {
    const problems = problemsOf({
      SLUICE_NODE_ID: 'not an id',
      SLUICE_MEDIA_PORT: '70000',
      SLUICE_PIPE_PORT_MIN: 'secret-value',
    });
    for (const name of [
      'SLUICE_NODE_ID',
      'SLUICE_NATS_URL',
      'SLUICE_CLUSTER_SECRET',
      'SLUICE_DIRECTORY_ADDRESSES',
      'SLUICE_MEDIA_PORT',
      'SLUICE_PIPE_PORT_MIN',
    ]) {
      expect(problems).toContain(name);
    }
    expect(problems).not.toContain('secret-value');
    expect(problems).not.toContain('not an id');
  });

  test('ports must fit together', () => {
    expect(problemsOf({ ...REQUIRED, SLUICE_PIPE_PORT_MIN: '40000' })).toContain(
      'SLUICE_PIPE_PORT_MAX',
    );
    expect(
      problemsOf({ ...REQUIRED, SLUICE_PIPE_PORT_MIN: '40000', SLUICE_PIPE_PORT_MAX: '39999' }),
    ).toContain('SLUICE_PIPE_PORT_MAX');
    expect(problemsOf({ ...REQUIRED, SLUICE_MEDIA_PORT: '65530', SLUICE_WORKERS: '10' })).toContain(
      'SLUICE_MEDIA_PORT',
    );
  });

  test('gRPC in clear text stays on this machine unless the operator says otherwise', () => {
    const beyond = { ...REQUIRED, SLUICE_GRPC_LISTEN: '0.0.0.0:7100' };
    expect(problemsOf(beyond)).toContain('SLUICE_GRPC_TLS_CA_FILE');
    expect(problemsOf({ ...REQUIRED, SLUICE_DIRECTORY_ADDRESSES: 'directory:7000' })).toContain(
      'SLUICE_GRPC_TLS_CA_FILE',
    );
    expect(problemsOf({ ...beyond, SLUICE_GRPC_INSECURE: 'true' })).toBe('none');
  });
});

test('the README’s table lists every variable, in order, with its default and description', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, section = ''] = readme.split('## Configuration\n');
  const rows = section.split('\n').filter((line) => line.startsWith('| `SLUICE_'));
  const expected = Object.entries(VARIABLES.shape).map(([name, schema]) => {
    const { success, data } = schema.safeParse(undefined);
    const preset: unknown = data ?? '';
    const missing = success ? [preset].flat().join() : 'required';
    const shown = missing === '' || missing === 'required' ? missing : `\`${missing}\``;
    return `| \`${name}\` | ${shown} | ${schema.description ?? ''} |`;
  });
  expect(rows.map(squeezed)).toEqual(expected.map(squeezed));
});

function squeezed(row: string): string {
  return row.replace(/\s+/g, ' ');
}
