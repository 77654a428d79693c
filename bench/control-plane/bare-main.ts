// The peer of a gateway with idle sessions: sockets of `ws`, and nothing behind them.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', () => socket.send('{"type":"authenticated"}'));
});
await once(sockets, 'listening');
const { port } = sockets.address() as AddressInfo;

// Whoever started us holds the other end of our standard input.
process.stdin.resume().on('end', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ url: `ws://127.0.0.1:${port}/` })}\n`);
