import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { eventually } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import { TcpProxy } from './tcp-proxy.js';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function proxyOfEcho(): Promise<TcpProxy> {
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => once(server.close(), 'close'));
  const proxy = await TcpProxy.to(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  stops.push(() => proxy.stop());
  return proxy;
}

async function connect(proxy: TcpProxy): Promise<{ socket: Socket; heard: () => string }> {
  const [host, port] = proxy.address.split(':');
  const socket = createConnection({ host: host!, port: Number(port) });
  let heard = '';
  socket.on('data', (data: Buffer) => (heard += data.toString()));
  await once(socket, 'connect');
  return { socket, heard: () => heard };
}

test('a way that is cut ends nothing and loses nothing: all arrives once it is whole again', async () => {
  const proxy = await proxyOfEcho();
  const { socket, heard } = await connect(proxy);
  socket.write('one ');
  await eventually(() => (heard() === 'one ' ? undefined : heard()));
  proxy.cut();
  socket.write('two ');
  const late = await connect(proxy);
  late.socket.write('three');
  proxy.heal();
  await eventually(() => (heard() === 'one two ' ? undefined : heard()));
  await eventually(() => (late.heard() === 'three' ? undefined : late.heard()));
  expect(socket.destroyed).toBe(false);
});

test('whoever connects learns that the other side is gone', async () => {
  const proxy = await proxyOfEcho();
  const { socket } = await connect(proxy);
  const closed = once(socket, 'close');
  await proxy.stop();
  stops.pop();
  await closed;
});
