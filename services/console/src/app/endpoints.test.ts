import { expect, test } from 'vitest';
import { endpointsOf } from './endpoints.js';

test.each([
  ['http://127.0.0.1:8080/', 'ws://127.0.0.1:8080/ws', 'http://127.0.0.1:8080/api/v1/tokens'],
  ['https://h/a/b/', 'wss://h/a/b/ws', 'https://h/a/b/api/v1/tokens'],
  ['https://h/a/index.html?x=/y/#token=/z/', 'wss://h/a/ws', 'https://h/a/api/v1/tokens'],
])('%s is served beside its own endpoints', (page, ws, tokens) => {
  const ingests = tokens.replace('tokens', 'ingests');
  expect(endpointsOf(page)).toEqual({ ws, tokens, ingests });
});
