import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { eventually, freePort } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import { LossyWay, type LossyEnd } from './lossy-way.js';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface End {
  readonly socket: Socket;
  readonly announced: LossyEnd;
  /** Each packet with the address it came from. */
  readonly heard: string[];
}

async function endAt(announcedIp: string): Promise<End> {
  const port = await freePort();
  const socket = createSocket('udp4');
  const heard: string[] = [];
  socket.on('message', (packet, from) => heard.push(`${packet.toString()} from ${from.address}`));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  stops.push(async () => {
    socket.close();
    await once(socket, 'close');
  });
  return { socket, heard, announced: { announcedIp, firstPort: port, lastPort: port } };
}

async function ends(): Promise<{ one: End; other: End; way: LossyWay }> {
  const [one, other] = [await endAt('127.0.0.6'), await endAt('127.0.0.7')];
  const way = await LossyWay.between(one.announced, other.announced);
  stops.push(() => way.stop());
  return { one, other, way };
}

function send(from: End, to: End, packet: string): void {
  from.socket.send(packet, to.announced.firstPort, to.announced.announcedIp);
}

test('each end takes what comes for the other’s own, and can answer', async () => {
  const { one, other } = await ends();
  send(one, other, 'hello');
  await eventually(() => (other.heard.length === 1 ? undefined : 'nothing came'));
  send(other, one, 'hello yourself');
  await eventually(() => (one.heard.length === 1 ? undefined : 'nothing came'));
  expect(other.heard).toEqual(['hello from 127.0.0.6']);
  expect(one.heard).toEqual(['hello yourself from 127.0.0.7']);
});

test('what is lost is counted, and nothing more is lost once the way is whole', async () => {
  const { one, other, way } = await ends();
  way.impair({ loss: 1, delayMs: 0 });
  send(one, other, 'lost');
  await eventually(() => (way.lost === 1 ? undefined : 'not lost yet'));
  way.heal();
  send(one, other, 'arrives');
  await eventually(() => (other.heard.length === 1 ? undefined : 'nothing came'));
  expect(other.heard).toEqual(['arrives from 127.0.0.6']);
});
