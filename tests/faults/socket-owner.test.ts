import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ownerOfUdpPort } from './socket-owner.js';

test('the process that has a port is found among others, and nobody for a port that is free', async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  expect(ownerOfUdpPort(port, [process.ppid, process.pid])).toBe(process.pid);
  expect(ownerOfUdpPort(port, [])).toBeUndefined();
  socket.close();
  await once(socket, 'close');
  expect(ownerOfUdpPort(port, [process.pid])).toBeUndefined();
});
