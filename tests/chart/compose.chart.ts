import { expect, test } from 'vitest';
import { composeServices, type ComposeService } from './compose-file.js';

const services = composeServices();
const named = (prefix: string) => services.filter(({ name }) => name.startsWith(prefix));
const mediaNodes = services.filter(({ image }) => image.includes('media-worker'));

test('a cluster of three NATS servers, two directories, two gateways and three media nodes', () => {
  const count = (prefix: string) =>
    named(prefix).reduce((replicas, service) => replicas + service.replicas, 0);
  expect([count('nats-'), count('stream-directory'), count('gateway'), mediaNodes.length]).toEqual([
    3, 2, 2, 3,
  ]);
});

test('stream records are kept by as many servers as there are', () => {
  const [directory] = named('stream-directory') as [ComposeService];
  expect(Number(directory.environment['SLUICE_NATS_REPLICAS'])).toBe(named('nats-').length);
});

test('a media node listens on the port that clients reach it by, UDP and TCP', () => {
  for (const { name, environment, ports } of mediaNodes) {
    const first = Number(environment['SLUICE_MEDIA_PORT']);
    const listening = Array.from(
      { length: Number(environment['SLUICE_WORKERS']) },
      (_, worker) => first + worker,
    );
    const published = ports.map((port) => port.replace(/^[\d.]+:/, ''));
    const wanted = listening.flatMap((port) => [`${port}:${port}/udp`, `${port}:${port}/tcp`]);
    expect({ name, published: published.toSorted() }).toEqual({
      name,
      published: wanted.toSorted(),
    });
  }
});

test('no two media nodes share a name, a port or an address', () => {
  for (const variable of ['SLUICE_NODE_ID', 'SLUICE_MEDIA_PORT', 'SLUICE_PIPE_LISTEN_IP']) {
    const values = mediaNodes.map(({ environment }) => environment[variable]);
    expect(new Set(values).size).toBe(mediaNodes.length);
  }
});

test('a media node may drain before it is killed', () => {
  for (const { environment, stopGraceSeconds = 0 } of mediaNodes) {
    const drainSeconds = Number(environment['SLUICE_DRAIN_MS']) / 1_000;
    expect(stopGraceSeconds).toBeGreaterThanOrEqual(drainSeconds + 20);
  }
});

test('everything runs on a read-only file system and without capabilities', () => {
  for (const { name, readOnly, dropped } of services) {
    expect({ name, readOnly, dropped }).toEqual({ name, readOnly: true, dropped: ['ALL'] });
  }
});

test('what other hosts reach is said by the operator: ports are published on loopback', () => {
  for (const { name, ports } of services) {
    const elsewhere = ports.filter((port) => !port.startsWith('127.0.0.1:'));
    expect({ name, elsewhere }).toEqual({ name, elsewhere: [] });
  }
});
