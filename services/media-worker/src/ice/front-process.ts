import process from 'node:process';
import type { FromFronts, ToFronts } from './front-messages.js';
import { Front } from './front.js';

/**
 * The program that holds the ICE agents of connections that this node dials, as a child of it: each
 * packet passes here, beside the node's own work and not before it.
 */
const fronts = new Map<number, Promise<Front | undefined>>();
const tell = (message: FromFronts) => void process.send?.(message);

async function open({ front: id, credentials, behind }: Extract<ToFronts, { type: 'open' }>) {
  const onEnded = (reason: string) => {
    fronts.delete(id);
    tell({ type: 'ended', front: id, reason });
  };
  try {
    const front = await Front.open(credentials, behind, onEnded);
    tell({ type: 'opened', front: id, addresses: front.addresses });
    return front;
  } catch {
    onEnded('no socket to be had');
    return undefined;
  }
}

async function handle(message: Exclude<ToFronts, { type: 'open' }>): Promise<void> {
  const front = await fronts.get(message.front);
  switch (message.type) {
    case 'meet':
      front?.agent.meet(message.remote);
      break;
    case 'candidate':
      front?.agent.add(message.candidate);
      break;
    case 'restart':
      front?.agent.restart(message.credentials);
      break;
    case 'close':
      front?.end('closed');
      break;
  }
}

process.on('message', (message: ToFronts) => {
  if (message.type === 'open') fronts.set(message.front, open(message));
  else void handle(message);
});
// The node is gone.
process.on('disconnect', () => process.exit(0));
// It is the node's to say when; a terminal's Ctrl-C reaches both.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
