// The peer: one process, two mediasoup workers, and what signaling the clients of the bench need.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Core } from './media.js';
import { PlainServer } from './signaling.js';

const cores = await Promise.all([Core.open(), Core.open()] as const);
const plain = new PlainServer(cores);
const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
sockets.on('connection', (socket) => plain.serve(socket));
await once(sockets, 'listening');
const { port } = sockets.address() as AddressInfo;

// Whoever started us holds the other end of our standard input.
process.stdin.resume().on('end', () => process.exit(0));
const workerPids = cores.map(({ workerPid }) => workerPid);
process.stdout.write(`${JSON.stringify({ url: `ws://127.0.0.1:${port}/`, workerPids })}\n`);
