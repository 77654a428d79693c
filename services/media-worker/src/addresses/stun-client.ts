import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { SluiceError } from '@sluice/core';

/** RFC 8489. */
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const MAGIC_COOKIE = 0x2112a442;
const XOR_MAPPED_ADDRESS = 0x0020;
const HEADER_BYTES = 20;
const IPV4 = 1;
const IPV6 = 2;
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
      const request = bindingRequest();
      socket.send(request, port, server.address);
      const address = await answerTo(request, socket);
      if (address !== undefined) return address;
    }
  } finally {
    socket.close();
  }
  throw new SluiceError('UNAVAILABLE', 'the STUN server does not answer');
}

function bindingRequest(): Buffer {
  const request = Buffer.alloc(HEADER_BYTES);
  request.writeUInt16BE(BINDING_REQUEST, 0);
  request.writeUInt32BE(MAGIC_COOKIE, 4);
  randomBytes(12).copy(request, 8);
  return request;
}

async function answerTo(
  request: Buffer,
  socket: ReturnType<typeof createSocket>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  for (;;) {
    try {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer];
      const address = mappedAddress(message, request);
      if (address !== undefined) return address;
    } catch {
      // Late, or the socket broke: the next attempt may do better.
      return undefined;
    }
  }
}

/** Undefined for what is no success to this very request. */
export function mappedAddress(message: Buffer, request: Buffer): string | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(0) !== BINDING_SUCCESS)
    return undefined;
  if (!message.subarray(4, HEADER_BYTES).equals(request.subarray(4, HEADER_BYTES)))
    return undefined;
  let at = HEADER_BYTES;
  while (at + 4 <= message.length) {
    const length = message.readUInt16BE(at + 2);
    const value = message.subarray(at + 4, at + 4 + length);
    if (message.readUInt16BE(at) === XOR_MAPPED_ADDRESS) return fromXored(value, message);
    // Attributes are padded to four bytes.
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}

function fromXored(value: Buffer, message: Buffer): string | undefined {
  const family = value[1];
  const bytes = value.subarray(4);
  if (!((family === IPV4 && bytes.length === 4) || (family === IPV6 && bytes.length === 16))) {
    return undefined;
  }
  // By the cookie and the transaction's id, which follow each other in the header.
  const plain = bytes.map((byte, index) => byte ^ (message[4 + index] ?? 0));
  if (family === IPV4) return plain.join('.');
  const words = Array.from({ length: 8 }, (_, word) => Buffer.from(plain).readUInt16BE(word * 2));
  return words.map((word) => word.toString(16)).join(':');
}
