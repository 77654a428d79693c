import { HEADER_BYTES } from './header.js';

/** Of RFC 8489, and of RFC 8445 for connectivity checks. */
export const ATTRIBUTE = {
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

export const INTEGRITY_BYTES = 20;

export interface Attributes {
  /** The first of each type, and none that follows the signature, as nobody has signed it. */
  readonly values: ReadonlyMap<number, Buffer>;
  /** Where the signature starts. */
  readonly signedBytes: number | undefined;
}

/** Undefined where an attribute ends beyond its message. */
export function attributesOf(datagram: Buffer): Attributes | undefined {
  const values = new Map<number, Buffer>();
  let at = HEADER_BYTES;
  while (at < datagram.length) {
    if (at + 4 > datagram.length) return undefined;
    const type = datagram.readUInt16BE(at);
    const length = datagram.readUInt16BE(at + 2);
    const end = at + 4 + length;
    if (end > datagram.length) return undefined;
    if (type === ATTRIBUTE.messageIntegrity) {
      return length === INTEGRITY_BYTES ? { values, signedBytes: at } : undefined;
    }
    if (!values.has(type)) values.set(type, datagram.subarray(at + 4, end));
    at += 4 + padded(length);
  }
  return { values, signedBytes: undefined };
}

export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
