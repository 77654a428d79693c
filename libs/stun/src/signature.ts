import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ATTRIBUTE, INTEGRITY_BYTES, attribute } from './attributes.js';
import { HEADER_BYTES } from './header.js';

const FINGERPRINT_XOR = 0x5354554e;

/** Of short-term credentials: over all before it, with a length as if it ended the message. */
export function signatureOf(before: Buffer, password: string): Buffer {
  const counted = Buffer.from(before);
  counted.writeUInt16BE(before.length - HEADER_BYTES + 4 + INTEGRITY_BYTES, 2);
  return createHmac('sha1', password).update(counted).digest();
}

/** With its signature and, as checks need it, its fingerprint. */
export function signed(unsigned: Buffer, password: string): Buffer {
  const signature = attribute(ATTRIBUTE.messageIntegrity, signatureOf(unsigned, password));
  const before = Buffer.concat([unsigned, signature]);
  const whole = Buffer.concat([before, attribute(ATTRIBUTE.fingerprint, Buffer.alloc(4))]);
  whole.writeUInt16BE(whole.length - HEADER_BYTES, 2);
  const checksum = crc32(whole.subarray(0, before.length)) ^ FINGERPRINT_XOR;
  whole.writeUInt32BE(checksum >>> 0, whole.length - 4);
  return whole;
}
