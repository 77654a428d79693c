import { describe, expect, test } from 'vitest';
import { readLocalConfiguration } from './local-configuration.js';

describe('the configuration of the local cluster', () => {
  test('has two nodes of one worker and no fixed port where nothing is set', () => {
    expect(readLocalConfiguration({ SLUICE_NODES: '' })).toEqual({
      port: undefined,
      nodes: 2,
      workersPerNode: 1,
      placement: undefined,
      logFolder: undefined,
      keepGoing: false,
    });
  });

  test('is taken from the environment', () => {
    const environment = {
      SLUICE_PORT: '9000',
      SLUICE_NODES: '3',
      SLUICE_WORKERS: '2',
      SLUICE_PLACEMENT: 'spread',
      SLUICE_LOCAL_KEEP_GOING: 'true',
    };
    expect(readLocalConfiguration(environment)).toMatchObject({
      port: 9000,
      nodes: 3,
      workersPerNode: 2,
      placement: 'spread',
      keepGoing: true,
    });
  });

  test('reports all mistakes at once, by name and without their values', () => {
    const read = () => readLocalConfiguration({ SLUICE_PORT: '70000', SLUICE_NODES: 'secret' });
    expect(read).toThrow(/SLUICE_PORT: .*65535[^]*SLUICE_NODES: .*16/);
    expect(read).not.toThrow(/secret|70000/);
  });

  test.each(['0', '-1', '1.5', '0x2', '1e1', ' 1'])('refuses %j nodes', (nodes) => {
    expect(() => readLocalConfiguration({ SLUICE_NODES: nodes })).toThrow('SLUICE_NODES');
  });
});
