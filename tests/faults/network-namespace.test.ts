import { spawnSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { NetworkNamespace } from './network-namespace.js';

const SILENCE_MS = 1_000;
const obstacle = NetworkNamespace.obstacle();

test('a cut cable is silent, and only that one, until it is whole again', async (context) => {
  context.skip(obstacle !== undefined, obstacle);
  const network = new NetworkNamespace(2);
  const server = createServer((socket) => socket.end()).listen(0, '0.0.0.0');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [first, second] = network.links;
    const heard = () => [first!.here, second!.here].map((host) => knock(network, host, port));
    expect(heard()).toEqual(['connected', 'connected']);
    network.cut(second!);
    expect(heard()).toEqual(['connected', 'silence']);
    network.heal(second!);
    expect(heard()).toEqual(['connected', 'connected']);
    expect(knock(network, network.home, port)).toBe('connected');
  } finally {
    server.close();
    network.remove();
  }
});

/** What a process inside gets when it connects. The kernel answers, so nobody here needs to. */
function knock({ wrapper }: NetworkNamespace, host: string, port: number): string {
  const program = `
    const socket = require('node:net').connect(${port}, '${host}');
    const say = (word) => (console.log(word), process.exit());
    socket.on('connect', () => say('connected'));
    socket.on('error', ({ code }) => say(code));
    setTimeout(say, ${SILENCE_MS}, 'silence');
  `;
  const [command, ...words] = [...wrapper, process.execPath, '-e', program];
  return spawnSync(command, words, { encoding: 'utf8' }).stdout.trim();
}
