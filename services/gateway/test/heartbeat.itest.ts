import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FakeClock, eventually } from '@sluice/testing';
import type { Ending } from '../src/domain/rooms-dialect/connection.js';
import { WebSocketEntrance } from '../src/ws/websocket-entrance.js';

const PING_INTERVAL_MS = 20_000;

let clock: FakeClock;
let endings: Ending[];
let entrance: WebSocketEntrance;
let server: Server;
let url: string;

beforeEach(async () => {
  clock = new FakeClock();
  endings = [];
  const listener = {
    receiveText: () => undefined,
    receiveBinary: () => undefined,
    end: (ending: Ending) => endings.push(ending),
  };
  entrance = new WebSocketEntrance({
    allowedOrigins: undefined,
    connectionsMax: 10,
    clientAddress: () => '192.0.2.1',
    clock,
    onRefused: () => undefined,
    onClosed: () => undefined,
    doors: new Map([['/ws', () => listener]]),
  });
  server = createServer();
  server.on('upgrade', (request, socket, head) => entrance.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/ws`;
});

afterEach(async () => {
  await entrance.stop();
  server.close();
});

async function connect(autoPong: boolean): Promise<WebSocket> {
  const socket = new WebSocket(url, { autoPong });
  await once(socket, 'open');
  return socket;
}

async function nextPing(socket: WebSocket): Promise<void> {
  const ping = once(socket, 'ping');
  clock.elapse(PING_INTERVAL_MS);
  await ping;
}

test('a client that answers no ping is cut off at the third, and may be resumed', async () => {
  const silent = await connect(false);
  await nextPing(silent);
  await nextPing(silent);
  expect(endings).toEqual([]);
  clock.elapse(PING_INTERVAL_MS);
  const [code] = (await once(silent, 'close')) as [number];
  expect(code).toBe(1006);
  expect(endings).toEqual(['broken']);
  expect(entrance.connections).toBe(0);
});

test('a client that misses one ping and answers the next stays', async () => {
  const client = await connect(false);
  for (let round = 0; round < 5; round += 1) {
    await nextPing(client);
    await nextPing(client);
    client.pong();
    // Its own ping comes back after the pong was read.
    const answered = once(client, 'pong');
    client.ping();
    await answered;
  }
  expect(client.readyState).toBe(WebSocket.OPEN);
});

test.each([
  [1000, 'clean'],
  [1001, 'clean'],
  [undefined, 'clean'],
  [3000, 'broken'],
  [4000, 'broken'],
] as const)('a client that closes with %s ends %s', async (code, ending) => {
  const client = await connect(true);
  client.close(code);
  await eventually(() => (endings.length > 0 ? undefined : 'not ended'));
  expect(endings).toEqual([ending]);
});
