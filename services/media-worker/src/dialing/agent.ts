import process from 'node:process';
import type { FromAgent, ToAgent } from './agent-messages.js';
import { AgentPeer } from './agent-peer.js';

/**
 * The program that holds the ICE agents, as a child of the media node: native code that meets
 * whatever another server sends. When it falls, what was dialled falls, and the node goes on.
 */
const peers = new Map<number, AgentPeer>();
const tell = (message: FromAgent) => void process.send?.(message);

process.on('message', (message: ToAgent) => {
  if (message.type === 'open') {
    peers.set(message.peer, new AgentPeer(message, tell));
    return;
  }
  peers.get(message.peer)?.handle(message);
  if (message.type === 'close') peers.delete(message.peer);
});
// The node is gone.
process.on('disconnect', () => process.exit(0));
// It is the node's to say when; a terminal's Ctrl-C reaches both.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
