import { expect, test } from 'vitest';
import { announcement, readyOf } from './announcement.js';
import type { RunningService } from './cluster.js';

const SERVICES: Record<string, readonly RunningService[]> = {
  nats: [{ name: 'nats', pid: 1, addresses: { nats: '127.0.0.1:4222' } }],
  directory: [{ name: 'directory-1', pid: 2, addresses: { grpc: '127.0.0.1:1' } }],
  node: ['node-1', 'node-2'].map((name, index) => ({
    name,
    pid: 3 + index,
    addresses: { grpc: '127.0.0.1:2', admin: 'http://127.0.0.1:3' },
  })),
  gateway: [{ name: 'gateway-1', pid: 5, addresses: { http: 'http://127.0.0.1:8080' } }],
};

const CLUSTER = {
  origin: 'http://127.0.0.1:8080',
  ws: 'ws://127.0.0.1:8080/ws',
  api: 'http://127.0.0.1:8080/api/v1',
  natsUrl: 'nats://127.0.0.1:4222',
  logFolder: '/logs',
  services: (kind?: string) => SERVICES[kind ?? ''] ?? [],
};

const ready = readyOf(CLUSTER, 'to.k+en', 42);

test('exactly one line is for scripts, and it is JSON', () => {
  const lines = announcement(ready)
    .split('\n')
    .filter((line) => line.startsWith('READY '));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!.slice('READY '.length))).toEqual(ready);
});

test('the console link carries the token where no server sees it', () => {
  const link = new URL(ready.console);
  expect(link.search).toBe('');
  const fragment = new URLSearchParams(link.hash.slice(1));
  expect(fragment.get('token')).toBe('to.k+en');
  expect(fragment.get('room')).toBe('demo');
});

test('every process is named with its id', () => {
  expect(ready.nodes).toEqual([
    { id: 'node-1', pid: 3, grpc: '127.0.0.1:2', admin: 'http://127.0.0.1:3' },
    { id: 'node-2', pid: 4, grpc: '127.0.0.1:2', admin: 'http://127.0.0.1:3' },
  ]);
  expect(ready.nats.pid).toBe(1);
  expect(ready.pid).toBe(42);
});
