import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { SluiceError } from '@sluice/core';
import { parseStun, writeBindingRequest } from '@sluice/stun';

const ATTEMPTS = 3;
const ANSWER_TIMEOUT_MS = 1_000;

/**
 * The address that a STUN server sees this host by.
 *
 * @throws {SluiceError} UNAVAILABLE when it does not say.
 */
export async function askStun(host: string, port: number): Promise<string> {
  const server = await lookup(host).catch((cause: unknown) => {
    throw new SluiceError('UNAVAILABLE', 'the STUN server’s name is not known', {}, { cause });
  });
  const socket = createSocket(server.family === 6 ? 'udp6' : 'udp4');
  // Whoever waits for an answer waits in vain then, and says so.
  socket.on('error', () => undefined);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const transactionId = randomBytes(12);
      socket.send(writeBindingRequest(transactionId), port, server.address);
      const address = await answerTo(transactionId.toString('hex'), socket);
      if (address !== undefined) return address;
    }
  } finally {
    socket.close();
  }
  throw new SluiceError('UNAVAILABLE', 'the STUN server does not answer');
}

async function answerTo(
  transactionId: string,
  socket: ReturnType<typeof createSocket>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  for (;;) {
    try {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer];
      const answer = parseStun(message);
      if (answer?.type !== 'success' || answer.transactionId !== transactionId) continue;
      if (answer.mappedAddress) return answer.mappedAddress.ip;
    } catch {
      // Late, or the socket broke: the next attempt may do better.
      return undefined;
    }
  }
}
