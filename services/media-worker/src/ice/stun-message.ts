import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';
import type { UdpAddress } from './udp-address.js';

/** What of RFC 8489 and RFC 8445 connectivity checks and their answers consist of. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const MESSAGE_MAX_BYTES = 1_280;
const TYPES = { request: 0x0001, indication: 0x0011, success: 0x0101, error: 0x0111 } as const;
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;
const INTEGRITY_BYTES = 20;
const FINGERPRINT_XOR = 0x5354554e;

/** RFC 8445 §7.3.1.1: both sides think that they have the same role. */
export const ROLE_CONFLICT = 487;

export type IceRole = 'controlling' | 'controlled';

/** A binding message as somebody sent it; trustworthy only where {@link isSignedWith} says so. */
export interface StunMessage {
  readonly type: keyof typeof TYPES;
  /** 12 bytes, as hex. */
  readonly transactionId: string;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly nominates: boolean;
  readonly role: { readonly is: IceRole; readonly tieBreaker: bigint } | undefined;
  readonly errorCode: number | undefined;
  readonly datagram: Buffer;
  /** Where the signature starts. */
  readonly signedBytes: number | undefined;
}

/** Whether a datagram is for the ICE agent; DTLS and SRTP begin otherwise (RFC 7983). */
export function isStun(datagram: Buffer): boolean {
  return (datagram[0] ?? 255) < 4;
}

/** Undefined for what is no binding message, or a broken one. */
export function parseStun(datagram: Buffer): StunMessage | undefined {
  const { length } = datagram;
  if (length < HEADER_BYTES || length > MESSAGE_MAX_BYTES) return undefined;
  if (datagram.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (datagram.readUInt16BE(2) !== length - HEADER_BYTES) return undefined;
  const code = datagram.readUInt16BE(0);
  const [type] = Object.entries(TYPES).find(([, value]) => value === code) ?? [];
  const attributes = attributesOf(datagram);
  if (type === undefined || !attributes) return undefined;
  const value = (attribute: number, bytes?: number) => {
    const found = attributes.values.get(attribute);
    return bytes === undefined || found?.length === bytes ? found : undefined;
  };
  const error = value(ATTRIBUTE.errorCode);
  return {
    type: type as keyof typeof TYPES,
    transactionId: datagram.toString('hex', 8, HEADER_BYTES),
    username: value(ATTRIBUTE.username)?.toString('utf8'),
    priority: value(ATTRIBUTE.priority, 4)?.readUInt32BE(),
    nominates: attributes.values.has(ATTRIBUTE.useCandidate),
    role: roleIn(value),
    errorCode:
      error && error.length >= 4 ? (error.readUInt8(2) & 7) * 100 + error.readUInt8(3) : undefined,
    datagram,
    signedBytes: attributes.signedBytes,
  };
}

/** Whether its sender knows the password. */
export function isSignedWith({ datagram, signedBytes }: StunMessage, password: string): boolean {
  if (signedBytes === undefined) return false;
  const signature = datagram.subarray(signedBytes + 4, signedBytes + 4 + INTEGRITY_BYTES);
  return timingSafeEqual(signature, signatureOf(datagram.subarray(0, signedBytes), password));
}

export interface Check {
  /** 12 bytes. */
  readonly transactionId: Buffer;
  /** `<the other side's>:<ours>`. */
  readonly username: string;
  /** The other side's. */
  readonly password: string;
  readonly priority: number;
  readonly role: IceRole;
  readonly tieBreaker: bigint;
  readonly nominates: boolean;
}

/** A connectivity check. */
export function writeCheck(check: Check): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(check.priority);
  const tieBreaker = Buffer.alloc(8);
  tieBreaker.writeBigUInt64BE(check.tieBreaker);
  const role = check.role === 'controlling' ? ATTRIBUTE.iceControlling : ATTRIBUTE.iceControlled;
  const attributes = [
    attribute(ATTRIBUTE.username, Buffer.from(check.username)),
    attribute(ATTRIBUTE.priority, priority),
    attribute(role, tieBreaker),
    ...(check.nominates ? [attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0))] : []),
  ];
  return written('request', check.transactionId, attributes, check.password);
}

/** Our answer to a check that came from `from`. */
export function writeSuccess(request: StunMessage, from: UdpAddress, password: string): Buffer {
  const transactionId = Buffer.from(request.transactionId, 'hex');
  const mapped = attribute(ATTRIBUTE.xorMappedAddress, xorAddress(from, transactionId));
  return written('success', transactionId, [mapped], password);
}

export function writeRoleConflict(request: StunMessage, password: string): Buffer {
  const error = Buffer.from([0, 0, Math.floor(ROLE_CONFLICT / 100), ROLE_CONFLICT % 100]);
  const attributes = [attribute(ATTRIBUTE.errorCode, error)];
  return written('error', Buffer.from(request.transactionId, 'hex'), attributes, password);
}

function attributesOf(datagram: Buffer) {
  const values = new Map<number, Buffer>();
  let at = HEADER_BYTES;
  while (at < datagram.length) {
    if (at + 4 > datagram.length) return undefined;
    const type = datagram.readUInt16BE(at);
    const length = datagram.readUInt16BE(at + 2);
    const end = at + 4 + length;
    if (end > datagram.length) return undefined;
    if (type === ATTRIBUTE.messageIntegrity) {
      // What follows the signature is not signed.
      return length === INTEGRITY_BYTES ? { values, signedBytes: at } : undefined;
    }
    if (!values.has(type)) values.set(type, datagram.subarray(at + 4, end));
    at += 4 + padded(length);
  }
  return { values, signedBytes: undefined };
}

function roleIn(value: (attribute: number, bytes: number) => Buffer | undefined) {
  const controlling = value(ATTRIBUTE.iceControlling, 8);
  if (controlling) {
    return { is: 'controlling', tieBreaker: controlling.readBigUInt64BE() } as const;
  }
  const controlled = value(ATTRIBUTE.iceControlled, 8);
  return controlled && ({ is: 'controlled', tieBreaker: controlled.readBigUInt64BE() } as const);
}

function written(
  type: keyof typeof TYPES,
  transactionId: Buffer,
  attributes: readonly Buffer[],
  password: string,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(TYPES[type], 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(header, 8);
  const unsigned = Buffer.concat([header, ...attributes]);
  const signature = attribute(ATTRIBUTE.messageIntegrity, signatureOf(unsigned, password));
  const signed = Buffer.concat([unsigned, signature]);
  const whole = Buffer.concat([signed, attribute(ATTRIBUTE.fingerprint, Buffer.alloc(4))]);
  whole.writeUInt16BE(whole.length - HEADER_BYTES, 2);
  const checksum = crc32(whole.subarray(0, signed.length)) ^ FINGERPRINT_XOR;
  whole.writeUInt32BE(checksum >>> 0, whole.length - 4);
  return whole;
}

/** Over all before it, with a length as if it ended the message. */
function signatureOf(before: Buffer, password: string): Buffer {
  const counted = Buffer.from(before);
  counted.writeUInt16BE(before.length - HEADER_BYTES + 4 + INTEGRITY_BYTES, 2);
  return createHmac('sha1', password).update(counted).digest();
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

function xorAddress({ ip, port }: UdpAddress, transactionId: Buffer): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE);
  transactionId.copy(mask, 4);
  const address = isIPv4(ip) ? Buffer.from(ip.split('.').map(Number)) : ipv6Bytes(ip);
  const bytes = Buffer.alloc(4 + address.length);
  bytes[1] = address.length === 4 ? 1 : 2;
  bytes.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (const [index, byte] of address.entries()) bytes[4 + index] = byte ^ mask.readUInt8(index);
  return bytes;
}

function ipv6Bytes(ip: string): Buffer {
  const [head = '', tail] = ip.replace(/%.*$/, '').split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':'));
  const left = words(head);
  const right = words(tail ?? '');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const all = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  const bytes = Buffer.alloc(16);
  for (const [index, word] of all.slice(0, 8).entries()) {
    bytes.writeUInt16BE(Number.parseInt(word, 16) & 0xffff, index * 2);
  }
  return bytes;
}
