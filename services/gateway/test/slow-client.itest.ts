import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';

const roomName = 'noisy';
/** What the kernel takes on both sides before anything waits in the gateway, and the bound there. */
const ENOUGH_BYTES = 40 * 1024 * 1024;
const MESSAGE_BYTES = 200 * 1024;

let cluster: FakeCluster;

beforeAll(async () => {
  cluster = await startFakeCluster();
});

afterAll(async () => {
  await cluster.stop();
});

/** A WebSocket by hand, over TCP that can be left unread. */
async function openRaw(url: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

function sendRaw(socket: Socket, message: object): void {
  const payload = Buffer.from(JSON.stringify(message));
  const [mask, header] = [randomBytes(4), Buffer.alloc(4)];
  header[0] = 0x81;
  header[1] = 0x80 | 126;
  header.writeUInt16BE(payload.length, 2);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  socket.write(Buffer.concat([header, mask, masked]));
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${cluster.gateway.admin}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

test('a client that stops reading is let go with 1013 once 1 MiB waits for it, and nobody else notices', async () => {
  const slow = await openRaw(cluster.gateway.ws);
  sendRaw(slow, { type: 'auth', token: await tokens.issue({ subject: 'slow' }) });
  sendRaw(slow, { type: 'join-room', roomName, padding: 'x'.repeat(200) });
  const received: Buffer[] = [];
  slow.on('data', (bytes) => received.push(bytes));
  await eventually(() =>
    Buffer.concat(received).includes('room-joined') ? undefined : 'not joined',
  );
  const witness = await cluster.enter('witness');
  witness.send({ type: 'join-room', roomName });
  await witness.next('room-joined');
  const home = [cluster.a, cluster.b].find(({ sessions }) =>
    [...sessions.values()].some(({ ref }) => ref.participant === 'slow'),
  )!;
  slow.pause();
  const ended = once(slow, 'close');
  slow.on('error', () => undefined);

  // Its session has much to say, as fast as the gateway takes it.
  const sdp = 'x'.repeat(MESSAGE_BYTES);
  const stream = { room: roomName, participant: 'bob', purpose: 'm.usermedia' };
  const value = { subscription: { stream, connection: '' }, sdp };
  for (let sent = 0; sent < ENOUGH_BYTES; sent += MESSAGE_BYTES) {
    home.tell('slow', { $case: 'subscriptionOffered', value });
    if (!home.sessionOf('slow').watch) break;
    await new Promise(setImmediate);
  }
  await eventually(async () =>
    (await metric('sluice_gateway_closed_connections_total{code="1013"}')) === 1
      ? undefined
      : 'not closed as 1013',
  );
  // Its session is there still, for when it can read again.
  await eventually(() => (home.sessionOf('slow').watch ? 'still watched' : undefined));
  expect(home.sessionOf('slow').publications.size).toBe(0);
  expect(witness.closed).toBeUndefined();
  witness.send({ type: 'get-stats', roomName, id: 'now' });
  expect(await witness.next('stats')).toMatchObject({ id: 'now' });
  expect(witness.count('user-left') + witness.count('error')).toBe(0);

  slow.resume();
  await ended;
  await witness.leave();
});
