import { expect, test } from 'vitest';
import { loadConfig } from './config.js';

const MINIMAL = {
  SLUICE_NATS_URL: 'nats://127.0.0.1:4222',
  SLUICE_CLUSTER_SECRET: 'a secret of at least 32 characters',
};

test('needs no more than NATS and the secret', () => {
  expect(loadConfig(MINIMAL)).toMatchObject({
    grpc: { listen: '127.0.0.1:0', tls: undefined },
    placement: { policy: 'balanced', nodeLoadMax: 0.85, silentMs: 2_500 },
    lostMs: 5_000,
    stalledMs: 15_000,
    relays: { maxChildren: 16, maxDepth: 8 },
  });
});

test('takes what is set, and ignores variables of other services', () => {
  const config = loadConfig({
    ...MINIMAL,
    SLUICE_PLACEMENT: 'spread',
    SLUICE_RELAY_FANOUT_MAX: '4',
    SLUICE_NODE_LOAD_MAX: '',
    SLUICE_PORT: '8080',
    SLUICE_ROOM_REGIONS: 'eu-*=eu',
  });
  expect(config.placement).toMatchObject({ policy: 'spread', nodeLoadMax: 0.85 });
  expect(config.placement.roomRegions).toEqual([{ rooms: 'eu-*', regions: new Set(['eu']) }]);
  expect(config.relays.maxChildren).toBe(4);
});

test('reports all mistakes together, with names and never values', () => {
  const environment = {
    SLUICE_CLUSTER_SECRET: 'too short',
    SLUICE_PLACEMENT: 'sideways',
    SLUICE_RELAY_FANOUT_MAX: '3',
    SLUICE_NATS_REPLICAS: '2',
    SLUICE_NODE_LOAD_MAX: 'much',
    SLUICE_ROOM_REGIONS: 'eu-*',
  };
  const load = () => loadConfig(environment);
  for (const name of ['SLUICE_NATS_URL', ...Object.keys(environment)]) expect(load).toThrow(name);
  for (const value of ['too short', 'sideways', 'much']) {
    expect(load).not.toThrow(new RegExp(`\\b${value}\\b`));
  }
});

test('a node is not given up before it stopped being chosen', () => {
  const environment = { ...MINIMAL, SLUICE_NODE_SILENT_MS: '6000' };
  expect(() => loadConfig(environment)).toThrow('SLUICE_NODE_LOST_MS: must not be less than');
});

test('clear text beyond loopback is refused', () => {
  const environment = { ...MINIMAL, SLUICE_GRPC_LISTEN: '0.0.0.0:50051' };
  expect(() => loadConfig(environment)).toThrow('SLUICE_GRPC_TLS_CA_FILE');
});
