import { isIPv4 } from 'node:net';
import { MAGIC_COOKIE } from './header.js';
import type { UdpAddress } from './udp-address.js';

const IPV4 = 1;
const IPV6 = 2;

/** The value of XOR-MAPPED-ADDRESS. */
export function maskedAddress({ ip, port }: UdpAddress, transactionId: Buffer): Buffer {
  const address = isIPv4(ip) ? Buffer.from(ip.split('.').map(Number)) : ipv6Bytes(ip);
  const bytes = Buffer.alloc(4 + address.length);
  bytes[1] = address.length === 4 ? IPV4 : IPV6;
  bytes.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  masked(address, transactionId).copy(bytes, 4);
  return bytes;
}

/** Undefined for what is no such value. */
export function unmaskedAddress(value: Buffer, transactionId: Buffer): UdpAddress | undefined {
  const family = value[1];
  const address = value.subarray(4);
  const isOfItsFamily =
    (family === IPV4 && address.length === 4) || (family === IPV6 && address.length === 16);
  if (!isOfItsFamily) return undefined;
  const plain = masked(address, transactionId);
  return {
    ip: family === IPV4 ? plain.join('.') : ipv6Text(plain),
    port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16),
  };
}

/** There and back: by the cookie and the transaction's id. */
function masked(address: Buffer, transactionId: Buffer): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE);
  transactionId.copy(mask, 4);
  return Buffer.from(address.map((byte, index) => byte ^ mask.readUInt8(index)));
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

function ipv6Text(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, word) => bytes.readUInt16BE(word * 2));
  return words.map((word) => word.toString(16)).join(':');
}
