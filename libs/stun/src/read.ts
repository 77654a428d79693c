import { timingSafeEqual } from 'node:crypto';
import { ATTRIBUTE, INTEGRITY_BYTES, attributesOf } from './attributes.js';
import { HEADER_BYTES, MAGIC_COOKIE, typeOf, type StunType } from './header.js';
import { unmaskedAddress } from './mapped-address.js';
import { signatureOf } from './signature.js';
import type { UdpAddress } from './udp-address.js';

const MESSAGE_MAX_BYTES = 1_280;

export type IceRole = 'controlling' | 'controlled';

/** A binding message as somebody sent it; trustworthy only where {@link isSignedWith} says so. */
export interface StunMessage {
  readonly type: StunType;
  /** 12 bytes, as hex. */
  readonly transactionId: string;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly nominates: boolean;
  readonly role: { readonly is: IceRole; readonly tieBreaker: bigint } | undefined;
  /** Where its sender saw the request come from. */
  readonly mappedAddress: UdpAddress | undefined;
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
  const type = typeOf(datagram.readUInt16BE(0));
  const attributes = attributesOf(datagram);
  if (type === undefined || !attributes) return undefined;
  const value = (attribute: number, bytes?: number) => {
    const found = attributes.values.get(attribute);
    return bytes === undefined || found?.length === bytes ? found : undefined;
  };
  const transactionId = datagram.subarray(8, HEADER_BYTES);
  const mapped = value(ATTRIBUTE.xorMappedAddress);
  return {
    type,
    transactionId: transactionId.toString('hex'),
    username: value(ATTRIBUTE.username)?.toString('utf8'),
    priority: value(ATTRIBUTE.priority, 4)?.readUInt32BE(),
    nominates: attributes.values.has(ATTRIBUTE.useCandidate),
    role: roleIn(value),
    mappedAddress: mapped && unmaskedAddress(mapped, transactionId),
    errorCode: errorIn(value(ATTRIBUTE.errorCode)),
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

function roleIn(value: (attribute: number, bytes: number) => Buffer | undefined) {
  const controlling = value(ATTRIBUTE.iceControlling, 8);
  if (controlling) {
    return { is: 'controlling', tieBreaker: controlling.readBigUInt64BE() } as const;
  }
  const controlled = value(ATTRIBUTE.iceControlled, 8);
  return controlled && ({ is: 'controlled', tieBreaker: controlled.readBigUInt64BE() } as const);
}

function errorIn(value: Buffer | undefined): number | undefined {
  if (!value || value.length < 4) return undefined;
  return (value.readUInt8(2) & 7) * 100 + value.readUInt8(3);
}
