import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What of RFC 8489 and RFC 8445 a binding request to an ICE agent, and its answer, consist of. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  priority: 0x0024,
  fingerprint: 0x8028,
  iceControlling: 0x802a,
} as const;
const INTEGRITY_BYTES = 20;
const FINGERPRINT_XOR = 0x5354554e;
/** Of a peer-reflexive candidate, component 1: what the answering agent would name us. */
const PRIORITY = 0x6effffff;

export interface BindingRequest {
  /** 12 bytes, as hex. */
  readonly transactionId: string;
  readonly bytes: Buffer;
}

/** A connectivity check, as the controlling agent makes them, without nominating anything. */
export function bindingRequest(
  remote: { readonly usernameFragment: string; readonly password: string },
  ownUsernameFragment: string,
): BindingRequest {
  const transactionId = randomBytes(12);
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(PRIORITY);
  const username = Buffer.from(`${remote.usernameFragment}:${ownUsernameFragment}`);
  const attributes = Buffer.concat([
    attribute(ATTRIBUTE.username, username),
    attribute(ATTRIBUTE.priority, priority),
    attribute(ATTRIBUTE.iceControlling, randomBytes(8)),
  ]);
  const unsigned = Buffer.concat([header(BINDING_REQUEST, transactionId), attributes]);
  return {
    transactionId: transactionId.toString('hex'),
    bytes: withFingerprint(withIntegrity(unsigned, remote.password)),
  };
}

/** The transaction that a datagram answers, whatever the answer; undefined for what is no STUN. */
export function transactionOf(datagram: Buffer): string | undefined {
  if (datagram.length < HEADER_BYTES || datagram.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (datagram.readUInt16BE(2) !== datagram.length - HEADER_BYTES) return undefined;
  return datagram.subarray(8, HEADER_BYTES).toString('hex');
}

/** Whether a datagram is a success response made by somebody who knows the password. */
export function isSuccessBy(datagram: Buffer, password: string): boolean {
  if (transactionOf(datagram) === undefined) return false;
  if (datagram.readUInt16BE(0) !== BINDING_SUCCESS) return false;
  const start = startOf(ATTRIBUTE.messageIntegrity, datagram);
  if (start === undefined || start + 4 + INTEGRITY_BYTES > datagram.length) return false;
  const sent = datagram.subarray(start + 4, start + 4 + INTEGRITY_BYTES);
  return timingSafeEqual(sent, integrity(datagram.subarray(0, start), password));
}

/** Where the first attribute of that type starts. */
function startOf(type: number, message: Buffer): number | undefined {
  let start = HEADER_BYTES;
  while (start + 4 <= message.length) {
    if (message.readUInt16BE(start) === type) return start;
    start += 4 + padded(message.readUInt16BE(start + 2));
  }
  return undefined;
}

function header(type: number, transactionId: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(bytes, 8);
  return bytes;
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function withIntegrity(message: Buffer, password: string): Buffer {
  return lengthened(message, attribute(ATTRIBUTE.messageIntegrity, integrity(message, password)));
}

/** Over all before it, with a length as if it ended the message. */
function integrity(before: Buffer, password: string): Buffer {
  const counted = Buffer.from(before);
  counted.writeUInt16BE(before.length - HEADER_BYTES + 4 + INTEGRITY_BYTES, 2);
  return createHmac('sha1', password).update(counted).digest();
}

function withFingerprint(message: Buffer): Buffer {
  const counted = lengthened(message, attribute(ATTRIBUTE.fingerprint, Buffer.alloc(4)));
  const value = Buffer.alloc(4);
  value.writeUInt32BE((crc32(counted.subarray(0, message.length)) ^ FINGERPRINT_XOR) >>> 0);
  value.copy(counted, counted.length - 4);
  return counted;
}

function lengthened(message: Buffer, tail: Buffer): Buffer {
  const whole = Buffer.concat([message, tail]);
  whole.writeUInt16BE(whole.length - HEADER_BYTES, 2);
  return whole;
}
