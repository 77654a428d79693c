import { expect, test } from 'vitest';
import { requireServers, withoutSecrets } from './server-list.js';

test('trunks and cameras are taken, each once', () => {
  const servers = [
    'wss://a.example/wsb',
    'ws://b.example:8080/sfu/wsb?room=x',
    'wss://a.example/wsb',
  ];
  const cameras = ['rtsp://user:password@camera.example/1', 'rtsps://camera.example/2'];
  expect(requireServers([...servers, ...cameras])).toEqual({
    trunks: servers.slice(0, 2),
    cameras,
  });
});

test.each([
  '',
  'wss://a.example/',
  'https://a.example/wsb',
  'wss://user:password@a.example/wsb',
  'wss://a.example/wsb#x',
  'wsb',
  `wss://a.example/${'x'.repeat(3_000)}/wsb`,
])('%j is refused, and not quoted', (server) => {
  expect(() => requireServers(['wss://a.example/wsb', server])).toThrow(
    'server 2 must be a wss:// or ws:// URL that ends with /wsb, or an rtsp:// URL',
  );
});

test('nobody reads a token', () => {
  expect(withoutSecrets('wss://a.example/wsb?room=x&token=secret')).toBe(
    'wss://a.example/wsb?room=x&token=…',
  );
  expect(withoutSecrets('wss://a.example/wsb?access_token=secret')).not.toContain('secret');
});
